/* SPDX-License-Identifier: MIT
 * escape.h: bytes from outside, made safe to show or to keep as text.
 * An instrument's reply must not move the cursor, rename the window or hide a verdict.
 * The caller owns `out`; -1 means no memory. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H
#include "base/buf.h"
#include "base/err.h"

/* For a terminal: readable characters, UTF-8 among them, stay; controls (C0, C1, DEL, those that turn the
 * direction of writing), the backslash and bytes that are no UTF-8 become \r \n \t \e \\ or \xNN. */
int escape_terminal(struct buf *out, const void *data, size_t n);

/* For a file, exact: ASCII only, in one line, without quotes.  unescape gives the bytes back. */
int escape_bytes(struct buf *out, const void *data, size_t n);
/* -1 also for text that escape_bytes does not write; *e says at which character. */
int unescape(struct buf *out, const char *text, size_t n, struct err *e);

#endif
