/* SPDX-License-Identifier: MIT
 * capture.h: what passes at a port, as pcapng (see spy.h), kept in a temporary file without a name, which is gone with
 * the process whatever becomes of it.  One port may follow another (an instrument that was opened again): each begins
 * a section of the file.  A capture that is full takes a last packet that says so, and nothing more.
 * It belongs to who made it and to the taps that write to it; the last one frees it. */
#ifndef PORT_CAPTURE_H
#define PORT_CAPTURE_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct capture {
	int fd;                 /* -1: closed, or it could not be written */
	unsigned users;
	uint64_t size, limit;   /* bytes */
	bool paused;            /* leaves out what passes */
	bool full;
	int sys;                /* errno of the write that failed, 0 none */
};

/* NULL: *e says why. */
struct capture *capture_new(uint64_t limit, struct err *e);
struct capture *capture_hold(struct capture *c);
void capture_release(struct capture *c);
/* Its file is gone, and nothing is taken any more. */
void capture_close(struct capture *c);

/* Whether it takes anything now. */
bool capture_is_on(const struct capture *c);
/* Whether n bytes more leave room for the last packet. */
bool capture_has_room(const struct capture *c, size_t n);
/* Writes all of text and empties it.  failed: text is not complete, for want of memory. */
void capture_write(struct capture *c, struct buf *text, int failed);
/* The bytes from offset on: as pread(2). */
ssize_t capture_read(const struct capture *c, void *to, size_t n, uint64_t offset);

#endif
