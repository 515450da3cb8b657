// SPDX-License-Identifier: MIT
// life.c: the life of a port: opened by its URL, closed, lost, come back
// (`reconnect`).  port.c has what a port does in between.  The reasons kept in
// the port (why, result) are allocated when there is one, and freed here.
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "port/port.h"
#include "port/scheme.h"

enum { RESOLVE_DEPTH = 8, AGAIN_MS = 250 };

/* ---- why it ended ------------------------------------------------------------------------ */

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
	if (p->why && e)
		*e = *p->why;
	else
		err_set(e, ERR_CLOSED, "%s is closed", p->name ? p->name : p->url.text);
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
	port_tap_number(p, TAP_OPEN, 0);
}

static void taps_free(struct tap *t)
{
	while (t) {
		struct tap *next = t->next;
		t->free(t);
		t = next;
	}
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
		port_tap_number(p, TAP_CLOSE, 0);
	port_tell(p, PORT_NEWS_CLOSED | PORT_NEWS_DONE);
}

void port_free(struct port *p)
{
	if (!p)
		return;
	p->news = NULL;
	port_close(p);
	timed_free(p);                       /* of calls after the close */
	pace_free(p);
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
	port_tap_number(p, TAP_LOST, 0);
	port_tell(p, PORT_NEWS_CLOSED | PORT_NEWS_READ);
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
	port_tell(p, PORT_NEWS_WRITE | PORT_NEWS_READ);
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
	port_tap_number(p, TAP_LOST, 0);
	keep(&p->result, p->why);
	port_tell(p, PORT_NEWS_CLOSED | PORT_NEWS_READ | PORT_NEWS_WRITE | (pending ? PORT_NEWS_DONE : 0u));
}

void port_done(struct port *p, const struct err *e)
{
	bool ok = !e || e->code == ERR_NONE;
	p->pending = false;
	if (p->state == PORT_OPEN && timed_took(p, e))
		return;
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
	port_tell(p, PORT_NEWS_DONE);
}
