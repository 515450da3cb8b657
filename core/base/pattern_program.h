/* SPDX-License-Identifier: MIT
 * pattern_program.h: what pattern_compile.c makes of a pattern and pattern.c runs; for
 * these two files only.  A program is a row of items, tried from left to right.  Lua's
 * patterns have neither alternatives nor repeated groups, so there are no jumps. */
#ifndef BASE_PATTERN_PROGRAM_H
#define BASE_PATTERN_PROGRAM_H
#include "base/pattern.h"

struct byteset {
	uint64_t bits[4];
};

static inline bool byteset_has(const struct byteset *s, unsigned char c)
{
	return s->bits[c >> 6] >> (c & 63) & 1;
}

enum item_kind {
	ITEM_BYTE,       /* one byte of `set` */
	ITEM_OPTIONAL,   /* x? */
	ITEM_GREEDY,     /* x*, and the second half of x+ */
	ITEM_BALANCE,    /* %b: from open to its close */
	ITEM_BACKREF,    /* %1: the bytes of `capture` again */
	ITEM_FRONTIER,   /* %f: byte before not in set, next one in it */
	ITEM_END,        /* $: up to here the items look at the next byte, or for the end */
	ITEM_LAZY,       /* x- */
	ITEM_OPEN,       /* ( of `capture` */
	ITEM_CLOSE,      /* ) */
	ITEM_POSITION,   /* () */
	ITEM_ACCEPT,
};

struct item {
	enum item_kind kind;
	unsigned char open, close, capture;
	struct byteset set;
};

struct program {
	struct item *items;             /* allocated; the last one is ITEM_ACCEPT */
	size_t size;
	unsigned captures;
	bool anchored;                  /* ^ */
	/* Two attempts that reach the same item at the same byte have the same future, so the later one
	 * is dropped; except in [apart, apart_end), where a back reference makes them differ. */
	size_t apart, apart_end;
	bool has_first;                 /* a match can only begin with a byte of `first` */
	struct byteset first;
	int first_byte;                 /* ... and that is this one, or -1 */
};

int program_compile(struct program *p, const char *pat, size_t len, struct err *err);

#endif
