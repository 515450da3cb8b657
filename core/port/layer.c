// SPDX-License-Identifier: MIT
// layer.c: see layer.h.
#include "port/layer.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"

#define LATE_SECONDS 5

static bool may_receive(struct layer *l)
{
	return l->inner && (!l->port.throttled || (l->up->busy && l->up->busy(l)));
}

static void receive(struct layer *l)
{
	l->more = true;
	if (l->receiving)
		return;
	l->receiving = true;                     /* what it tells may bring it back here, and more bytes with it */
	while (l->more && may_receive(l)) {
		l->more = false;
		l->up->received(l);
	}
	l->receiving = false;
}

static void on_news(void *arg, unsigned news)
{
	struct layer *l = arg;
	struct port *inner = l->inner;
	struct err why;
	if ((news & PORT_NEWS_DONE) && inner->state == PORT_OPEN)
		l->up->opened(l);
	if (l->inner == inner && (news & PORT_NEWS_READ))
		receive(l);
	if (l->inner == inner && (news & PORT_NEWS_WRITE))
		l->up->writable(l);
	if (l->inner == inner && (inner->state == PORT_CLOSED || inner->eof)) {
		port_why(inner, &why);
		l->up->ended(l, &why);
	}
}

/* The URL is the user's in messages. */
static int inner_url(const struct url *outer, const char *scheme, const char *const *options, struct url *u, struct err *e)
{
	*u = (struct url){ .text = strdup(outer->text), .scheme = strdup(scheme), .rest = strdup(outer->rest) };
	int r = u->text && u->scheme && u->rest ? 0 : err_sys(e, ENOMEM, "opening %s", outer->text);
	for (; r == 0 && *options; options++)
		for (unsigned i = 0; r == 0 && i < outer->count; i++)
			if (!strcmp(outer->options[i].key, *options))
				r = url_option(u, *options, outer->options[i].value, outer->options[i].size, e);
	if (r < 0)
		url_clear(u);
	return r;
}

static void free_old(struct layer *l)
{
	port_free(l->old);
	l->old = NULL;
}

int layer_open(struct layer *l, const char *scheme, const char *const *options, struct err *e)
{
	struct url u;
	free_old(l);
	if (inner_url(&l->port.url, scheme, options, &u, e) < 0)
		return -1;
	int r = port_open(l->port.base, &u, on_news, l, &l->inner, e);
	if (r >= 0) {
		free(l->port.name);
		l->port.name = strdup(l->inner->name);
		port_watch(l->inner);
	}
	return r;
}

void layer_adopt(struct layer *l, struct port *inner)
{
	l->inner = inner;
	inner->news = on_news;
	inner->news_arg = l;
	port_watch(inner);
}

void layer_close(struct layer *l)
{
	if (!l->inner)
		return;
	free_old(l);
	l->old = l->inner;
	l->inner = NULL;
	l->gathered = 0;
	l->old->news = NULL;
	port_close(l->old);
}

/* ---- what is left to be sent after the close ---------------------------------------------- */

struct late {
	struct port *inner;
	struct buf out;
	struct event end;
};

/* Not from its own news: it ends at the timer's next turn. */
static void end_late(struct late *t, double seconds)
{
	struct timeval in = clock_interval(seconds);
	event_add(&t->end, &in);
}

static void on_late_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct late *t = arg;
	port_free(t->inner);
	buf_clear(&t->out);
	free(t);
}

static void send_late(struct late *t)
{
	while (t->out.len) {
		ssize_t n = port_write(t->inner, buf_data(&t->out), t->out.len, NULL);
		if (n == 0)
			return;
		if (n < 0)
			break;
		buf_consume(&t->out, (size_t)n);
	}
	end_late(t, 0);
}

static void on_late_news(void *arg, unsigned news)
{
	struct late *t = arg;
	if (t->inner->state != PORT_OPEN)
		end_late(t, 0);
	else if (news & PORT_NEWS_WRITE)
		send_late(t);
}

void layer_close_after(struct layer *l, struct buf *out)
{
	bool lives = l->inner && l->inner->state == PORT_OPEN && layer_flush(l, out, NULL) == 0;
	struct late *t = lives && l->inner->state == PORT_OPEN && out->len ? calloc(1, sizeof *t) : NULL;
	if (!t) {
		layer_close(l);
		buf_consume(out, out->len);
		return;
	}
	t->inner = l->inner;
	t->out = *out;
	*out = (struct buf){ 0 };
	l->inner = NULL;
	t->inner->news = on_late_news;
	t->inner->news_arg = t;
	event_assign(&t->end, t->inner->base, -1, 0, on_late_end, t);
	end_late(t, LATE_SECONDS);
}

static int find_late(const struct event_base *base, const struct event *ev, void *found)
{
	(void)base;
	if (event_get_callback(ev) != on_late_end)
		return 0;
	*(struct late **)found = event_get_callback_arg(ev);
	return 1;
}

void layer_end_late(struct event_base *base)
{
	for (;;) {
		struct late *t = NULL;
		event_base_foreach_event(base, find_late, &t);
		if (!t)
			return;
		if (t->inner->state == PORT_OPEN)
			port_write(t->inner, t->out.len ? buf_data(&t->out) : "", t->out.len, NULL);
		event_del(&t->end);
		on_late_end(-1, 0, t);
	}
}

void layer_free(struct port *p)
{
	free_old((struct layer *)p);
}

ssize_t layer_write_failed(struct layer *l, struct err *e)
{
	if (!l->port.cfg.reconnect)
		return -1;
	struct err why;
	port_why(l->inner, &why);
	port_lost(&l->port, e ? e : &why);
	return 0;
}

void layer_gather(struct layer *l, const void *data, size_t n)
{
	struct err e;
	if (buf_append(&l->port.rx, data, n) == 0)
		l->gathered += n;
	else {
		err_sys(&e, ENOMEM, "%s: receiving", l->port.name);
		port_lost(&l->port, &e);
	}
}

void layer_tell(struct layer *l)
{
	size_t n = l->gathered;
	l->gathered = 0;
	if (n && l->inner)
		port_received_in_place(&l->port, n);
}

int layer_flush(struct layer *l, struct buf *out, struct err *e)
{
	while (l->inner && out->len) {
		ssize_t n = port_write(l->inner, buf_data(out), out->len, e);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		buf_consume(out, (size_t)n);
	}
	return 0;
}

void layer_throttle(struct port *p, bool on)
{
	if (!on)
		receive((struct layer *)p);
}

void layer_pump(struct port *p)
{
	struct layer *l = (struct layer *)p;
	receive(l);
	if (l->inner && !p->throttled)
		port_pump(l->inner);
}

void layer_peek(struct port *p)
{
	struct layer *l = (struct layer *)p;
	if (l->inner && l->inner->state == PORT_OPEN && l->inner->ops->peek && !p->throttled)
		l->inner->ops->peek(l->inner);
}

int layer_descriptor(struct port *p)
{
	struct port *inner = ((struct layer *)p)->inner;
	return inner && !p->throttled && !p->watched && inner->ops->descriptor ? inner->ops->descriptor(inner) : -1;
}

void layer_watch(struct port *p)
{
	struct layer *l = (struct layer *)p;
	if (l->inner)
		port_watch(l->inner);
}

void layer_unwatch(struct port *p)
{
	struct layer *l = (struct layer *)p;
	if (l->inner)
		port_unwatch(l->inner);
}

size_t layer_in_waiting(struct port *p)
{
	size_t before = p->rx.len;
	layer_pump(p);
	return p->rx.len - before;
}
