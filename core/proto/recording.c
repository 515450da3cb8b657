// SPDX-License-Identifier: MIT
// recording.c: see recording.h.
#include "proto/recording.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"

static const char magic[] = "# moonrig recording 1";

static const char *const words[] = {
	[RECORDING_OPEN] = "open", [RECORDING_TX] = "tx", [RECORDING_RX] = "rx", [RECORDING_SETTINGS] = "settings",
	[RECORDING_SET] = "set", [RECORDING_SIGNALS] = "signals", [RECORDING_ASKED] = "asked",
	[RECORDING_BREAK] = "break", [RECORDING_FLUSH_INPUT] = "flush_input", [RECORDING_FLUSH_OUTPUT] = "flush_output",
	[RECORDING_DRAIN] = "drain", [RECORDING_LOST] = "lost", [RECORDING_CLOSE] = "close",
};
static const char *const signals[] = { "dtr", "rts", "cts", "dsr", "ri", "cd" };
enum { WORDS = sizeof words / sizeof *words, SIGNALS = sizeof signals / sizeof *signals };

/* ---- writing ------------------------------------------------------------------------------ */

static int put(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int put(struct buf *out, const char *fmt, ...)
{
	char text[80];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return buf_append(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static int put_value(struct buf *out, const struct recording_event *ev)
{
	int failed = 0;
	switch (ev->kind) {
	case RECORDING_TX: case RECORDING_RX: case RECORDING_LOST: case RECORDING_OPEN:
		failed = put(out, " \"") || escape_bytes(out, ev->data, ev->size) || put(out, "\"");
		return failed || (ev->kind == RECORDING_OPEN && *ev->settings && put(out, " %s", ev->settings));
	case RECORDING_SETTINGS:
		return put(out, " %s", ev->settings);
	case RECORDING_SET: case RECORDING_ASKED: case RECORDING_SIGNALS:
		for (int i = 0; i < SIGNALS; i++)
			if (ev->signals & 1u << i)
				failed |= put(out, " %s", signals[i]);
		return failed || (ev->kind != RECORDING_SIGNALS && put(out, ev->on ? " on" : " off"));
	case RECORDING_BREAK:
		return ev->seconds > 0 ? put(out, " %.9g", ev->seconds) : put(out, ev->on ? " on" : " off");
	default:
		return 0;
	}
}

int recording_head(struct buf *out, uint64_t epoch_seconds)
{
	char when[40];
	struct tm tm;
	time_t t = (time_t)epoch_seconds;
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return put(out, "%s, %s\n", magic, when);
}

int recording_write(struct buf *out, const struct recording_event *ev)
{
	unsigned long long s = ev->time / 1000000, us = ev->time % 1000000;
	return put(out, "%llu.%06llu %s", s, us, words[ev->kind]) || put_value(out, ev) || put(out, "\n") ? -1 : 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

struct reader {
	const char *at, *end;   /* of the line in hand, without its end */
	struct recording *recording;
	size_t room;            /* events allocated */
	struct recording_event event;
	struct err *err;
};

static int fault(struct reader *r, const char *what)
{
	return err_set(r->err, ERR_UNSUPPORTED, "line %u: %s", r->event.line, what);
}

/* Takes the characters up to a blank: how many. */
static size_t word(struct reader *r, const char **begin)
{
	while (r->at < r->end && *r->at == ' ')
		r->at++;
	*begin = r->at;
	while (r->at < r->end && *r->at != ' ')
		r->at++;
	return (size_t)(r->at - *begin);
}

static int word_index(struct reader *r, const char *const *list, int count)
{
	const char *begin;
	size_t n = word(r, &begin);
	for (int i = 0; i < count; i++)
		if (n == strlen(list[i]) && memcmp(begin, list[i], n) == 0)
			return i;
	return -1;
}

static bool at_end(const struct reader *r)
{
	const char *p = r->at;
	while (p < r->end && *p == ' ')
		p++;
	return p == r->end;
}

/* "12.345678" to microseconds; digits beyond the sixth are dropped. */
static int read_time(struct reader *r)
{
	const char *p;
	size_t n = word(r, &p), i = 0;
	uint64_t us = 0;
	for (; i < n && p[i] >= '0' && p[i] <= '9' && us < UINT64_MAX / 10000000 - 1; i++)
		us = us * 10 + (uint64_t)(p[i] - '0');
	bool digits = i > 0, dot = i < n && p[i] == '.';
	i += dot;
	for (int k = 0; k < 6; k++) {
		bool more = dot && i < n && p[i] >= '0' && p[i] <= '9';
		us = us * 10 + (more ? (uint64_t)(p[i++] - '0') : 0);
	}
	while (dot && i < n && p[i] >= '0' && p[i] <= '9')
		i++;
	if (!digits || i < n)
		return fault(r, "expected the time in seconds, as 0.012345");
	if (us < r->event.time)
		return fault(r, "the time goes back");
	r->event.time = us;
	return 0;
}

static int read_bytes(struct reader *r)
{
	struct buf *bytes = &r->recording->bytes;
	while (r->at < r->end && *r->at == ' ')
		r->at++;
	if (r->at == r->end || *r->at != '"')
		return fault(r, "expected bytes between double quotes");
	const char *begin = ++r->at;
	while (r->at < r->end && *r->at != '"')
		r->at += *r->at == '\\' && r->at + 1 < r->end ? 2 : 1;
	if (r->at == r->end)
		return fault(r, "the closing quote is missing");
	struct err e;
	size_t before = bytes->len;
	if (unescape(bytes, begin, (size_t)(r->at++ - begin), &e) < 0)
		return err_set(r->err, e.code, "line %u: in the quotes, %s", r->event.line, e.text);
	r->event.data = buf_data(bytes) + before;
	r->event.size = bytes->len - before;
	return 0;
}

static int read_signals(struct reader *r)
{
	r->event.signals = 0;
	do {
		if (r->event.kind == RECORDING_SIGNALS && at_end(r))
			break;
		int i = word_index(r, signals, SIGNALS);
		if (i < 0)
			return fault(r, "expected a signal: dtr rts cts dsr ri cd");
		r->event.signals |= 1u << i;
	} while (r->event.kind == RECORDING_SIGNALS);
	return 0;
}

static int read_on_off(struct reader *r)
{
	static const char *const states[] = { "off", "on" };
	int i = word_index(r, states, 2);
	if (i < 0)
		return fault(r, "expected on or off");
	r->event.on = i;
	return 0;
}

static int read_break(struct reader *r)
{
	char text[32], *stop;
	const char *before = r->at, *p;
	size_t n = word(r, &p);
	if (n == 0 || n >= sizeof text || p[0] < '0' || p[0] > '9') {
		r->at = before;
		return read_on_off(r);
	}
	memcpy(text, p, n);
	text[n] = 0;
	r->event.seconds = strtod(text, &stop);
	return *stop || !isfinite(r->event.seconds) ? fault(r, "expected the seconds of the break, on or off") : 0;
}

static int read_value(struct reader *r)
{
	switch (r->event.kind) {
	case RECORDING_TX: case RECORDING_RX: case RECORDING_LOST:
		return read_bytes(r);
	case RECORDING_OPEN:
		if (read_bytes(r))
			return -1;
		r->at = r->end;         /* the settings are for people */
		return 0;
	case RECORDING_SETTINGS:
		r->at = r->end;
		return 0;
	case RECORDING_SIGNALS:
		return read_signals(r);
	case RECORDING_SET: case RECORDING_ASKED:
		return read_signals(r) ? -1 : read_on_off(r);
	case RECORDING_BREAK:
		return read_break(r);
	default:
		return 0;
	}
}

static int keep(struct reader *r)
{
	struct recording *rec = r->recording;
	if (rec->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct recording_event *events = realloc(rec->events, room * sizeof *events);
		if (!events)
			return err_set(r->err, ERR_SYSTEM, "no memory for a recording of %zu events", room);
		rec->events = events;
		r->room = room;
	}
	rec->events[rec->count++] = r->event;
	return 0;
}

static int read_line(struct reader *r)
{
	if (at_end(r) || *r->at == '#')
		return 0;
	r->event = (struct recording_event){ .time = r->event.time, .line = r->event.line };
	if (read_time(r))
		return -1;
	int i = word_index(r, words, WORDS);
	if (i < 0)
		return fault(r, "no such event; they are open tx rx settings set signals asked break flush_input flush_output "
			"drain lost close");
	r->event.kind = (enum recording_kind)i;
	if (read_value(r))
		return -1;
	return at_end(r) ? keep(r) : fault(r, "something stands behind the event");
}

int recording_read(struct recording *rec, const char *text, size_t n, struct err *e)
{
	struct reader r = { .recording = rec, .err = e };
	*rec = (struct recording){ 0 };
	size_t m = strlen(magic);
	if (n < m || memcmp(text, magic, m) != 0 || (n > m && text[m] >= '0' && text[m] <= '9'))
		return err_set(e, ERR_UNSUPPORTED, "line 1: this is no recording: it does not begin with \"%s\"", magic);
	if (!buf_room(&rec->bytes, n))          /* bytes never take more than their text: the data does not move */
		return err_set(e, ERR_SYSTEM, "no memory for a recording of %zu bytes", n);
	for (const char *at = text, *end = text + n; at < end; at = r.end + 1) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		r.event.line++;
		r.at = at;
		r.end = stop > at && stop[-1] == '\r' ? stop - 1 : stop;
		if (read_line(&r)) {
			recording_clear(rec);
			return -1;
		}
		r.end = stop;
	}
	return 0;
}

void recording_clear(struct recording *r)
{
	free(r->events);
	buf_clear(&r->bytes);
	*r = (struct recording){ 0 };
}
