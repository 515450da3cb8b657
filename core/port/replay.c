// SPDX-License-Identifier: MIT
// replay.c: see replay.h.  Writing moves along the tx events and queues the events behind each; a
// timer plays the queue.
#include "port/replay.h"

#include <errno.h>
#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "port/clock.h"
#include "proto/recording.h"

enum {
	DUE_MAX = 4096,         /* events waiting to be played before a write has to wait */
	LOOK_AGAIN = 3600,      /* seconds: longest timer */
	QUOTED = 80,            /* characters of bytes in a message */
};

struct due {
	size_t event;
	double at;              /* monotonic seconds */
};

struct replay {
	struct port port;
	struct recording recording;
	double speed;           /* INFINITY: no delays */
	bool loose;
	size_t next;            /* the tx event to write next (strict), or to look at first (loose) */
	size_t done;            /* strict: bytes of it that were written */
	struct buf pending;     /* loose: the beginning of a request */
	struct due *due;        /* a queue: first..count of room */
	size_t first, count, room;
	bool throttled, blocked;
	struct event *timer;
};

/* ---- playing ------------------------------------------------------------------------------ */

static void start_timer(struct replay *r)
{
	if (r->throttled || r->first == r->count)
		return;
	double wait = fmin(fmax(r->due[r->first].at - clock_now(), 0), LOOK_AGAIN);
	struct timeval t = clock_interval(wait);
	event_add(r->timer, &t);
}

static int push_due(struct replay *r, size_t event, double at, struct err *e)
{
	if (r->first == r->count)
		r->first = r->count = 0;
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		struct due *due = realloc(r->due, room * sizeof *due);
		if (!due)
			return err_sys(e, ENOMEM, "%s", r->port.name);
		r->due = due;
		r->room = room;
	}
	r->due[r->count++] = (struct due){ event, at };
	return 0;
}

/* Queues what follows from `event` on until the next tx.  Its times count from `base` of the recording. */
static int queue_answers(struct replay *r, size_t event, uint64_t base, struct err *e)
{
	const struct recording *rec = &r->recording;
	double start = clock_now(), last = r->count > r->first ? r->due[r->count - 1].at : start;
	for (; event < rec->count && rec->events[event].kind != RECORDING_TX; event++) {
		const struct recording_event *ev = &rec->events[event];
		bool plays = ev->kind == RECORDING_RX || ev->kind == RECORDING_SIGNALS || ev->kind == RECORDING_ASKED
			|| (ev->kind == RECORDING_LOST && event + 1 == rec->count);
		if (!plays)
			continue;
		/* An input had its level before it was asked for, so that one is played without a delay. */
		double at = ev->kind == RECORDING_ASKED ? last : start + (double)(ev->time - base) / 1e6 / r->speed;
		last = at > last ? at : last;
		if (push_due(r, event, last, e) < 0)
			return -1;
	}
	start_timer(r);
	return 0;
}

static void play(struct port *p, const struct recording_event *ev)
{
	struct err why;
	switch (ev->kind) {
	case RECORDING_RX:
		port_received(p, ev->data, ev->size);
		break;
	case RECORDING_SIGNALS:
		port_signals_changed(p, ev->signals);
		break;
	case RECORDING_ASKED:
		port_signals_changed(p, (p->signals & ~ev->signals) | (ev->on ? ev->signals : 0u));
		break;
	default:
		err_set(&why, ERR_CLOSED, "%s: in the recording, %.*s", p->name, (int)ev->size, (const char *)ev->data);
		port_lost(p, &why);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct replay *r = arg;
	struct port *p = &r->port;
	if (r->first == r->count || r->due[r->first].at > clock_now()) {
		start_timer(r);
		return;
	}
	/* Telling comes last: whoever hears of it may close the port. */
	if (r->blocked && r->count - r->first < DUE_MAX / 2) {
		r->blocked = false;
		start_timer(r);
		port_writable(p);
		return;
	}
	size_t event = r->due[r->first++].event;
	start_timer(r);
	play(p, &r->recording.events[event]);
}

/* ---- writing: strict ---------------------------------------------------------------------- */

static size_t next_tx(const struct recording *rec, size_t event)
{
	while (event < rec->count && (rec->events[event].kind != RECORDING_TX || rec->events[event].size == 0))
		event++;
	return event;
}

/* Quoted and escaped, cut to fit. */
static void quote(char text[QUOTED + 6], const void *data, size_t n)
{
	struct buf b = { 0 };
	size_t shown = n < QUOTED ? n : QUOTED;
	if (escape_bytes(&b, data, shown) < 0)
		b.len = 0;
	bool cut = b.len > QUOTED || shown < n;
	int size = (int)(b.len < QUOTED ? b.len : QUOTED);
	snprintf(text, QUOTED + 6, "\"%.*s\"%s", size, b.len ? buf_data(&b) : "", cut ? "..." : "");
	buf_clear(&b);
}

static int unexpected(struct replay *r, size_t event, size_t done, const char *got, size_t n, struct err *e)
{
	char want_text[QUOTED + 6], got_text[QUOTED + 6];
	quote(got_text, got, n);
	if (event == r->recording.count)
		return err_set(e, ERR_PROTOCOL, "%s: expected nothing more, the recording is at its end; got %s", r->port.name,
			got_text);
	const struct recording_event *ev = &r->recording.events[event];
	quote(want_text, (const char *)ev->data + done, ev->size - done);
	return err_set(e, ERR_PROTOCOL, "%s line %u: expected %s, got %s", r->port.name, ev->line, want_text, got_text);
}

static ssize_t write_strict(struct replay *r, const char *data, size_t n, struct err *e)
{
	const struct recording *rec = &r->recording;
	size_t event = r->next, done = r->done;
	for (size_t at = 0; at < n;) {
		size_t left = event < rec->count ? rec->events[event].size - done : 0;
		size_t part = left < n - at ? left : n - at;
		if (part == 0 || memcmp((const char *)rec->events[event].data + done, data + at, part) != 0)
			return unexpected(r, event, done, data + at, n - at, e);
		at += part;
		done += part;
		if (done == rec->events[event].size) {
			event = next_tx(rec, event + 1);
			done = 0;
		}
	}
	while (r->next != event) {
		size_t sent = r->next;
		r->next = next_tx(rec, sent + 1);
		if (queue_answers(r, sent + 1, rec->events[sent].time, e) < 0)
			return -1;
	}
	r->done = done;
	return (ssize_t)n;
}

/* ---- writing: loose ----------------------------------------------------------------------- */

/* The next request, from r->next on and around, that the pending bytes begin with (whole), or that
 * they are the beginning of; the count of events when there is none. */
static size_t find_request(const struct replay *r, bool whole)
{
	const struct recording *rec = &r->recording;
	size_t have = r->pending.len;
	for (size_t i = 0; i < rec->count; i++) {
		size_t event = (r->next + i) % rec->count;
		const struct recording_event *ev = &rec->events[event];
		if (ev->kind != RECORDING_TX || ev->size == 0 || (whole ? ev->size > have : ev->size <= have))
			continue;
		if (memcmp(ev->data, buf_data(&r->pending), whole ? ev->size : have) == 0)
			return event;
	}
	return rec->count;
}

static ssize_t write_loose(struct replay *r, const char *data, size_t n, struct err *e)
{
	const struct recording *rec = &r->recording;
	if (buf_append(&r->pending, data, n) < 0)
		return err_sys(e, ENOMEM, "%s", r->port.name);
	while (r->pending.len > 0) {
		size_t event = find_request(r, true);
		if (event == rec->count) {
			if (find_request(r, false) == rec->count)
				buf_consume(&r->pending, r->pending.len);
			break;
		}
		buf_consume(&r->pending, rec->events[event].size);
		r->next = event + 1;
		if (queue_answers(r, event + 1, rec->events[event].time, e) < 0)
			return -1;
	}
	return (ssize_t)n;
}

/* ---- the transport ------------------------------------------------------------------------ */

static ssize_t replay_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct replay *r = (struct replay *)p;
	r->blocked = r->count - r->first >= DUE_MAX;
	if (r->blocked || n == 0)
		return 0;
	return r->loose ? write_loose(r, data, n, e) : write_strict(r, data, n, e);
}

static void replay_throttle(struct port *p, bool on)
{
	struct replay *r = (struct replay *)p;
	r->throttled = on;
	if (on)
		event_del(r->timer);
	else
		start_timer(r);
}

static int read_options(struct replay *r, const struct url *u, struct err *e)
{
	const char *match = url_get(u, "match"), *speed = url_get(u, "speed");
	char *stop = NULL;
	r->speed = speed ? strtod(speed, &stop) : 1;
	if (speed && (stop == speed || *stop || !(r->speed > 0)))
		return err_set(e, ERR_UNSUPPORTED, "option speed=%s: expected a factor above 0 (2: twice as fast; inf: without "
			"delays)", speed);
	r->loose = match && strcmp(match, "loose") == 0;
	if (match && !r->loose && strcmp(match, "strict") != 0)
		return err_set(e, ERR_UNSUPPORTED, "option match=%s: expected strict or loose", match);
	return 0;
}

static int read_file(struct buf *text, const char *path, struct err *e)
{
	FILE *f = fopen(path, "rbe");
	if (!f)
		return err_sys(e, errno, "cannot read %s", path);
	char part[4096];
	size_t n;
	int r = 0;
	while (r == 0 && (n = fread(part, 1, sizeof part, f)) > 0)
		if (buf_append(text, part, n) < 0)
			r = err_sys(e, ENOMEM, "cannot read %s", path);
	if (r == 0 && ferror(f))
		r = err_sys(e, errno, "cannot read %s", path);
	fclose(f);
	return r;
}

static int read_recording(struct recording *rec, const char *path, struct err *e)
{
	struct buf text = { 0 };
	struct err why;
	int r = read_file(&text, path, e);
	if (r == 0 && recording_read(rec, text.len ? buf_data(&text) : "", text.len, &why) < 0)
		r = err_set(e, why.code, "%s: %s", path, why.text);
	buf_clear(&text);
	return r;
}

static void replay_close(struct port *p)
{
	struct replay *r = (struct replay *)p;
	if (r->timer)
		event_free(r->timer);
	free(r->due);
	buf_clear(&r->pending);
	recording_clear(&r->recording);
	*r = (struct replay){ .port = r->port };
}

static int replay_open(struct port *p, struct err *e)
{
	struct replay *r = (struct replay *)p;
	const struct recording *rec = &r->recording;
	if (!*p->url.rest)
		return err_set(e, ERR_UNSUPPORTED, "%s: the file is missing; write replay:FILE", p->url.text);
	if (read_options(r, &p->url, e) < 0 || read_recording(&r->recording, p->url.rest, e) < 0)
		return err_add(e, " (opening %s)", p->url.text);
	size_t size = sizeof "replay:" + strlen(p->url.rest);
	free(p->name);
	p->name = malloc(size);
	r->timer = event_new(p->base, -1, 0, on_timer, r);
	if (p->name)
		snprintf(p->name, size, "replay:%s", p->url.rest);
	if (!p->name || !r->timer) {
		replay_close(p);
		return err_sys(e, ENOMEM, "%s", p->url.text);
	}
	r->next = r->loose ? 0 : next_tx(rec, 0);
	uint64_t begin = rec->count > 0 && rec->events[0].kind == RECORDING_OPEN ? rec->events[0].time : 0;
	if (queue_answers(r, 0, begin, e) < 0) {
		replay_close(p);
		return -1;
	}
	return 0;
}

static int replay_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	(void)p, (void)s, (void)mask, (void)e;
	return 0;
}

static int replay_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e)
{
	(void)p, (void)mask, (void)values, (void)e;
	return 0;
}

static int replay_get_signals(struct port *p, unsigned *values, struct err *e)
{
	(void)e;
	*values = p->signals;
	return 0;
}

static int replay_set_break(struct port *p, bool on, struct err *e)
{
	(void)p, (void)on, (void)e;
	return 0;
}

static int replay_out_waiting(struct port *p, size_t *n, struct err *e)
{
	(void)p, (void)e;
	*n = 0;
	return 0;
}

static int replay_flush(struct port *p, int which, struct err *e)
{
	(void)p, (void)which, (void)e;
	return 0;
}

static const char *const options[] = { "match", "speed", NULL };

const struct port_ops replay_ops = {
	.name = "replay", .size = sizeof(struct replay), .options = options, .settings = SET_LINE, .open = replay_open,
	.close = replay_close, .write = replay_write, .throttle = replay_throttle, .out_waiting = replay_out_waiting,
	.set = replay_set, .set_signals = replay_set_signals, .get_signals = replay_get_signals,
	.set_break = replay_set_break, .flush = replay_flush,
};
