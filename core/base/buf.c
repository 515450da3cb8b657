// SPDX-License-Identifier: MIT
// buf.c: see buf.h.
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 256, KEEP = 128 * 1024 };

char *buf_room(struct buf *b, size_t n)
{
	if (buf_spare(b) >= n && b->mem)
		return b->mem + b->start + b->len;
	if (b->mem && b->start && b->cap - b->len >= n && b->start >= b->len) {
		memmove(b->mem, b->mem + b->start, b->len);
		b->start = 0;
		return b->mem + b->len;
	}
	size_t cap = b->cap ? b->cap : FIRST;
	while (cap - b->len < n) {
		if (cap > (size_t)-1 / 4)
			return NULL;
		cap *= 2;
	}
	char *mem = malloc(cap);
	if (!mem)
		return NULL;
	if (b->mem)
		memcpy(mem, b->mem + b->start, b->len);
	free(b->mem);
	b->mem = mem;
	b->cap = cap;
	b->start = 0;
	return mem + b->len;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	if (!n)
		return 0;
	char *to = buf_room(b, n);
	if (!to)
		return -1;
	memcpy(to, data, n);
	b->len += n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n < b->len) {
		b->start += n;
		b->len -= n;
		return;
	}
	b->start = b->len = 0;
	if (b->cap > KEEP)
		buf_clear(b);
}

void buf_clear(struct buf *b)
{
	free(b->mem);
	*b = (struct buf){ 0 };
}
