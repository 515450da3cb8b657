// SPDX-License-Identifier: MIT
// port.c: what an open port does, for every transport: the receive buffer, the
// taps, the news to its owner, the operations.  Opening, closing and reconnect
// are in life.c, what takes time in timed.c.  See port.h for the contract.
#include "port/port.h"

#include <errno.h>

void port_tell(struct port *p, unsigned news)
{
	if (p->news)
		p->news(p->news_arg, news);
}

void port_tap(struct port *p, const struct tap_event *ev)
{
	for (struct tap *t = p->taps; t; t = t->next)
		t->see(t, p, ev);
}

void port_tap_number(struct port *p, enum tap_kind kind, long number)
{
	if (p->taps)
		port_tap(p, &(struct tap_event){ .kind = kind, .number = number });
}

void port_add_tap(struct port *p, struct tap *t)
{
	struct tap **end = &p->taps;
	while (*end)
		end = &(*end)->next;
	*end = t;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void throttle_if_full(struct port *p)
{
	if (p->rx.len >= p->high && !p->throttled && p->ops->throttle) {
		p->throttled = true;
		p->ops->throttle(p, true);
	}
}

void port_received_in_place(struct port *p, size_t n)
{
	p->taken += n;
	if (p->taps)
		port_tap(p, &(struct tap_event){ .kind = TAP_RX, .data = buf_data(&p->rx) + p->rx.len - n, .size = n });
	throttle_if_full(p);
	port_tell(p, PORT_NEWS_READ);
}

void port_received(struct port *p, const void *data, size_t n)
{
	if (!n)
		return;
	if (buf_append(&p->rx, data, n) < 0) {
		struct err e;
		err_sys(&e, ENOMEM, "%s: receiving", p->name);
		port_lost(p, &e);
		return;
	}
	port_received_in_place(p, n);
}

static void unthrottle(struct port *p)
{
	if (p->throttled && p->rx.len < p->high) {
		p->throttled = false;
		p->ops->throttle(p, false);
	}
}

void port_consume(struct port *p, size_t n)
{
	buf_consume(&p->rx, n);
	if (p->high > PORT_HIGH_WATER && p->rx.len < PORT_HIGH_WATER)
		p->high = PORT_HIGH_WATER;
	if (p->throttled && p->rx.len <= p->high / 2)
		unthrottle(p);
}

void port_want(struct port *p, size_t n)
{
	if (n + 1 > p->high)
		p->high = n + 1;
	unthrottle(p);
}

void port_watch(struct port *p)
{
	if (p->watched)
		return;
	p->watched = true;
	if (p->state == PORT_OPEN && p->ops->watch)
		p->ops->watch(p);
}

void port_unwatch(struct port *p)
{
	p->watched = false;
	if (p->state == PORT_OPEN && p->ops->unwatch)
		p->ops->unwatch(p);
}

void port_pump(struct port *p)
{
	if (p->state == PORT_OPEN && p->ops->pump)
		p->ops->pump(p);
}

static int not_open(struct port *p, struct err *e)
{
	if (p->state == PORT_OPEN)
		return 0;
	if (p->state == PORT_OPENING)
		err_set(e, ERR_CLOSED, "%s is not open yet", p->url.text);
	else
		port_why(p, e);
	if (p->state == PORT_LOST)
		err_add(e, " (being re-opened)");
	return -1;
}

ssize_t port_write(struct port *p, const void *data, size_t n, struct err *e)
{
	if (p->state == PORT_LOST)
		return 0;
	if (not_open(p, e) < 0)
		return -1;
	p->sending_seen = false;
	bool paced = p->cfg.output_delay > 0 || p->cfg.output_line_delay > 0;
	ssize_t w = paced && n ? pace_write(p, data, n, e) : p->ops->write(p, data, n, e);
	if (w > 0 && !p->sending_seen)
		port_sending(p, data, (size_t)w);
	return w;
}

void port_sending(struct port *p, const void *data, size_t n)
{
	p->sending_seen = true;
	p->given += n;
	if (p->taps)
		port_tap(p, &(struct tap_event){ .kind = TAP_TX, .data = data, .size = n });
}

void port_writable(struct port *p)
{
	port_tell(p, PORT_NEWS_WRITE);
}

size_t port_in_waiting(struct port *p)
{
	size_t n = p->rx.len;
	if (p->state == PORT_OPEN && p->ops->in_waiting)
		n += p->ops->in_waiting(p);
	port_tap_number(p, TAP_IN_WAITING, (long)n);
	return n;
}

/* ---- operations -------------------------------------------------------------------------- */

static int unsupported(struct port *p, const char *what, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: %s means nothing on a %s port", p->name ? p->name : p->url.text, what,
		p->ops->name);
}

/* Open, and able to do it? */
static int ready(struct port *p, bool able, const char *what, struct err *e)
{
	if (not_open(p, e) < 0)
		return -1;
	return able ? 0 : unsupported(p, what, e);
}

int port_out_waiting(struct port *p, size_t *n, struct err *e)
{
	*n = 0;
	return ready(p, p->ops->out_waiting, "out_waiting", e) < 0 ? -1 : p->ops->out_waiting(p, n, e);
}

void port_refresh(struct port *p)
{
	if (p->ops->refresh && p->state == PORT_OPEN)
		p->ops->refresh(p);
}

int port_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	unsigned bad = mask & ~p->ops->settings;
	if (ready(p, !bad && p->ops->set, setting_name(bad ? bad & -bad : mask & -mask), e) < 0)
		return -1;
	if (p->pending)
		return err_set(e, ERR_BUSY, "%s: another operation is under way", p->name);
	int r = p->ops->set(p, s, mask, e);
	if (r < 0)
		return -1;
	p->cfg.line = *s;
	p->pending = r == 1;
	port_tap_number(p, TAP_SETTINGS, mask);
	return r;
}

int port_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e)
{
	if (ready(p, p->ops->set_signals, mask & SIGNAL_DTR ? "dtr" : "rts", e) < 0)
		return -1;
	int r = p->ops->set_signals(p, mask, values, e);
	if (r < 0)
		return -1;
	p->outputs = (p->outputs & ~mask) | (values & mask);
	p->pending = p->pending || r == 1;
	for (unsigned bit = SIGNAL_DTR; bit <= SIGNAL_RTS && p->taps; bit <<= 1)
		if (mask & bit)
			port_tap(p, &(struct tap_event){ .kind = TAP_SET_SIGNAL, .signal = bit, .number = !!(values & bit) });
	return r;
}

int port_get_signals(struct port *p, unsigned *values, struct err *e)
{
	*values = 0;
	return ready(p, p->ops->get_signals, "a modem signal", e) < 0 ? -1 : p->ops->get_signals(p, values, e);
}

int port_set_break(struct port *p, bool on, struct err *e)
{
	if (ready(p, p->ops->set_break, "break", e) < 0)
		return -1;
	int r = p->ops->set_break(p, on, e);
	if (r < 0)
		return -1;
	p->break_on = on;
	p->pending = p->pending || r == 1;
	return r;
}

int port_flush(struct port *p, int which, struct err *e)
{
	if (not_open(p, e) < 0)
		return -1;
	port_tap_number(p, which == FLUSH_INPUT ? TAP_FLUSH_INPUT : TAP_FLUSH_OUTPUT, 0);
	if (which == FLUSH_INPUT) {
		port_consume(p, p->rx.len);
		port_pump(p);
		port_consume(p, p->rx.len);
		p->emptied++;
	}
	if (!p->ops->flush)
		return which == FLUSH_INPUT ? 0 : unsupported(p, "flush_output", e);
	int r = p->ops->flush(p, which, e);
	p->pending = p->pending || r == 1;
	return r;
}

int port_suspend(struct port *p, bool on, struct err *e)
{
	return ready(p, p->ops->suspend, on ? "suspend" : "resume", e) < 0 ? -1 : p->ops->suspend(p, on, e);
}

int port_ask_signature(struct port *p, struct err *e)
{
	if (ready(p, p->ops->signature, "signature", e) < 0)
		return -1;
	if (p->pending || !p->ops->ask_signature)
		return p->pending ? err_set(e, ERR_BUSY, "%s: another operation is under way", p->name) : 0;
	int r = p->ops->ask_signature(p, e);
	p->pending = r == 1;
	return r;
}

int port_get_errors(struct port *p, struct port_errors *n, struct err *e)
{
	*n = p->errors;
	if (p->state == PORT_OPEN && p->ops->get_errors)
		return p->ops->get_errors(p, n, e);
	return 0;
}

void port_signals_changed(struct port *p, unsigned inputs)
{
	if (inputs != p->signals) {
		p->signals = inputs;
		port_tap_number(p, TAP_SIGNALS, (long)(inputs | p->outputs));
	}
	port_tell(p, PORT_NEWS_SIGNALS);
}
