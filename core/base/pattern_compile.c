// SPDX-License-Identifier: MIT
// pattern_compile.c: Lua pattern text to the items of pattern_program.h.  Reads the text as
// Lua 5.4 does, oddities included: `*` after `)`, `%b()` or `%1` is a plain star, `[]]` holds
// a bracket, `%q` is a q.  The messages are Lua's.
#include "base/pattern_program.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct source {
	const unsigned char *at, *end;
	struct program *program;
	bool closed[PATTERN_CAPTURES];
	bool position[PATTERN_CAPTURES];
	size_t opened_by[PATTERN_CAPTURES];     /* index of the item */
	struct err *err;
};

static int fault(struct source *s, const char *what)
{
	return err_set(s->err, ERR_UNSUPPORTED, "%s", what);
}

static void byteset_add(struct byteset *s, unsigned c)
{
	s->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static void byteset_add_all(struct byteset *s, const struct byteset *other)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] |= other->bits[i];
}

static void byteset_invert(struct byteset *s)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] = ~s->bits[i];
}

static int is_nul(int c)
{
	return c == 0;
}

static int (*class_test(int letter))(int)
{
	switch (letter) {
	case 'a': return isalpha;
	case 'c': return iscntrl;
	case 'd': return isdigit;
	case 'g': return isgraph;
	case 'l': return islower;
	case 'p': return ispunct;
	case 's': return isspace;
	case 'u': return isupper;
	case 'w': return isalnum;
	case 'x': return isxdigit;
	case 'z': return is_nul;        /* from before patterns could hold a NUL */
	default: return NULL;
	}
}

/* What follows a %: a class, its complement in upper case, or the byte itself. */
static void byteset_add_class(struct byteset *s, unsigned char letter)
{
	int (*test)(int) = class_test(tolower(letter));
	if (!test) {
		byteset_add(s, letter);
		return;
	}
	bool wanted = !isupper(letter);
	for (unsigned c = 0; c < 256; c++)
		if ((test((int)c) != 0) == wanted)
			byteset_add(s, c);
}

/* s->at is behind the [. The end is looked for first, and not as the contents are read:
 * in `[a-%]]` the range ends at the % that has hidden the ] before. */
static int compile_set(struct source *s, struct byteset *set)
{
	const unsigned char *p = s->at, *close = p;
	bool invert = p < s->end && *p == '^';
	if (invert)
		close = ++p;
	do {
		if (close == s->end)
			return fault(s, "malformed pattern (missing ']')");
		if (*close++ == '%' && close < s->end)
			close++;
	} while (close == s->end || *close != ']');
	for (; p < close; p++) {
		if (*p == '%') {
			byteset_add_class(set, *++p);
		} else if (p + 2 < close && p[1] == '-') {
			for (unsigned c = p[0]; c <= p[2]; c++)
				byteset_add(set, c);
			p += 2;
		} else {
			byteset_add(set, *p);
		}
	}
	if (invert)
		byteset_invert(set);
	s->at = close + 1;
	return 0;
}

static struct item *add(struct source *s, enum item_kind kind)
{
	struct item *it = &s->program->items[s->program->size++];
	*it = (struct item){ .kind = kind };
	return it;
}

/* One byte of a set, with the + * - ? that may follow. */
static int compile_single(struct source *s)
{
	struct item *it = add(s, ITEM_BYTE);
	unsigned char c = *s->at++;
	if (c == '[') {
		if (compile_set(s, &it->set))
			return -1;
	} else if (c == '%') {
		if (s->at == s->end)
			return fault(s, "malformed pattern (ends with '%')");
		byteset_add_class(&it->set, *s->at++);
	} else if (c == '.') {
		byteset_invert(&it->set);
	} else {
		byteset_add(&it->set, c);
	}
	switch (s->at < s->end ? *s->at : 0) {
	case '?': it->kind = ITEM_OPTIONAL; break;
	case '*': it->kind = ITEM_GREEDY; break;
	case '-': it->kind = ITEM_LAZY; break;
	case '+': add(s, ITEM_GREEDY)->set = it->set; break;
	default: return 0;
	}
	s->at++;
	return 0;
}

static int compile_open(struct source *s)
{
	struct program *p = s->program;
	unsigned k = p->captures;
	if (k == PATTERN_CAPTURES)
		return fault(s, "too many captures");
	s->at++;
	p->captures++;
	s->position[k] = s->closed[k] = s->at < s->end && *s->at == ')';
	if (s->position[k])
		s->at++;
	s->opened_by[k] = p->size;
	add(s, s->position[k] ? ITEM_POSITION : ITEM_OPEN)->capture = (unsigned char)k;
	return 0;
}

static int compile_close(struct source *s)
{
	unsigned k = s->program->captures;
	while (k > 0 && s->closed[k - 1])
		k--;
	if (k == 0)
		return fault(s, "invalid pattern capture");
	s->closed[k - 1] = true;
	s->at++;
	add(s, ITEM_CLOSE)->capture = (unsigned char)(k - 1);
	return 0;
}

static int compile_backref(struct source *s)
{
	struct program *p = s->program;
	int k = s->at[1] - '1';
	if (k < 0 || k >= (int)p->captures || !s->closed[k])
		return err_set(s->err, ERR_UNSUPPORTED, "invalid capture index %%%d", k + 1);
	s->at += 2;
	struct item *it = add(s, ITEM_BACKREF);
	if (s->position[k])
		it->kind = ITEM_BYTE;           /* of the empty set: a position holds no text to repeat */
	it->capture = (unsigned char)k;
	if (p->apart_end == 0 || s->opened_by[k] + 1 < p->apart)
		p->apart = s->opened_by[k] + 1;
	p->apart_end = p->size;
	return 0;
}

static int compile_balance(struct source *s)
{
	if (s->end - s->at < 4)
		return fault(s, "malformed pattern (missing arguments to '%b')");
	struct item *it = add(s, ITEM_BALANCE);
	it->open = s->at[2];
	it->close = s->at[3];
	s->at += 4;
	return 0;
}

static int compile_frontier(struct source *s)
{
	s->at += 2;
	if (s->at == s->end || *s->at != '[')
		return fault(s, "missing '[' after '%f' in pattern");
	s->at++;
	return compile_set(s, &add(s, ITEM_FRONTIER)->set);
}

static int compile_item(struct source *s)
{
	unsigned char next = s->end - s->at > 1 ? s->at[1] : 0;
	switch (*s->at) {
	case '(':
		return compile_open(s);
	case ')':
		return compile_close(s);
	case '$':
		if (s->at + 1 < s->end)
			return compile_single(s);
		s->at++;
		add(s, ITEM_END);
		return 0;
	case '%':
		if (next == 'b')
			return compile_balance(s);
		if (next == 'f')
			return compile_frontier(s);
		if (isdigit(next))
			return compile_backref(s);
		return compile_single(s);
	default:
		return compile_single(s);
	}
}

/* The bytes that a match can begin with: those of the first item that must take one, and of the
 * optional ones before it. */
static void find_first(struct program *p)
{
	for (const struct item *it = p->items; !p->has_first; it++) {
		switch (it->kind) {
		case ITEM_OPEN: case ITEM_CLOSE: case ITEM_POSITION:
			continue;
		case ITEM_OPTIONAL: case ITEM_GREEDY: case ITEM_LAZY:
			byteset_add_all(&p->first, &it->set);
			continue;
		case ITEM_BYTE: case ITEM_FRONTIER:
			byteset_add_all(&p->first, &it->set);
			break;
		case ITEM_BALANCE:
			byteset_add(&p->first, it->open);
			break;
		default:
			return;
		}
		p->has_first = true;
	}
	for (int c = 0, n = 0; c < 256; c++)
		if (byteset_has(&p->first, (unsigned char)c))
			p->first_byte = n++ ? -1 : c;
}

int program_compile(struct program *p, const char *pat, size_t len, struct err *err)
{
	struct source s = { .program = p, .err = err, .at = (const unsigned char *)pat };
	s.end = s.at + len;
	*p = (struct program){ .first_byte = -1 };
	p->items = malloc((len + 1) * sizeof *p->items);        /* no item takes less than one byte of text */
	if (!p->items)
		return err_set(err, ERR_SYSTEM, "no memory for a pattern of %zu bytes", len);
	if (len > 0 && *s.at == '^') {
		p->anchored = true;
		s.at++;
	}
	while (s.at < s.end)
		if (compile_item(&s))
			goto fail;
	for (unsigned k = 0; k < p->captures; k++)
		if (!s.closed[k]) {
			fault(&s, "unfinished capture");
			goto fail;
		}
	add(&s, ITEM_ACCEPT);
	find_first(p);
	return 0;
fail:
	free(p->items);
	p->items = NULL;
	return -1;
}
