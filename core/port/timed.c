// SPDX-License-Identifier: MIT
// timed.c: what takes time on a port: a break of a given length, a pulse on an
// output, waiting until all is sent, watching the input signals.  A break or pulse
// ends in time also when nobody waits for it any more; they share a timer, so the
// binding ends such a one (port_end_timed) before it begins another.
#include <event2/event.h>
#include <math.h>
#include <stdlib.h>

#include "port/clock.h"
#include "port/port.h"

enum { WATCH_MS = 10, DRAIN_MIN_US = 200, DRAIN_MAX_US = 50000 };

struct timed {
	struct event *end;                   /* of a break or pulse */
	struct event *drain;
	struct event *watch;
	bool breaking;                       /* a break is on that `end` ends */
	bool break_follows;                  /* `drain` leads to a break of this length */
	double break_seconds;
	unsigned pulse_mask, pulse_back;     /* outputs to set back, and to what */
	bool waited;                         /* somebody waits for the end: port_done */
	enum { SETTLED, BEGINNING, ENDING } step;    /* the transport has yet to say that it is on, or off */
	double seconds;                      /* until `end`, from when it is on */
};

static struct timed *timed_of(struct port *p, struct err *e)
{
	if (!p->timed)
		p->timed = calloc(1, sizeof *p->timed);
	if (!p->timed)
		err_set(e, ERR_SYSTEM, "%s: out of memory", p->name);
	return p->timed;
}

static int start(struct port *p, struct event **ev, event_callback_fn fn, double seconds, struct err *e)
{
	struct timeval t = clock_interval(seconds);
	if (!*ev)
		*ev = event_new(p->base, -1, 0, fn, p);
	if (!*ev || event_add(*ev, &t) < 0)
		return err_set(e, ERR_SYSTEM, "%s: cannot start a timer", p->name);
	return 0;
}

static int busy(struct port *p, struct err *e)
{
	return err_set(e, ERR_BUSY, "%s: another operation is under way", p->name);
}

static void finish(struct port *p, const struct err *e)
{
	if (!p->timed->waited)
		return;
	p->timed->waited = false;
	port_done(p, e);
}

/* ---- break, pulse ------------------------------------------------------------------------ */

/* 0, -1, or 1: the transport will say so. */
static int end_now(struct port *p, struct err *e)
{
	struct timed *t = p->timed;
	int r = 0;
	if (t->breaking) {
		t->breaking = false;
		r = port_set_break(p, false, e);
	}
	if (t->pulse_mask) {
		unsigned mask = t->pulse_mask;
		t->pulse_mask = 0;
		int s = port_set_signals(p, mask, t->pulse_back, e);
		r = s < 0 || r < 0 ? -1 : r | s;
	}
	return r;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct port *p = arg;
	struct err e = { 0 };
	if (end_now(p, &e) == 1)
		p->timed->step = ENDING;
	else
		finish(p, &e);
}

void port_end_timed(struct port *p)
{
	struct timed *t = p->timed;
	if (!t || t->waited || p->state != PORT_OPEN)
		return;
	if (t->end)
		event_del(t->end);
	t->step = SETTLED;
	end_now(p, NULL);
}

static int run_until_end(struct port *p, struct err *e)
{
	p->timed->step = SETTLED;
	if (start(p, &p->timed->end, on_end, p->timed->seconds, e) < 0) {
		end_now(p, NULL);
		return -1;
	}
	p->timed->waited = p->pending = true;
	return 1;
}

/* It was turned on: 0 it is, 1 the transport will say so. */
static int turned_on(struct port *p, int r, double seconds, struct err *e)
{
	p->timed->seconds = seconds;
	if (r == 0)
		return run_until_end(p, e);
	p->timed->step = BEGINNING;
	p->timed->waited = p->pending = true;
	return 1;
}

bool timed_took(struct port *p, const struct err *why)
{
	struct timed *t = p->timed;
	if (!t || t->step == SETTLED)
		return false;
	bool begins = t->step == BEGINNING;
	struct err e = { 0 };
	t->step = SETTLED;
	if (why && why->code != ERR_NONE) {
		t->breaking = false;
		t->pulse_mask = 0;
		finish(p, why);
	} else if (!begins)
		finish(p, NULL);
	else if (run_until_end(p, &e) < 0)
		finish(p, &e);
	return true;
}

static int begin_break(struct port *p, double seconds, struct err *e)
{
	int r = port_set_break(p, true, e);
	if (r < 0 || isinf(seconds)) {
		p->timed->waited &= r != 1;      /* the transport itself tells when */
		return r;
	}
	p->timed->breaking = true;
	return turned_on(p, r, seconds, e);
}

int port_pulse(struct port *p, unsigned mask, unsigned values, double seconds, struct err *e)
{
	if (p->pending)
		return busy(p, e);
	if (!timed_of(p, e))
		return -1;
	int r = port_set_signals(p, mask, values, e);
	if (r < 0)
		return -1;
	p->timed->pulse_mask = mask;
	p->timed->pulse_back = ~values & mask;
	return turned_on(p, r, seconds, e);
}

/* ---- drain, and a break after it --------------------------------------------------------- */

/* Seconds until it is worth looking again at n unsent bytes. */
static double drain_pause(struct port *p, size_t n)
{
	double us = p->ops->settings & SET_BAUDRATE ? (double)n * 1e7 / (double)p->cfg.line.baudrate / 2 : 0;
	return (us < DRAIN_MIN_US ? DRAIN_MIN_US : us > DRAIN_MAX_US ? DRAIN_MAX_US : us) / 1e6;
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct port *p = arg;
	struct err e = { 0 };
	size_t n;
	if (!p->timed->waited)
		return;
	if (port_out_waiting(p, &n, &e) < 0)
		finish(p, &e);
	else if (n == 0 && p->timed->break_follows) {
		p->timed->break_follows = false;
		if (begin_break(p, p->timed->break_seconds, &e) != 1)
			finish(p, &e);
	} else if (n == 0)
		finish(p, NULL);
	else if (start(p, &p->timed->drain, on_drain, drain_pause(p, n), &e) < 0)
		finish(p, &e);
}

static int wait_until_sent(struct port *p, size_t n, bool break_follows, struct err *e)
{
	if (!timed_of(p, e) || start(p, &p->timed->drain, on_drain, drain_pause(p, n), e) < 0)
		return -1;
	p->timed->break_follows = break_follows;
	p->timed->waited = p->pending = true;
	return 1;
}

int port_drain(struct port *p, struct err *e)
{
	size_t n;
	if (p->state == PORT_OPEN)
		port_tap_number(p, TAP_DRAIN, 0);
	if (p->pending)
		return busy(p, e);
	if (p->state == PORT_OPEN && p->ops->drain) {
		int r = p->ops->drain(p, e);
		p->pending = r == 1;
		return r;
	}
	if (port_out_waiting(p, &n, e) < 0)
		return -1;
	return n == 0 ? 0 : wait_until_sent(p, n, false, e);
}

int port_send_break(struct port *p, double seconds, struct err *e)
{
	size_t n = 0;
	if (p->pending)
		return busy(p, e);
	bool may_wait = p->state == PORT_OPEN && p->ops->set_break && p->ops->out_waiting && !p->ops->drain;
	if (!timed_of(p, e) || (may_wait && port_out_waiting(p, &n, e) < 0))
		return -1;
	p->timed->break_seconds = seconds;
	int r = n ? wait_until_sent(p, n, true, e) : begin_break(p, seconds, e);
	if (r >= 0 && p->taps && !isinf(seconds))
		port_tap(p, &(struct tap_event){ .kind = TAP_SEND_BREAK, .seconds = seconds });
	return r;
}

void port_abandon(struct port *p)
{
	struct timed *t = p->timed;
	if (t)
		t->waited = false;
	if (p->state != PORT_OPEN)
		return;
	p->pending = false;
	if (t && t->step == BEGINNING)          /* ends in time nevertheless */
		start(p, &t->end, on_end, t->seconds, NULL);
	if (t)
		t->step = SETTLED;
	if (p->ops->abandon)
		p->ops->abandon(p);
}

/* ---- signals ----------------------------------------------------------------------------- */

static void look(struct port *p)
{
	unsigned now;
	if (p->ops->get_signals(p, &now, NULL) == 0)
		port_signals_changed(p, now);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	look(arg);
}

int port_watch_signals(struct port *p, bool on, struct err *e)
{
	if (!on) {
		if (p->timed && p->timed->watch)
			event_del(p->timed->watch);
		return 0;
	}
	unsigned now;
	struct err why;
	if (port_get_signals(p, &now, &why) == 0)
		p->signals = now;
	else if (why.code != ERR_PROTOCOL) {     /* that one: not told yet */
		if (e)
			*e = why;
		return -1;
	}
	if (!p->ops->poll_signals)
		return 0;
	struct timed *t = timed_of(p, e);
	if (!t)
		return -1;
	struct timeval every = { 0, WATCH_MS * 1000 };
	if (!t->watch)
		t->watch = event_new(p->base, -1, EV_PERSIST, on_watch, p);
	if (!t->watch || event_add(t->watch, &every) < 0)
		return err_set(e, ERR_SYSTEM, "%s: cannot start a timer", p->name);
	return 0;
}

/* Ends what is on, while the port can still be told. */
void timed_free(struct port *p)
{
	struct timed *t = p->timed;
	if (!t)
		return;
	if (p->state == PORT_OPEN)
		end_now(p, NULL);
	if (t->end)
		event_free(t->end);
	if (t->drain)
		event_free(t->drain);
	if (t->watch)
		event_free(t->watch);
	free(t);
	p->timed = NULL;
}
