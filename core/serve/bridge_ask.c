// SPDX-License-Identifier: MIT
// bridge_ask.c: what clients ask of the line.  One ask at a time is at the device, in the order of asking;
// before it changes the line, what was written before is sent, if that does not take too long.  What the device
// does not have (a pty has no DTR) is kept as asked, and told so: clients expect an answer.  See bridge.h.
#include <event2/event.h>
#include <string.h>

#include "port/clock.h"
#include "port/device.h"
#include "serve/bridge.h"

#define DRAIN_MOST 1.0                       /* seconds */
#define TICK 0.01                            /* how often errors are looked at while somebody wants to know */

/* ---- what clients are told ---------------------------------------------------------------- */

/* A UART makes of more than one stop bit: 1.5 with 5 bits, else 2. */
static double real_stopbits(const struct port *device, const struct settings *s)
{
	if (device->ops != &device_ops || s->stopbits == 1)
		return s->stopbits;
	return s->bytesize == 5 ? 1.5 : 2;
}

/* Settings that mean nothing on the device (socket://) are kept as asked. */
static void take_settings(struct bridge *b)
{
	struct settings s = b->device->cfg.line;
	unsigned means = b->device->ops->settings;
	struct settings *l = &b->line.settings;
	s.stopbits = real_stopbits(b->device, &s);
	if (means & SET_BAUDRATE)
		l->baudrate = s.baudrate;
	if (means & SET_BYTESIZE)
		l->bytesize = s.bytesize;
	if (means & SET_PARITY)
		l->parity = s.parity;
	if (means & SET_STOPBITS)
		l->stopbits = s.stopbits;
	if (means & SET_XONXOFF) {
		l->xonxoff = s.xonxoff;
		l->inbound = s.inbound;
	}
	if (means & SET_RTSCTS)
		l->rtscts = s.rtscts;
	if (means & SET_DSRDTR)
		l->dsrdtr = s.dsrdtr;
}

void bridge_look(struct bridge *b)
{
	struct port *d = b->device;
	size_t unsent = 0;
	if (!d || d->state != PORT_OPEN)
		return;
	port_refresh(d);
	take_settings(b);
	if (!b->no_signals)
		b->line.outputs = d->outputs;
	if (!b->no_break)
		b->line.break_on = d->break_on;
	b->line.inputs = d->signals;
	b->line.sent = !d->ops->out_waiting || (port_out_waiting(d, &unsent, NULL) == 0 && !unsent);
	port_get_errors(d, &b->line.errors, NULL);
}

void bridge_line_changed(struct bridge *b)
{
	for (struct client *c = b->clients; c; c = c->next)
		if (!c->gone && c->port->ops->line_changed)
			c->port->ops->line_changed(c->port);
}

/* Who looks at the signals may see a change before the watch does, which then has no news for the others. */
static void take_signals(struct bridge *b)
{
	if (b->line.inputs == b->device->signals)
		return;
	b->line.inputs = b->device->signals;
	bridge_line_changed(b);
}

/* Nobody has watched them: an adapter on USB is asked, which takes a millisecond. */
void bridge_look_at_signals(struct bridge *b)
{
	unsigned now;
	struct port *d = b->device;
	if (!d || d->state != PORT_OPEN || b->no_signals || port_get_signals(d, &now, NULL) < 0)
		return;
	d->signals = now;
	take_signals(b);
}

/* ---- watching the line, while somebody wants to know --------------------------------------- */

static unsigned listens(const struct bridge *b)
{
	unsigned all = 0;
	for (struct client *c = b->clients; c; c = c->next)
		all |= c->gone ? 0 : c->port->listens;
	return all;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct bridge *b = arg;
	struct port_errors before = b->line.errors;
	bool sent = b->line.sent;
	bridge_look(b);
	if (memcmp(&before, &b->line.errors, sizeof before) != 0 || sent != b->line.sent)
		bridge_line_changed(b);
}

void bridge_listens_changed(struct bridge *b)
{
	unsigned all = listens(b);
	struct timeval every = clock_interval(TICK);
	if (b->device && b->device->state == PORT_OPEN && !b->no_signals &&
		port_watch_signals(b->device, all & LISTENS_SIGNALS, NULL) == 0)
		take_signals(b);
	if (!(all & LISTENS_ERRORS))
		event_del(&b->tick);
	else if (!event_pending(&b->tick, EV_TIMEOUT, NULL)) {
		bridge_look(b);                  /* what was before is no news */
		event_add(&b->tick, &every);
	}
}

/* ---- one ask after the other -------------------------------------------------------------- */

/* What the device has not: 0, as if it had. */
static int pretend(struct bridge *b, const struct ask *a, const struct err *e)
{
	if (e->code != ERR_UNSUPPORTED)
		return -1;
	if (a->kind == ASK_SIGNALS) {
		b->no_signals = true;
		b->line.outputs = (b->line.outputs & ~a->mask) | (a->levels & a->mask);
		return 0;
	}
	if (a->kind == ASK_BREAK || a->kind == ASK_SEND_BREAK) {
		b->no_break = true;
		b->line.break_on = a->kind == ASK_BREAK && a->on;
		return 0;
	}
	if (a->kind == ASK_SET && b->device && !b->device->ops->settings) {
		b->line.settings = a->settings;
		return 0;
	}
	return a->kind == ASK_FLUSH ? 0 : -1;
}

static int flush_device(struct port *d, int which, struct err *e)
{
	int r = which & FLUSH_OUTPUT ? port_flush(d, FLUSH_OUTPUT, e) : 0;
	if (r < 0 || !(which & FLUSH_INPUT))
		return r;
	int in = port_flush(d, FLUSH_INPUT, e);
	return in < 0 ? -1 : r | in;
}

/* Also what is on its way through here, between the asker and the device. */
static int flush_all(struct bridge *b, int which, struct err *e)
{
	int r = flush_device(b->device, which, e);
	if (b->asker)
		client_flush(b->asker, which);
	return r;
}

/* Does it at the device: 0, -1, 1 it takes its time. */
static int act(struct bridge *b, const struct ask *a, struct err *e)
{
	struct port *d = b->device;
	unsigned differ;
	switch (a->kind) {
	case ASK_SET:
		differ = settings_differ(&a->settings, &d->cfg.line) & a->mask;
		return differ ? port_set(d, &a->settings, differ, e) : 0;
	case ASK_SIGNALS:
		return port_set_signals(d, a->mask, a->levels, e);
	case ASK_BREAK:
		port_end_timed(d);
		return port_set_break(d, a->on, e);
	case ASK_SEND_BREAK:
		return port_send_break(d, a->seconds, e);
	case ASK_FLUSH:
		return flush_all(b, a->which, e);
	default:
		return 0;
	}
}

static int try(struct bridge *b, const struct ask *a, struct err *e)
{
	int r = act(b, a, e);
	if (r == 0 && (a->kind == ASK_SIGNALS))
		b->no_signals = false;
	if (r == 0 && a->kind == ASK_BREAK)
		b->no_break = false;
	return r < 0 ? pretend(b, a, e) : r;
}

static void start_limit(struct bridge *b, double seconds)
{
	struct timeval t = clock_interval(seconds);
	event_add(&b->limit, &t);
}

static double device_time(const struct bridge *b)
{
	double t = b->device->cfg.timeout;
	return t > 0 && t < 60 ? t : 5;
}

/* Is there something unsent that the change would cut? */
static bool must_drain(struct bridge *b, const struct ask *a)
{
	size_t n = 0;
	struct port *d = b->device;
	bool can = d->ops->out_waiting && !d->ops->drain;
	return can && a->kind != ASK_FLUSH && port_out_waiting(d, &n, NULL) == 0 && n > 0;
}

/* The ask of the asker goes to the device: 0 done, -1, 1 under way. */
static int run(struct bridge *b, struct err *e)
{
	int r = try(b, &b->asker->ask, e);
	if (r == 1) {
		b->step = ASK_RUNS;
		start_limit(b, device_time(b) + (b->asker->ask.kind == ASK_SEND_BREAK ? b->asker->ask.seconds : 0));
	}
	return r;
}

static int begin(struct bridge *b, struct client *c, struct err *e)
{
	b->asker = c;
	if (must_drain(b, &c->ask) && port_drain(b->device, e) == 1) {
		b->step = ASK_DRAINS;
		start_limit(b, DRAIN_MOST);
		return 1;
	}
	return run(b, e);
}

static void end(struct bridge *b)
{
	b->step = ASK_IDLE;
	event_del(&b->limit);
	bridge_look(b);
}

static void next(struct bridge *b);
static void restore_now(struct bridge *b);

static void answer(struct bridge *b, const struct err *e)
{
	struct client *c = b->asker;
	end(b);
	b->asker = NULL;
	if (c) {
		c->asking = false;
		if (!c->gone && c->port->ops->answered)
			c->port->ops->answered(c->port, e);
	}
	bridge_line_changed(b);
	if (c && !c->gone)
		client_pump(c);
	next(b);
}

static bool can_act(const struct bridge *b)
{
	return b->device && b->device->state == PORT_OPEN && !b->device->pending;
}

/* The next who waits for its turn. */
static void next(struct bridge *b)
{
	struct err e;
	if (b->restore_due && b->step == ASK_IDLE && can_act(b))
		restore_now(b);
	for (struct client *c = b->clients; c && b->step == ASK_IDLE; c = c->next) {
		if (c->gone || !c->asking)
			continue;
		int r = can_act(b) ? begin(b, c, &e) : err_set(&e, ERR_CLOSED, "the device is not there");
		if (r == 1)
			return;
		b->asker = c;
		answer(b, r < 0 ? &e : NULL);
		return;
	}
}

void bridge_ask_done(struct bridge *b, const struct err *e)
{
	struct err failure;
	if (b->step == ASK_DRAINS) {
		event_del(&b->limit);
		int r = b->asker ? run(b, &failure) : 0;
		if (r != 1)
			answer(b, r < 0 ? &failure : NULL);
	} else if (b->step == ASK_RUNS) {
		int r = e && b->asker ? pretend(b, &b->asker->ask, e) : 0;
		answer(b, r < 0 ? e : NULL);
	} else if (b->step == ASK_RESTORES)
		answer(b, NULL);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct bridge *b = arg;
	struct err e;
	if (b->device)
		port_abandon(b->device);
	err_set(&e, ERR_TIMEOUT, "%s: the device did not answer", b->name);
	bridge_ask_done(b, &e);
}

/* ---- from clients ------------------------------------------------------------------------- */

int bridge_ask(void *client, const struct ask *a, struct err *e)
{
	struct client *c = client;
	struct bridge *b = c->bridge;
	if (a->kind == ASK_LISTEN)
		bridge_listens_changed(b);
	if (a->kind == ASK_LOOK) {
		bridge_look_at_signals(b);
		bridge_look(b);
		if (c->port->ops->line_changed)
			c->port->ops->line_changed(c->port);
	}
	if (a->kind == ASK_LOOK || a->kind == ASK_LISTEN)
		return 0;
	if (!c->may_write)
		return err_set(e, ERR_PERMISSION, "%s only reads", c->port->name);
	if (!b->device || b->device->state != PORT_OPEN)
		return err_set(e, ERR_CLOSED, "the device is not there");
	c->asked = true;
	c->ask = *a;
	c->asking = true;
	if (b->step != ASK_IDLE || b->device->pending)
		return 1;
	int r = begin(b, c, e);
	if (r == 1)
		return 1;
	b->asker = NULL;
	c->asking = false;
	end(b);
	bridge_line_changed(b);
	return r;
}

void bridge_ask_drop(struct client *c)
{
	c->asking = false;
	if (c->bridge->asker == c)
		c->bridge->asker = NULL;             /* the device goes on; nobody is told */
}

static void restore_now(struct bridge *b)
{
	struct port *d = b->device;
	struct err e;
	int r = 0;
	b->restore_due = false;
	if (d->break_on)
		port_set_break(d, false, NULL);
	unsigned differ = settings_differ(&b->configured, &d->cfg.line) & d->ops->settings;
	if (differ && !d->pending)
		r = port_set(d, &b->configured, differ, &e);
	if (r < 0)
		bridge_say(b, "the settings could not be set back: %s", e.text);
	if (d->pending) {
		b->step = ASK_RESTORES;
		b->restore_due = differ && r == 0 && settings_differ(&b->configured, &d->cfg.line);
		start_limit(b, device_time(b));
		return;
	}
	b->line.settings = b->configured;
	bridge_look(b);
	bridge_line_changed(b);
}

void bridge_restore(struct bridge *b)
{
	b->line.break_on = false;
	b->restore_due = true;
	if (b->step == ASK_IDLE && can_act(b))
		restore_now(b);
}

void bridge_ask_init(struct bridge *b)
{
	event_assign(&b->tick, b->base, -1, EV_PERSIST, on_tick, b);
	event_assign(&b->limit, b->base, -1, 0, on_limit, b);
}

void bridge_ask_clear(struct bridge *b)
{
	event_del(&b->tick);
	event_del(&b->limit);
}
