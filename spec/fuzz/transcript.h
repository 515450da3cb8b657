/* SPDX-License-Identifier: MIT
 * transcript.h: what a codec made of its input, as bytes to be compared: the same whatever the pieces. */
#ifndef FUZZ_TRANSCRIPT_H
#define FUZZ_TRANSCRIPT_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static inline void must(int ok)
{
	if (!ok)
		abort();
}

static inline void put(struct buf *t, const void *bytes, size_t n)
{
	must(buf_append(t, bytes, n) == 0);
}

static inline void put_number(struct buf *t, unsigned long n)
{
	char text[24];
	put(t, text, (size_t)snprintf(text, sizeof text, " %lu", n));
}

static inline void must_be_same(const struct buf *a, const struct buf *b)
{
	must(a->len == b->len && (!a->len || !memcmp(buf_data(a), buf_data(b), a->len)));
}

/* Data gathers apart from events: its pieces may differ.  An event says where in the data it stood. */
struct transcript {
	struct buf events, data, out;
};

static inline void transcript_clear(struct transcript *t)
{
	buf_clear(&t->events);
	buf_clear(&t->data);
	buf_clear(&t->out);
}

static inline void transcripts_must_be_same(const struct transcript *a, const struct transcript *b)
{
	must_be_same(&a->events, &b->events);
	must_be_same(&a->data, &b->data);
	must_be_same(&a->out, &b->out);
}

/* The size of the next piece of n bytes: the seed's bits choose. */
static inline size_t piece(unsigned *seed, size_t n)
{
	*seed = *seed * 1103515245u + 12345u;
	size_t most = *seed & 0x10000 ? 3 : 40, size = (*seed >> 20) % most + 1;
	return size < n ? size : n;
}

enum cutting { WHOLE, BYTEWISE, RANDOM, CUTTINGS };

static inline size_t next_piece(enum cutting how, unsigned *seed, size_t n)
{
	return how == WHOLE ? n : how == BYTEWISE ? 1 : piece(seed, n);
}

#endif
