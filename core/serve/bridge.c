// SPDX-License-Identifier: MIT
// bridge.c: the device of a bridge, and what it sends.  See bridge.h.
#include "serve/bridge.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "port/clock.h"
#include "port/pty.h"
#include "port/trafficlog.h"

#define PATIENCE 0.5                         /* with one that is behind by its queue and takes nothing */

enum { FRAME_MOST = 64 * 1024, FURTHER = 16 };

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
	bridge_seats_init(b);
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
	bridge_seats_clear(b);
	event_del(&b->frame);
	bridge_ask_clear(b);
	if (b->log && !b->device)
		b->log->free(b->log);
	port_free(b->device);
	free(b->name);
	free(b);
}
