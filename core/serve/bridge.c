// SPDX-License-Identifier: MIT
// bridge.c: the device of a bridge, who may write, who comes and goes.  See bridge.h.
#include "serve/bridge.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "port/clock.h"
#include "port/pty.h"
#include "port/trafficlog.h"
#include "serve/listen.h"

/* A client that sends no more stays for the answer, until the device has been silent for so long. */
#define HALF_CLOSED 5.0
#define SWEEP 0.5                            /* how often those that are behind are looked at */
#define PATIENCE 0.5                         /* with one that is behind by its queue and takes nothing */

enum { FRAME_MOST = 64 * 1024, FURTHER = 16 };

struct door {
	struct door *next;
	struct bridge *bridge;
	struct listener *listener;           /* NULL: a pty, whose client is always there */
	struct client *tty;
	char *url;
};

void bridge_say(struct bridge *b, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (b->log)
		trafficlog_say(b->log, text);
	if (!b->options.quiet)
		log_note("bridge %s: %s", b->name, text);
}

int bridge_log(struct bridge *b, const char *path, struct err *e)
{
	if (b->log)
		return trafficlog_reopen(b->log, e);
	b->log = trafficlog_new(path, e);
	if (b->log && b->device)
		port_add_tap(b->device, b->log);
	return b->log ? 0 : -1;
}

/* ---- who may write ------------------------------------------------------------------------ */

static bool can_take_seat(const struct client *c)
{
	return !c->gone && !c->ended && c->present;
}

static struct client *seated(const struct bridge *b)
{
	for (struct client *c = b->clients; c; c = c->next)
		if (c->may_write && can_take_seat(c))
			return c;
	return NULL;
}

static void take_seat(struct client *c, const char *how)
{
	c->may_write = true;
	c->told = false;
	if (how)
		bridge_say(c->bridge, "%s %s", c->port->name, how);
}

static bool others_asked(const struct client *c)
{
	for (struct client *o = c->bridge->clients; o; o = o->next)
		if (o != c && o->asked && can_take_seat(o))
			return true;
	return false;
}

void bridge_release(struct client *c)
{
	struct bridge *b = c->bridge;
	bool had = c->may_write;
	if (c->asking)
		bridge_ask_drop(c);
	if (c->asked && !c->tty && !others_asked(c))
		bridge_restore(b);
	c->asked = false;
	c->may_write = false;
	if (b->turn == c)
		b->turn = NULL;
	if (!had || b->over)
		return;
	if (b->options.policy != POLICY_SHARED && !seated(b))
		for (struct client *o = b->clients; o; o = o->next)
			if (can_take_seat(o)) {
				take_seat(o, "may write now");
				break;
			}
	client_pump_all(b);                      /* the rest of what it wrote may have held up others */
}

/* Has the one in the seat ended its side?  Its end may be there already, unread. */
static void look_at_seat(struct bridge *b)
{
	struct client *c = seated(b);
	if (c)
		port_pump(c->port);
}

static void assign_role(struct client *c)
{
	struct bridge *b = c->bridge;
	if (b->options.policy == POLICY_SHARED) {
		take_seat(c, "connected");
		return;
	}
	struct client *before = seated(b);
	if (!before)
		take_seat(c, "connected");
	else if (b->options.policy == POLICY_KICK) {
		bridge_say(b, "%s connected and displaces %s (policy kick)", c->port->name, before->port->name);
		before->may_write = false;
		if (!before->tty)
			bridge_leave(before, NULL);
		take_seat(c, NULL);
	} else
		bridge_say(b, "%s connected; only reads, because %s writes", c->port->name, before->port->name);
}

/* ---- coming and going --------------------------------------------------------------------- */

static unsigned count(const struct bridge *b)
{
	unsigned n = 0;
	for (struct client *c = b->clients; c; c = c->next)
		n += can_take_seat(c);
	return n;
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct bridge *b = arg;
	for (struct client **at = &b->clients; *at;) {
		struct client *c = *at;
		if (!c->gone) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		port_free(c->port);
		buf_clear(&c->out);
		free(c);
	}
}

static void reap_later(struct bridge *b)
{
	event_add(&b->reaper, &(struct timeval){ 0, 0 });
}

void bridge_leave(struct client *c, const char *why)
{
	struct bridge *b = c->bridge;
	if (c->gone)
		return;
	if (why && !c->ended)
		bridge_say(b, "%s left (%s)", c->port->name, why);
	c->gone = true;
	bridge_release(c);
	bridge_listens_changed(b);
	reap_later(b);
	bridge_deliver(b);                       /* the others may have had to wait for it */
}

/* A user of the pty has opened it first, or closed it last. */
static void tty_presence(void *arg, bool present)
{
	struct client *c = arg;
	struct bridge *b = c->bridge;
	if (c->gone || c->present == present)
		return;
	if (present)
		look_at_seat(b);
	c->present = present;
	if (present) {
		c->came = (double)time(NULL);
		assign_role(c);
		client_pump(c);
		return;
	}
	bridge_say(b, "%s was closed by its user", c->port->name);
	bridge_release(c);
	buf_consume(&c->out, c->out.len);
	port_flush(c->port, FLUSH_OUTPUT, NULL);
	bridge_deliver(b);
}

struct client *bridge_join(struct bridge *b, struct port *p, bool tty)
{
	struct client *c = calloc(1, sizeof *c), **end = &b->clients;
	if (!c) {
		port_free(p);
		return NULL;
	}
	*c = (struct client){ .bridge = b, .port = p, .tty = tty, .present = !tty, .came = (double)time(NULL) };
	while (*end)
		end = &(*end)->next;
	*end = c;
	p->news = client_news;
	p->news_arg = c;
	p->line = &b->line;
	p->ask_arg = c;
	p->ask = bridge_ask;
	if (!tty)
		assign_role(c);
	if (p->ops->line_changed)
		p->ops->line_changed(p);
	port_watch(p);
	client_pump(c);
	return c;
}

static void admit(struct bridge *b, struct port *p)
{
	look_at_seat(b);
	if (count(b) >= b->options.clients && b->options.policy != POLICY_KICK) {
		bridge_say(b, "%s was refused: %u clients are connected", p->name, count(b));
		port_free(p);
	} else
		bridge_join(b, p, false);
}

/* ---- doors -------------------------------------------------------------------------------- */

static void on_door(void *arg)
{
	struct door *d = arg;
	struct port *p;
	struct err e = { 0 };
	int r;
	while ((r = listen_accept(d->listener, &p, &e)) == 1)
		admit(d->bridge, p);
	if (r < 0)
		bridge_say(d->bridge, "%s", e.text);
	listen_watch(d->listener, NULL);
}

static int open_tty(struct door *d, const struct url *u, struct err *e)
{
	struct bridge *b = d->bridge;
	struct url copy;
	struct port *p;
	char text[300];
	if (url_inner(&copy, u, u->text, e) < 0)
		return -1;
	if (port_open(b->base, &copy, NULL, NULL, &p, e) < 0)
		return -1;
	snprintf(text, sizeof text, "device:%s", *p->url.rest ? p->url.rest : p->name);
	d->url = strdup(text);
	d->tty = bridge_join(b, p, true);
	if (d->tty && b->options.hold)
		tty_presence(d->tty, true);
	return d->tty && d->url && pty_serve(p, b->options.hold ? NULL : tty_presence, d->tty, e) == 0 ? 0 : -1;
}

static void free_door(struct door *d)
{
	listen_free(d->listener);
	if (d->tty)
		bridge_leave(d->tty, NULL);
	free(d->url);
	free(d);
}

const char *bridge_listen(struct bridge *b, const struct url *u, struct err *e)
{
	struct door *d = calloc(1, sizeof *d), **end = &b->doors;
	if (!d)
		return err_sys(e, ENOMEM, "listening"), NULL;
	d->bridge = b;
	int r;
	if (!strcmp(u->scheme, "pty"))
		r = open_tty(d, u, e);
	else {
		r = listen_open(b->base, u, on_door, d, &d->listener, e);
		d->url = r == 0 ? strdup(listen_url(d->listener)) : NULL;
		if (r == 0)
			r = listen_watch(d->listener, e);
	}
	if (r < 0 || !d->url) {
		free_door(d);
		return NULL;
	}
	while (*end)
		end = &(*end)->next;
	*end = d;
	return d->url;
}

void bridge_unlisten(struct bridge *b, const char *url)
{
	for (struct door **at = &b->doors; *at; at = &(*at)->next)
		if (!strcmp((*at)->url, url)) {
			struct door *d = *at;
			*at = d->next;
			free_door(d);
			return;
		}
}

void bridge_stop_listening(struct bridge *b)
{
	while (b->doors) {
		struct door *d = b->doors;
		b->doors = d->next;
		d->tty = NULL;                   /* it is a client too, and leaves with them */
		free_door(d);
	}
}

/* ---- the device --------------------------------------------------------------------------- */

/* Somebody takes more, or there is nobody: then it is thrown away, so that the next one gets what is new. */
static bool takes(const struct bridge *b)
{
	bool anybody = false;
	for (const struct client *c = b->clients; c; c = c->next) {
		if (c->gone || !c->present)
			continue;
		anybody = true;
		if (!client_is_full(c))
			return true;
	}
	return !anybody;
}

/* One that takes at least something may fall further behind, but not without end. */
static bool is_hopeless(const struct client *c)
{
	size_t queue = c->bridge->options.queue;
	return c->out.len > queue && (c->out.len / FURTHER > queue || clock_now() - c->since > PATIENCE);
}

static void drop_those_behind(struct bridge *b)
{
	for (struct client *c = b->clients; c; c = c->next)
		if (c->tty && c->out.len > b->options.queue) {
			bridge_say(b, "%s is not read: %zu bytes are thrown away", c->port->name, c->out.len);
			buf_consume(&c->out, c->out.len);
		} else if (!c->gone && is_hopeless(c)) {
			bridge_say(b, "%s does not read: %zu bytes behind the others", c->port->name, c->out.len);
			bridge_leave(c, "dropped");
		}
}

static void hand_out(struct bridge *b)
{
	struct port *d = b->device;
	bool anybody = false;
	size_t n = d->rx.len;
	b->handing_out = true;
	for (struct client *c = b->clients; c; c = c->next)
		if (!c->gone && c->present) {
			anybody = true;
			client_give(c, buf_data(&d->rx), n);
		}
	if (!anybody)
		b->thrown_away += n;
	port_consume(d, n);
	drop_those_behind(b);
	b->handing_out = false;
}

static void on_frame(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct bridge *b = arg;
	b->framing = false;
	if (b->device && b->device->rx.len && takes(b))
		hand_out(b);
}

void bridge_deliver(struct bridge *b)
{
	if (!b->device || !b->device->rx.len || b->handing_out || !takes(b))
		return;
	if (b->options.gap > 0 && b->device->rx.len < FRAME_MOST) {
		struct timeval t = clock_interval(b->options.gap);
		event_add(&b->frame, &t);
		b->framing = true;
		return;
	}
	hand_out(b);
}

static void device_is_lost(struct bridge *b)
{
	struct err why;
	struct err e;
	port_why(b->device, &why);
	if (b->step != ASK_IDLE) {
		err_set(&e, ERR_CLOSED, "%s", why.text);
		bridge_ask_done(b, &e);
	}
	if (b->device->state == PORT_CLOSED || b->device->eof) {
		b->over = true;
		bridge_say(b, "the device is closed: %s", why.text);
		if (b->ended)
			b->ended(b->arg);
	} else if (!b->lost) {
		b->lost = true;
		bridge_say(b, "lost: %s; waiting for it", why.text);
	}
}

static void device_is_back(struct bridge *b)
{
	b->lost = false;
	bridge_say(b, "%s is back", b->device->name);
	bridge_listens_changed(b);
	bridge_look(b);
	bridge_line_changed(b);
}

/* The device is a pty whose user has changed its settings: so they are in force. */
static int device_asks(void *arg, const struct ask *a, struct err *e)
{
	(void)e;
	struct bridge *b = arg;
	if (a->kind != ASK_SET)
		return 0;
	b->device->cfg.line = a->settings;
	bridge_look(b);
	bridge_line_changed(b);
	return 0;
}

static void device_news(void *arg, unsigned news)
{
	struct bridge *b = arg;
	struct port *d = b->device;
	if (b->over)
		return;
	if (d->state != PORT_OPEN || d->eof) {
		if (d->rx.len)
			bridge_deliver(b);
		if (news & PORT_NEWS_CLOSED)
			device_is_lost(b);
		return;
	}
	if (b->lost)
		device_is_back(b);
	if (news & PORT_NEWS_READ)
		bridge_deliver(b);
	if (news & PORT_NEWS_DONE)
		bridge_ask_done(b, d->result);
	if (news & PORT_NEWS_SIGNALS && b->line.inputs != d->signals) {
		b->line.inputs = d->signals;
		bridge_line_changed(b);
	}
	if (news & PORT_NEWS_WRITE)
		client_pump_all(b);
}

void bridge_attach(struct bridge *b, struct port *device)
{
	unsigned ignored;
	struct err e = { 0 };
	b->device = device;
	device->news = device_news;
	device->news_arg = b;
	if (b->log) {
		port_add_tap(device, b->log);
		b->log->see(b->log, device, &(struct tap_event){ .kind = TAP_OPEN });
	}
	b->configured = device->cfg.line;
	b->line.name = device->name;
	if (port_get_signals(device, &ignored, &e) < 0 && e.code == ERR_UNSUPPORTED) {
		b->no_signals = true;
		b->line.outputs = SIGNAL_DTR | SIGNAL_RTS;
	} else {
		device->signals = ignored;
		b->no_signals = false;
	}
	if (device->ops == &pty_ops) {
		device->ask = device_asks;
		device->ask_arg = b;
		if (pty_serve(device, NULL, NULL, &e) < 0)
			bridge_say(b, "%s", e.text);
	}
	port_watch(device);
	bridge_look(b);
	bridge_listens_changed(b);
	bridge_line_changed(b);
	client_pump_all(b);
	bridge_deliver(b);
}

/* ---- those that are behind ---------------------------------------------------------------- */

static bool look_after(struct client *c, double now)
{
	struct bridge *b = c->bridge;
	if (c->ended && !c->out.len) {
		if (c->port->given != c->behind) {
			c->behind = c->port->given;
			c->since = now;
		}
		if (now - c->since < HALF_CLOSED)
			return true;
		bridge_leave(c, NULL);           /* it sends no more, and there is no answer */
		return false;
	}
	if (!c->out.len)
		return false;
	if (!c->tty && b->options.stall > 0 && now - c->since >= b->options.stall) {
		bridge_say(b, "%s does not read: it has taken nothing for %g s", c->port->name, b->options.stall);
		bridge_leave(c, "dropped");
		return false;
	}
	return true;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct bridge *b = arg;
	bool more = false;
	double now = clock_now();
	for (struct client *c = b->clients; c; c = c->next)
		if (!c->gone && look_after(c, now))
			more = true;
	if (more)
		bridge_sweep_later(b);
}

void bridge_sweep_later(struct bridge *b)
{
	struct timeval t = clock_interval(SWEEP);
	if (!event_pending(&b->sweep, EV_TIMEOUT, NULL))
		event_add(&b->sweep, &t);
}

/* ---- making ------------------------------------------------------------------------------- */

struct bridge *bridge_new(struct event_base *base, const struct bridge_options *o, const struct settings *line)
{
	struct bridge *b = calloc(1, sizeof *b);
	char *name = strdup(o->name);
	if (!b || !name) {
		free(b);
		free(name);
		return NULL;
	}
	*b = (struct bridge){ .base = base, .options = *o, .name = name, .configured = *line };
	b->options.name = name;
	b->line = (struct line){ .settings = *line, .outputs = SIGNAL_DTR | SIGNAL_RTS, .sent = true };
	event_assign(&b->reaper, base, -1, 0, on_reap, b);
	event_assign(&b->sweep, base, -1, 0, on_sweep, b);
	event_assign(&b->frame, base, -1, 0, on_frame, b);
	bridge_ask_init(b);
	return b;
}

size_t bridge_unsent(const struct bridge *b)
{
	size_t n = 0;
	for (const struct client *c = b->clients; c; c = c->next)
		if (!c->gone && c->present)
			n += c->out.len + (c->may_write && !b->lost && !b->over ? c->port->rx.len : 0);
	if (b->device && !b->over)
		n += b->device->rx.len;
	return n;
}

void bridge_free(struct bridge *b)
{
	if (!b)
		return;
	b->over = b->options.quiet = true;
	bridge_stop_listening(b);
	for (struct client *c = b->clients; c; c = c->next)
		c->gone = true;
	on_reap(-1, 0, b);
	event_del(&b->reaper);
	event_del(&b->sweep);
	event_del(&b->frame);
	bridge_ask_clear(b);
	if (b->log && !b->device)
		b->log->free(b->log);
	port_free(b->device);
	free(b->name);
	free(b);
}
