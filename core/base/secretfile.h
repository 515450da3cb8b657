/* SPDX-License-Identifier: MIT
 * secretfile.h: small files that only their owner may read: keys. */
#ifndef BASE_SECRETFILE_H
#define BASE_SECRETFILE_H
#include <stddef.h>

#include "base/err.h"

/* Makes a file with this mode (0600) and brings it to the disk.  One that is there already is left alone: refused. */
int secretfile_create(const char *path, unsigned mode, const char *data, size_t n, struct err *e);
/* Reads one into at most `room` bytes; returns how many.  Refused when its group or others may open it. */
int secretfile_read(const char *path, char *data, size_t room, struct err *e);

#endif
