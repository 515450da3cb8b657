/* SPDX-License-Identifier: MIT
 * pattern.h: Lua 5.4 patterns over input that grows: what string.find finds in the
 * bytes so far, without looking at a byte twice.  All alternatives are followed side by
 * side (Thompson, Pike), so time is linear in the input whatever the pattern: `.-.-.-b`
 * costs what `b` costs.  Only %b and %1..%9 can need more; a budget then ends the search
 * with an error.  One difference from string.find: a malformed pattern is an error at
 * once, not only when the match gets as far as the fault.
 * pattern_new allocates, pattern_free frees.  Knows nothing about ports or Lua.
 *
 * How expect uses it: one pattern_new for each alternative.  On each arrival call
 * pattern_search on each, over the same buffer (what it held before plus the new bytes;
 * it may have moved in memory).  Of those that match now the smallest `begin` wins, ties
 * go to the first listed.  Nobody matches: wait for more.  Bytes before the smallest
 * `resume` can be part of no later match.  When bytes were taken from the front of the buffer
 * (the match, flush_input), call pattern_restart; without it, a search that has matched gives
 * its match again, or with more bytes a longer one. */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PATTERN_CAPTURES 32             /* most captures in a pattern, as in Lua */
#define PATTERN_POSITION SIZE_MAX       /* `end` of a position capture */

struct pattern_match {
	size_t begin, end;              /* the match is data[begin..end) */
	unsigned captures;
	struct {
		size_t begin, end;      /* end == PATTERN_POSITION: `()`, at begin */
	} capture[PATTERN_CAPTURES];
	bool open;                      /* a match that touched the end of the data: with more of it, it might
	                                 * have been another one (`%d+` on "12") */
	size_t resume;                  /* no match: the earliest start that may still match with more data */
};

struct pattern;

/* NULL with Lua's message when the pattern is malformed.  With plain, the bytes themselves. */
struct pattern *pattern_new(const char *pat, size_t patlen, bool plain, struct err *err);
void pattern_free(struct pattern *p);

/* Forgets the search so far; the next one starts at offset init, as string.find's init does. */
void pattern_restart(struct pattern *p, size_t init);

/* Searches on in data, which begins with the bytes of the call before.
 * 1: found, see out.  0: not in these bytes, see out->resume.  -1: too complex, or no memory. */
int pattern_search(struct pattern *p, const char *data, size_t len, struct pattern_match *out, struct err *err);

/* The three above in one, for bytes that do not grow. */
int pattern_find(const char *pat, size_t patlen, bool plain, const char *data, size_t len, size_t init,
                 struct pattern_match *out, struct err *err);

#endif
