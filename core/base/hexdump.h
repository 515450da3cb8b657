/* SPDX-License-Identifier: MIT
 * hexdump.h: lines of a traffic dump in the columns of pySerial's spy, so that what reads its
 * logs reads these:
 *   000000.301 TX   0000  48 45 4C 4C 4F 0A                                 HELLO.
 * Text only: no clock, no file, no colour.  The caller owns `out`. */
#ifndef BASE_HEXDUMP_H
#define BASE_HEXDUMP_H
#include "base/buf.h"

/* Appends a line for each 16 bytes; none for no bytes.  -1 without memory. */
int hexdump_bytes(struct buf *out, double seconds, const char *label, const void *data, size_t n);
/* The same with another text before each line. */
int hexdump_rows(struct buf *out, const char *head, const void *data, size_t n);
/* Appends one line with a text in place of the bytes: "000000.301 BRK  active". */
int hexdump_text(struct buf *out, double seconds, const char *label, const char *text);

#endif
