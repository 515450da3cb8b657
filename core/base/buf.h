/* SPDX-License-Identifier: MIT
 * buf.h: a byte queue: append at the end, consume from the front.  Zeroed
 * memory is an empty buffer.  It grows by doubling and gives memory back
 * when it runs empty after having been large.  The owner calls buf_clear. */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stddef.h>

struct buf {
	char *mem;          /* allocated, or NULL */
	size_t cap;         /* bytes allocated */
	size_t start;       /* first byte not consumed */
	size_t len;         /* bytes there */
};

static inline char *buf_data(const struct buf *b) { return b->mem + b->start; }

/* Room for n more bytes at the end: returns where they go, or NULL without memory. */
char *buf_room(struct buf *b, size_t n);
/* Bytes that fit at the end without allocation or move. */
static inline size_t buf_spare(const struct buf *b) { return b->cap - b->start - b->len; }
/* n bytes were put where buf_room said. */
static inline void buf_added(struct buf *b, size_t n) { b->len += n; }
/* 0, or -1 without memory. */
int buf_append(struct buf *b, const void *data, size_t n);
/* Drops n bytes (at most len) from the front. */
void buf_consume(struct buf *b, size_t n);
/* Frees all. */
void buf_clear(struct buf *b);

#endif
