// SPDX-License-Identifier: MIT
// pair.c: ports in memory.  An end hands what it is given to port_received()
// of the far end, at most up to the far end's high-water mark: the rest waits.
// loop:// is an end whose far end is itself, with pySerial's wiring of signals
// (RTS -> CTS, DTR -> DSR, CD on, RI off).  Settings are kept, not simulated.
#include "port/pair.h"

#include <stdlib.h>
#include <string.h>

struct end {
	struct port port;
	struct end *far;          /* itself for loop://, NULL when the far end is gone */
	bool blocked;             /* its last write took less than all */
};

static ssize_t end_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct end *end = (struct end *)p;
	if (!end->far)
		return err_set(e, ERR_CLOSED, "%s: the far end is closed", p->name);
	struct port *to = &end->far->port;
	size_t room = to->rx.len < to->high ? to->high - to->rx.len : 0;
	if (n > room) {
		n = room;
		end->blocked = true;
	}
	if (n) {
		port_sending(p, data, n);
		port_received(to, data, n);
	}
	return (ssize_t)n;
}

static void end_throttle(struct port *p, bool on)
{
	struct end *far = ((struct end *)p)->far;
	if (!on && far && far->blocked) {
		far->blocked = false;
		port_writable(&far->port);
	}
}

/* What the far end sees of our outputs. */
static unsigned wired(const struct end *end, unsigned outputs)
{
	unsigned in = (outputs & SIGNAL_RTS ? SIGNAL_CTS : 0u) | (outputs & SIGNAL_DTR ? SIGNAL_DSR : 0u);
	if (end->far == end)
		return in | SIGNAL_CD;
	return in | (outputs & SIGNAL_DTR ? SIGNAL_CD : 0u);
}

static int end_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e)
{
	(void)e;
	struct end *end = (struct end *)p;
	p->outputs = (p->outputs & ~mask) | (values & mask);
	if (end->far)
		port_signals_changed(&end->far->port, wired(end, p->outputs));
	return 0;
}

static int end_get_signals(struct port *p, unsigned *values, struct err *e)
{
	(void)e;
	*values = p->signals;
	return 0;
}

static int end_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	(void)p, (void)s, (void)mask, (void)e;
	return 0;
}

/* A break arrives as on a line: a NUL byte, and a count. */
static int end_set_break(struct port *p, bool on, struct err *e)
{
	struct end *end = (struct end *)p;
	if (!end->far)
		return err_set(e, ERR_CLOSED, "%s: the far end is closed", p->name);
	if (on && !p->break_on && end->far != end) {
		end->far->port.errors.breaks++;
		port_received(&end->far->port, "", 1);
	}
	return 0;
}

static int end_out_waiting(struct port *p, size_t *n, struct err *e)
{
	(void)e;
	struct end *end = (struct end *)p;
	*n = end->far ? end->far->port.rx.len : 0;
	return 0;
}

/* What was written is with the far end already: sent. */
static int end_drain(struct port *p, struct err *e)
{
	(void)p, (void)e;
	return 0;
}

static int end_flush(struct port *p, int which, struct err *e)
{
	(void)e;
	struct end *end = (struct end *)p;
	if (which == FLUSH_OUTPUT && end->far)
		port_consume(&end->far->port, end->far->port.rx.len);
	return 0;
}

static void end_close(struct port *p)
{
	struct end *end = (struct end *)p, *far = end->far;
	end->far = NULL;
	if (!far || far == end)
		return;
	struct err why;
	far->far = NULL;
	err_set(&why, ERR_CLOSED, "%s: the far end was closed", far->port.name);
	port_eof(&far->port, &why);
	port_writable(&far->port);
}

static void initial_signals(struct port *p)
{
	struct end *end = (struct end *)p;
	p->outputs = (p->cfg.dtr ? SIGNAL_DTR : 0u) | (p->cfg.rts ? SIGNAL_RTS : 0u);
	end->far->port.signals = wired(end, p->outputs);
}

static int loop_open(struct port *p, struct err *e)
{
	if (*p->url.rest)
		return err_set(e, ERR_UNSUPPORTED, "%s: loop:// has no address; write loop://", p->url.text);
	((struct end *)p)->far = (struct end *)p;
	initial_signals(p);
	return 0;
}

#define END_OPS \
	.size = sizeof(struct end), .settings = SET_LINE & ~(unsigned)(SET_RS485 | SET_LOW_LATENCY), .close = end_close, \
	.write = end_write, .throttle = end_throttle, .out_waiting = end_out_waiting, .set = end_set, \
	.set_signals = end_set_signals, .get_signals = end_get_signals, .set_break = end_set_break, .drain = end_drain, \
	.flush = end_flush

static const char *const loop_options[] = { "logging", NULL };
const struct port_ops loop_ops = { .name = "loop", .options = loop_options, .open = loop_open, END_OPS };
static const struct port_ops pair_ops = { .name = "pair", END_OPS };

static struct port *new_end(struct event_base *base, const char *name, const struct url *options, struct err *e)
{
	struct url u;
	if (url_inner(&u, options, name, e) < 0)
		return NULL;
	struct port *p = port_new(&pair_ops, base, &u);
	if (!p) {
		url_clear(&u);
		err_set(e, ERR_SYSTEM, "pair: out of memory");
	} else if (config_apply(&p->cfg, &p->url, pair_ops.settings | SET_SIGNALS, NULL, e) < 0) {
		port_free(p);
		return NULL;
	}
	return p;
}

int pair_new(struct event_base *base, const struct url *options, struct port **a, struct port **b, struct err *e)
{
	*a = new_end(base, "pair:a", options, e);
	if (!*a)
		return -1;
	*b = new_end(base, "pair:b", options, e);
	if (!*b) {
		port_free(*a);
		return -1;
	}
	((struct end *)*a)->far = (struct end *)*b;
	((struct end *)*b)->far = (struct end *)*a;
	initial_signals(*a);
	initial_signals(*b);
	port_start(*a);
	port_start(*b);
	return 0;
}
