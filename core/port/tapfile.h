/* SPDX-License-Identifier: MIT
 * tapfile.h: what the taps that write a file share (spy, record): the inner URL, the file, its
 * clock.  Each event is written at once, so a kill loses nothing; a write that fails is told
 * once on stderr and ends the file, never the port.  Writing waits for a slow reader of a
 * pipe or terminal.  The tap that embeds it calls tapfile_close. */
#ifndef PORT_TAPFILE_H
#define PORT_TAPFILE_H
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"

struct tapfile {
	int fd;                 /* -1 after a failure */
	char *path;             /* NULL: standard error */
	uint64_t start;         /* monotonic clock at tapfile_open, microseconds */
	uint64_t epoch;         /* the same instant since 1970 */
};

/* path NULL: standard error.  A file that is there is overwritten. */
int tapfile_open(struct tapfile *f, const char *path, struct err *e);
/* Microseconds since tapfile_open. */
uint64_t tapfile_clock(const struct tapfile *f);
/* Writes all of text and empties it.  failed: text is not complete, for want of memory. */
void tapfile_write(struct tapfile *f, struct buf *text, int failed);
void tapfile_close(struct tapfile *f);

/* Makes *inner the URL that a tap URL stands for: its rest, or where that is empty its option `url`, with
 * the options that are not the tap's own. */
int tapfile_inner(struct url *inner, const struct url *outer, const char *text, const char *const *own, struct err *e);

#endif
