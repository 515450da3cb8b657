// SPDX-License-Identifier: MIT
// telnet.c: see telnet.h.  The decoder is a state for each place where a read may end.
#include "proto/telnet.h"

#include <stdlib.h>
#include <string.h>

enum state { DATA, IAC, VERB, SB, SUB, SUB_IAC };

enum { LF = 10, CR = 13 };

void telnet_init(struct telnet *t, struct buf *out)
{
	*t = (struct telnet){ .out = out, .options = {
		{ .code = TELNET_BINARY, .ours = true, .theirs = true },
		{ .code = TELNET_SGA, .ours = true, .theirs = true },
		{ .code = TELNET_COM_PORT, .ours = true, .theirs = true },
	} };
}

void telnet_clear(struct telnet *t)
{
	free(t->sub);
	t->sub = NULL;
}

/* ---- what we say ------------------------------------------------------------------------- */

static void say(struct telnet *t, const void *bytes, size_t n)
{
	if (buf_append(t->out, bytes, n) < 0)
		t->failed = true;
}

static void negotiate(struct telnet *t, unsigned char verb, unsigned char code)
{
	say(t, (const unsigned char[]){ TELNET_IAC, verb, code }, 3);
}

void telnet_command(struct telnet *t, unsigned char command)
{
	say(t, (const unsigned char[]){ TELNET_IAC, command }, 2);
}

static bool nvt_out(const struct telnet *t)
{
	return telnet_state(t, TELNET_BINARY, true) == TELNET_NO;
}

bool telnet_plain(const struct telnet *t, const void *data, size_t n)
{
	return !memchr(data, TELNET_IAC, n) && !(nvt_out(t) && memchr(data, CR, n));
}

/* Up to and including the byte that needs another one behind it, or all. */
static size_t span(const unsigned char *data, size_t n, bool nvt)
{
	const unsigned char *iac = memchr(data, TELNET_IAC, n);
	size_t size = iac ? (size_t)(iac - data) + 1 : n;
	const unsigned char *cr = nvt ? memchr(data, CR, size) : NULL;
	return cr ? (size_t)(cr - data) + 1 : size;
}

void telnet_data(struct telnet *t, const void *data, size_t n)
{
	const unsigned char *at = data, *end = at + n;
	bool nvt = nvt_out(t);
	while (at < end) {
		size_t size = span(at, (size_t)(end - at), nvt);
		unsigned char last = at[size - 1];
		say(t, at, size);
		at += size;
		if (last == TELNET_IAC)
			say(t, &last, 1);
		else if (nvt && last == CR && (at == end || *at != LF))
			say(t, "", 1);
	}
}

void telnet_sub(struct telnet *t, unsigned char option, const void *payload, size_t n)
{
	const unsigned char *at = payload, *end = at + n;
	say(t, (const unsigned char[]){ TELNET_IAC, TELNET_SB, option }, 3);
	while (at < end) {
		size_t size = span(at, (size_t)(end - at), false);
		say(t, at, size);
		at += size;
		if (at[-1] == TELNET_IAC)
			say(t, at - 1, 1);
	}
	telnet_command(t, TELNET_SE);
}

/* ---- options: the tables of RFC 1143 ------------------------------------------------------ */

static struct telnet_option *find(const struct telnet *t, unsigned char code)
{
	for (int i = 0; i < TELNET_OPTIONS; i++)
		if (t->options[i].code == code)
			return (struct telnet_option *)&t->options[i];
	return NULL;
}

enum telnet_q telnet_state(const struct telnet *t, unsigned char code, bool ours)
{
	const struct telnet_option *o = find(t, code);
	return !o ? TELNET_NO : ours ? o->us : o->them;
}

void telnet_want(struct telnet *t, unsigned char code, bool ours, bool on)
{
	struct telnet_option *o = find(t, code);
	if (!o)
		return;
	enum telnet_q *q = ours ? &o->us : &o->them;
	switch (*q) {
	case TELNET_NO:
		if (on) {
			*q = TELNET_WANT_YES;
			negotiate(t, ours ? TELNET_WILL : TELNET_DO, code);
		}
		break;
	case TELNET_YES:
		if (!on) {
			*q = TELNET_WANT_NO;
			negotiate(t, ours ? TELNET_WONT : TELNET_DONT, code);
		}
		break;
	case TELNET_WANT_NO: case TELNET_WANT_NO_YES:
		*q = on ? TELNET_WANT_NO_YES : TELNET_WANT_NO;
		break;
	case TELNET_WANT_YES: case TELNET_WANT_YES_NO:
		*q = on ? TELNET_WANT_YES : TELNET_WANT_YES_NO;
		break;
	}
}

/* The peer says WILL (of its side) or DO (of ours): the new state. */
static enum telnet_q asked_on(struct telnet *t, enum telnet_q q, bool agree, bool ours, unsigned char code)
{
	unsigned char yes = ours ? TELNET_WILL : TELNET_DO, no = ours ? TELNET_WONT : TELNET_DONT;
	switch (q) {
	case TELNET_NO:
		negotiate(t, agree ? yes : no, code);
		return agree ? TELNET_YES : TELNET_NO;
	case TELNET_YES: case TELNET_WANT_YES: case TELNET_WANT_NO_YES:
		return TELNET_YES;
	case TELNET_WANT_NO:                     /* it answers a "no" by "yes" */
		return TELNET_NO;
	default:
		negotiate(t, no, code);
		return TELNET_WANT_NO;
	}
}

/* It says WONT or DONT. */
static enum telnet_q asked_off(struct telnet *t, enum telnet_q q, bool ours, unsigned char code)
{
	switch (q) {
	case TELNET_YES:
		negotiate(t, ours ? TELNET_WONT : TELNET_DONT, code);
		return TELNET_NO;
	case TELNET_WANT_NO_YES:
		negotiate(t, ours ? TELNET_WILL : TELNET_DO, code);
		return TELNET_WANT_YES;
	default:
		return TELNET_NO;
	}
}

/* Is there an event? */
static bool negotiated(struct telnet *t, unsigned char verb, unsigned char code, struct telnet_event *ev)
{
	bool ours = verb == TELNET_DO || verb == TELNET_DONT, on = verb == TELNET_DO || verb == TELNET_WILL;
	struct telnet_option *o = find(t, code);
	if (!o) {
		if (on)
			negotiate(t, ours ? TELNET_WONT : TELNET_DONT, code);
		return false;
	}
	enum telnet_q *q = ours ? &o->us : &o->them, before = *q;
	if (o->changes >= TELNET_CHANGES_MOST)
		return false;
	*q = on ? asked_on(t, before, ours ? o->ours : o->theirs, ours, code) : asked_off(t, before, ours, code);
	if (*q == before || *q > TELNET_YES)
		return false;
	o->changes++;
	*ev = (struct telnet_event){ .kind = TELNET_OPTION, .code = code, .ours = ours, .on = *q == TELNET_YES };
	return true;
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* Data from `at` on: how many bytes are used up; ev->size 0 when none of them is data. */
static size_t take_data(struct telnet *t, const unsigned char *at, size_t n, struct telnet_event *ev)
{
	bool nvt = telnet_state(t, TELNET_BINARY, false) != TELNET_YES, after_cr = nvt && t->cr;
	t->cr = false;
	if (after_cr && *at == 0)
		return 1;
	size_t size = span(at, n, nvt), used = size;
	if (at[size - 1] == TELNET_IAC) {
		if (size < n && at[size] == TELNET_IAC)
			used++;                          /* IAC IAC: the first one is data */
		else {
			t->state = IAC;
			size--;
		}
	}
	t->cr = size ? nvt && at[size - 1] == CR : after_cr;
	*ev = (struct telnet_event){ .kind = size ? TELNET_DATA : TELNET_NOTHING, .data = at, .size = size };
	return used;
}

static void begin_sub(struct telnet *t, unsigned char option)
{
	if (!t->sub && !(t->sub = malloc(TELNET_SUB_MAX)))
		t->failed = true;
	t->state = SUB;
	t->sub_option = option;
	t->sub_size = 0;
	t->sub_bad = !t->sub;
	t->sub_cut = false;
}

static void add_to_sub(struct telnet *t, unsigned char c)
{
	if (t->sub_bad)
		return;
	if (t->sub_size < TELNET_SUB_MAX)
		t->sub[t->sub_size++] = c;
	else
		t->sub_cut = true;
}

/* The byte behind an IAC inside a subnegotiation.  Only SE and IAC may stand there.  SB, or a word on another
 * option, says that this one was cut; with anything else it is void up to its end, so that no rest of it is
 * taken for data. */
static bool in_sub_iac(struct telnet *t, const unsigned char *c, struct telnet_event *ev)
{
	t->state = SUB;
	if (*c == TELNET_IAC)
		add_to_sub(t, *c);
	else if (*c == TELNET_SB)
		t->state = SB;
	else if (*c >= TELNET_WILL) {
		t->verb = *c;
		t->state = VERB;
	} else if (*c != TELNET_SE)
		t->sub_bad = true;
	else {
		t->state = DATA;
		*ev = (struct telnet_event){ .kind = t->sub_bad ? TELNET_NOTHING : TELNET_SUB, .code = t->sub_option,
			.data = t->sub, .size = t->sub_size, .cut = t->sub_cut };
	}
	return ev->kind != TELNET_NOTHING;
}

/* The byte behind an IAC. */
static bool after_iac(struct telnet *t, const unsigned char *c, struct telnet_event *ev)
{
	t->state = DATA;
	if (*c == TELNET_IAC) {
		t->cr = false;
		*ev = (struct telnet_event){ .kind = TELNET_DATA, .data = c, .size = 1 };
	} else if (*c == TELNET_SB)
		t->state = SB;
	else if (*c >= TELNET_WILL) {
		t->verb = *c;
		t->state = VERB;
	} else if (*c > TELNET_SE)
		*ev = (struct telnet_event){ .kind = TELNET_COMMAND, .code = *c };
	return ev->kind != TELNET_NOTHING;
}

/* One byte outside of data: is there an event? */
static bool step(struct telnet *t, const unsigned char *c, struct telnet_event *ev)
{
	switch (t->state) {
	case IAC:
		return after_iac(t, c, ev);
	case VERB:
		t->state = DATA;
		return negotiated(t, t->verb, *c, ev);
	case SB:
		if (*c == TELNET_IAC)
			t->state = SUB_IAC, t->sub_bad = true;   /* IAC SB IAC SE, or an option 255, which nobody has */
		else
			begin_sub(t, *c);
		return false;
	case SUB:
		if (*c == TELNET_IAC)
			t->state = SUB_IAC;
		else
			add_to_sub(t, *c);
		return false;
	default:
		return in_sub_iac(t, c, ev);
	}
}

size_t telnet_next(struct telnet *t, const void *in, size_t n, struct telnet_event *ev)
{
	const unsigned char *begin = in, *at = begin, *end = begin + n;
	*ev = (struct telnet_event){ .kind = TELNET_NOTHING };
	while (at < end) {
		if (t->state == DATA) {
			at += take_data(t, at, (size_t)(end - at), ev);
			if (ev->kind != TELNET_NOTHING)
				break;
		} else if (step(t, at++, ev))
			break;
	}
	return (size_t)(at - begin);
}
