// SPDX-License-Identifier: MIT
// bridge_client.c: the bytes of one client of a bridge, both ways.  See bridge.h.
#include "port/clock.h"
#include "serve/bridge.h"

/* A client is full when so much waits for it; when all are, the device waits. */
enum { FULL = 64 * 1024 };

bool client_is_full(const struct client *c)
{
	return c->out.len >= FULL;
}

/* ---- to the client ------------------------------------------------------------------------ */

static void took(struct client *c)
{
	c->since = clock_now();
}

static void flush(struct client *c)
{
	struct err e;
	bool was_full = client_is_full(c);
	while (c->out.len && !c->gone) {
		ssize_t w = port_write(c->port, buf_data(&c->out), c->out.len, &e);
		if (w < 0) {
			bridge_leave(c, e.text);
			return;
		}
		if (w == 0)
			break;
		buf_consume(&c->out, (size_t)w);
		took(c);
	}
	if (was_full && !client_is_full(c))
		bridge_deliver(c->bridge);
}

static void queue(struct client *c, const char *data, size_t n)
{
	if (!c->out.len)
		took(c);
	if (buf_append(&c->out, data, n) < 0)
		bridge_leave(c, "out of memory");
	else
		bridge_sweep_later(c->bridge);
}

void client_give(struct client *c, const void *data, size_t n)
{
	struct err e;
	const char *at = data;
	if (c->gone || !c->present)
		return;
	while (n && !c->out.len) {
		ssize_t w = port_write(c->port, at, n, &e);
		if (w < 0) {
			bridge_leave(c, e.text);
			return;
		}
		if (w == 0)
			break;
		at += w;
		n -= (size_t)w;
	}
	if (n)
		queue(c, at, n);
}

void client_flush(struct client *c, int which)
{
	struct bridge *b = c->bridge;
	if (which & FLUSH_OUTPUT) {
		port_consume(c->port, c->port->rx.len);
		b->turn = b->turn == c ? NULL : b->turn;
	}
	if (which & FLUSH_INPUT) {
		bool was_full = client_is_full(c);
		buf_consume(&c->out, c->out.len);
		if (was_full)
			bridge_deliver(b);
	}
}

/* ---- from the client ---------------------------------------------------------------------- */

static void throw_away(struct client *c)
{
	if (!c->told)
		bridge_say(c->bridge, "%s only reads (policy): what it writes is thrown away", c->port->name);
	c->told = true;
	port_consume(c->port, c->port->rx.len);
}

/* Bytes to the device: false when it does not take more now. */
static bool pass_on(struct client *c)
{
	struct bridge *b = c->bridge;
	struct port *p = c->port;
	struct err e;
	while (p->rx.len) {
		if (!b->device || (b->turn && b->turn != c))
			return false;
		ssize_t w = port_write(b->device, buf_data(&p->rx), p->rx.len, &e);
		b->turn = w >= 0 && (size_t)w < p->rx.len ? c : NULL;
		if (w <= 0)
			return false;
		port_consume(p, (size_t)w);
	}
	return true;
}

void client_pump(struct client *c)
{
	struct port *p = c->port;
	for (;;) {
		if (c->gone)
			return;
		if (p->rx.len && !c->may_write)
			throw_away(c);
		else if (!pass_on(c))
			return;
		if (!p->ops->proceed)
			break;
		p->ops->proceed(p);                  /* what stood behind those bytes: perhaps more bytes */
		if (!p->rx.len)
			break;
	}
	if (c->leaving)
		bridge_tty_leaves(c);
	if (p->eof && !c->ended && !c->asking) {
		c->ended = true;
		took(c);
		bridge_say(c->bridge, "%s left", p->name);
		bridge_release(c);
		bridge_sweep_later(c->bridge);
	}
}

void client_pump_all(struct bridge *b)
{
	if (b->turn)
		client_pump(b->turn);
	for (struct client *c = b->clients; c; c = c->next)
		if (!c->gone && (c->port->rx.len || (c->port->eof && !c->ended)))
			client_pump(c);
}

/* ---- news --------------------------------------------------------------------------------- */

/* Where several write, what one has sent at once goes to the device at once, as far as it is here. */
static void take_whole(struct client *c)
{
	struct bridge *b = c->bridge;
	if (b->options.policy != POLICY_SHARED || b->taking || !b->clients->next)
		return;
	b->taking = true;
	port_pump(c->port);
	b->taking = false;
}

void client_news(void *arg, unsigned news)
{
	struct client *c = arg;
	struct bridge *b = c->bridge;
	struct err why;
	if (c->gone)
		return;
	if (c->port->state != PORT_OPEN) {
		port_why(c->port, &why);
		bridge_leave(c, why.text);
		return;
	}
	if (news & (PORT_NEWS_READ | PORT_NEWS_CLOSED)) {
		take_whole(c);
		client_pump(c);
	}
	if (!c->gone && (news & PORT_NEWS_WRITE))
		flush(c);
	if (!b->turn)
		return;
	if (b->turn->gone)
		b->turn = NULL;
}
