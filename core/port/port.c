// SPDX-License-Identifier: MIT
// port.c: what all transports share: opening by URL, the receive buffer, taps,
// state, reconnect.  See port.h for the contract.
#include "port/port.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "port/scheme.h"

enum { RESOLVE_DEPTH = 8, AGAIN_MS = 250 };

static void tell(struct port *p, unsigned news)
{
	if (p->news)
		p->news(p->news_arg, news);
}

void port_tap(struct port *p, const struct tap_event *ev)
{
	for (struct tap *t = p->taps; t; t = t->next)
		t->see(t, p, ev);
}

static void forget(struct err **slot)
{
	free(*slot);
	*slot = NULL;
}

static void keep(struct err **slot, const struct err *e)
{
	if (!*slot)
		*slot = malloc(sizeof **slot);
	if (*slot)
		**slot = e ? *e : (struct err){ .code = ERR_CLOSED };
}

void port_why(const struct port *p, struct err *e)
{
	if (p->why)
		*e = *p->why;
	else
		err_set(e, ERR_CLOSED, "%s is closed", p->name ? p->name : p->url.text);
}

static void tap_simple(struct port *p, enum tap_kind kind, long number)
{
	if (p->taps)
		port_tap(p, &(struct tap_event){ .kind = kind, .number = number });
}

static void taps_free(struct tap *t)
{
	while (t) {
		struct tap *next = t->next;
		t->free(t);
		t = next;
	}
}

void port_add_tap(struct port *p, struct tap *t)
{
	struct tap **end = &p->taps;
	while (*end)
		end = &(*end)->next;
	*end = t;
}

/* ---- opening ----------------------------------------------------------------------------- */

static int unknown_scheme(const struct url *u, struct err *e)
{
	err_set(e, ERR_UNSUPPORTED, "unknown scheme \"%s\" in %s (known: device", u->scheme, u->text);
	for (const struct scheme *s = scheme_table(); s->name; s++)
		if (strcmp(s->name, "device") != 0)
			err_add(e, " %s", s->name);
	return err_add(e, ")");
}

/* Follows resolvers (spy, hwgrep) until a transport is found; u is replaced by what it opens. */
static const struct port_ops *find_transport(struct url *u, struct tap **taps, struct err *e)
{
	for (int depth = 0; depth < RESOLVE_DEPTH; depth++) {
		const struct scheme *s = scheme_find(u->scheme);
		if (!s)
			return unknown_scheme(u, e), NULL;
		if (s->ops)
			return s->ops;
		struct url inner;
		if (s->resolve(u, &inner, taps, e) < 0)
			return NULL;
		url_clear(u);
		*u = inner;
	}
	err_set(e, ERR_UNSUPPORTED, "%s: schemes nested too deeply", u->text);
	return NULL;
}

struct port *port_new(const struct port_ops *ops, struct event_base *base, struct url *u)
{
	struct port *p = calloc(1, ops->size);
	if (!p)
		return NULL;
	p->ops = ops;
	p->base = base;
	p->high = PORT_HIGH_WATER;
	if (u) {
		p->url = *u;
		*u = (struct url){ 0 };
	}
	config_init(&p->cfg);
	return p;
}

void port_start(struct port *p)
{
	p->state = PORT_OPEN;
	p->eof = false;
	forget(&p->why);
	if (!p->name)
		p->name = strdup(p->url.text ? p->url.text : p->ops->name);
	tap_simple(p, TAP_OPEN, 0);
}

static int start_open(struct port *p, struct err *e)
{
	int r = p->ops->open(p, e);
	if (r == 0)
		port_start(p);
	p->pending = r == 1;
	return r;
}

int port_open(struct event_base *base, struct url *u, void (*news)(void *, unsigned), void *arg, struct port **out,
	struct err *e)
{
	struct tap *taps = NULL;
	struct port *p = NULL;
	*out = NULL;
	const struct port_ops *ops = find_transport(u, &taps, e);
	if (!ops)
		goto fail;
	p = port_new(ops, base, u);
	if (!p) {
		err_sys(e, ENOMEM, "open");
		goto fail;
	}
	p->taps = taps;
	taps = NULL;
	p->news = news;
	p->news_arg = arg;
	unsigned means = ops->settings | (ops->set_signals ? SET_SIGNALS : 0u);
	if (config_apply(&p->cfg, &p->url, means, ops->options, e) < 0)
		goto fail;
	p->state = PORT_OPENING;
	int r = start_open(p, e);
	if (r < 0)
		goto fail;
	*out = p;
	return r;
fail:
	taps_free(taps);
	port_free(p);
	url_clear(u);
	return -1;
}

/* ---- closing, losing, coming back -------------------------------------------------------- */

static void shut(struct port *p)
{
	p->ops->close(p);
	p->throttled = false;
	p->break_on = false;
	p->pending = false;
}

void port_close(struct port *p)
{
	if (p->state == PORT_CLOSED)
		return;
	bool was_open = p->state != PORT_OPENING;
	if (p->again) {
		event_free(p->again);
		p->again = NULL;
	}
	timed_free(p);
	shut(p);
	p->state = PORT_CLOSED;
	p->emptied++;
	buf_clear(&p->rx);
	forget(&p->why);
	if (was_open)
		tap_simple(p, TAP_CLOSE, 0);
	tell(p, PORT_NEWS_CLOSED | PORT_NEWS_DONE);
}

void port_free(struct port *p)
{
	if (!p)
		return;
	p->news = NULL;
	port_close(p);
	timed_free(p);                       /* of calls after the close */
	if (p->ops->free)
		p->ops->free(p);
	taps_free(p->taps);
	buf_clear(&p->rx);
	url_clear(&p->url);
	forget(&p->why);
	forget(&p->result);
	free(p->name);
	free(p);
}

void port_eof(struct port *p, const struct err *why)
{
	if (p->cfg.reconnect) {
		port_lost(p, why);
		return;
	}
	p->eof = true;
	keep(&p->why, why);
	tap_simple(p, TAP_LOST, 0);
	tell(p, PORT_NEWS_CLOSED | PORT_NEWS_READ);
}

static void try_again(evutil_socket_t fd, short what, void *arg);

static void again_later(struct port *p)
{
	struct timeval t = { 0, AGAIN_MS * 1000 };
	if (!p->again)
		p->again = event_new(p->base, -1, 0, try_again, p);
	if (p->again)
		event_add(p->again, &t);
}

static void came_back(struct port *p)
{
	port_start(p);
	tell(p, PORT_NEWS_WRITE | PORT_NEWS_READ);
}

static void try_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct port *p = arg;
	struct err e;
	if (p->ops->find_again && p->ops->find_again(p, &e) < 0) {
		again_later(p);
		return;
	}
	int r = p->ops->open(p, &e);
	p->pending = r == 1;
	if (r == 0)
		came_back(p);
	else if (r < 0)
		again_later(p);
}

void port_lost(struct port *p, const struct err *why)
{
	if (p->state != PORT_OPEN)
		return;
	keep(&p->why, why);
	if (p->why)
		p->why->code = ERR_CLOSED;
	bool pending = p->pending;
	timed_free(p);
	shut(p);
	p->state = p->cfg.reconnect ? PORT_LOST : PORT_CLOSED;
	if (p->state == PORT_LOST)
		again_later(p);
	tap_simple(p, TAP_LOST, 0);
	keep(&p->result, p->why);
	tell(p, PORT_NEWS_CLOSED | PORT_NEWS_READ | PORT_NEWS_WRITE | (pending ? PORT_NEWS_DONE : 0u));
}

void port_done(struct port *p, const struct err *e)
{
	bool ok = !e || e->code == ERR_NONE;
	p->pending = false;
	if (p->state == PORT_LOST) {
		if (ok)
			came_back(p);
		else {
			p->ops->close(p);
			again_later(p);
		}
		return;
	}
	forget(&p->result);
	if (!ok)
		keep(&p->result, e);
	if (p->state == PORT_OPENING) {
		if (ok)
			port_start(p);
		else {
			shut(p);
			p->state = PORT_CLOSED;
			keep(&p->why, e);
		}
	}
	tell(p, PORT_NEWS_DONE);
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
	if (p->taps)
		port_tap(p, &(struct tap_event){ .kind = TAP_RX, .data = buf_data(&p->rx) + p->rx.len - n, .size = n });
	throttle_if_full(p);
	tell(p, PORT_NEWS_READ);
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
	ssize_t w = p->ops->write(p, data, n, e);
	if (w > 0 && !p->sending_seen)
		port_sending(p, data, (size_t)w);
	return w;
}

void port_sending(struct port *p, const void *data, size_t n)
{
	p->sending_seen = true;
	if (p->taps)
		port_tap(p, &(struct tap_event){ .kind = TAP_TX, .data = data, .size = n });
}

void port_writable(struct port *p)
{
	tell(p, PORT_NEWS_WRITE);
}

size_t port_in_waiting(struct port *p)
{
	size_t n = p->rx.len;
	if (p->state == PORT_OPEN && p->ops->in_waiting)
		n += p->ops->in_waiting(p);
	tap_simple(p, TAP_IN_WAITING, (long)n);
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
	tap_simple(p, TAP_SETTINGS, mask);
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
	tap_simple(p, which == FLUSH_INPUT ? TAP_FLUSH_INPUT : TAP_FLUSH_OUTPUT, 0);
	if (which == FLUSH_INPUT) {
		port_consume(p, p->rx.len);
		port_pump(p);
		port_consume(p, p->rx.len);
		p->emptied++;
	}
	if (!p->ops->flush)
		return which == FLUSH_INPUT ? 0 : unsupported(p, "flush_output", e);
	return p->ops->flush(p, which, e);
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
		tap_simple(p, TAP_SIGNALS, (long)(inputs | p->outputs));
	}
	tell(p, PORT_NEWS_SIGNALS);
}
