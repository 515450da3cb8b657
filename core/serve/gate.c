// SPDX-License-Identifier: MIT
// gate.c: see gate.h.
#include "serve/gate.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "port/clock.h"
#include "port/port.h"

struct gate {
	struct event_base *base;
	struct networks allow;
	struct visitor *visitors;
	long clients, most;
	double idle;                         /* seconds; 0 no limit */
	char name[120];
	bool closed;
	double said_at;
	unsigned unsaid;
};

struct visitor {
	struct visitor *next, **at;          /* at: what points to it */
	struct gate *gate;
	struct port *port;
	struct event silence;
	uint64_t seen;
	double since;                        /* nothing has passed */
};

static int take_option(struct gate *g, const struct option *o, struct err *e)
{
	if (!strcmp(o->key, "allow"))
		return networks_add(&g->allow, o->value, e);
	if (!strcmp(o->key, "clients"))
		return value_integer("clients", o->value, 1, 100000, &g->most, e);
	if (!strcmp(o->key, "idle_timeout"))
		return value_seconds("idle_timeout", o->value, &g->idle, e);
	return 0;
}

int gate_open(struct event_base *base, struct url *u, struct gate **out, struct err *e)
{
	static const char *const own[] = { "allow", "clients", "idle_timeout" };
	struct gate *g = calloc(1, sizeof *g);
	if (!g)
		return err_sys(e, ENOMEM, "listening");
	*g = (struct gate){ .base = base, .most = GATE_CLIENTS };
	for (unsigned i = 0; i < u->count; i++)
		if (take_option(g, &u->options[i], e) < 0) {
			gate_close(g);
			return err_add(e, " (listening on %s)", u->text);
		}
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		free(url_take(u, own[i]));
	if (isinf(g->idle))
		g->idle = 0;
	*out = g;
	return 0;
}

static void free_if_empty(struct gate *g)
{
	if (!g->closed || g->clients)
		return;
	networks_clear(&g->allow);
	free(g);
}

void gate_close(struct gate *g)
{
	if (!g)
		return;
	g->closed = true;
	free_if_empty(g);
}

void gate_name(struct gate *g, const char *name)
{
	snprintf(g->name, sizeof g->name, "%s", name);
}

void gate_say(struct gate *g, const char *fmt, ...)
{
	char text[300];
	va_list ap;
	double now = clock_now();
	if (g->said_at && now - g->said_at < 1) {
		g->unsaid++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (g->unsaid)
		log_note("listening on %s: %s (and %u times more before)", g->name, text, g->unsaid);
	else
		log_note("listening on %s: %s", g->name, text);
	g->said_at = now;
	g->unsaid = 0;
}

/* Those that have ended their side and wait for an answer take nobody's place; but they are not without number either. */
static bool is_full(const struct gate *g)
{
	long ended = 0;
	if (g->clients < g->most)
		return false;
	for (const struct visitor *v = g->visitors; v; v = v->next)
		ended += v->port && v->port->eof;
	return ended >= GATE_CLIENTS || g->clients - ended >= g->most;
}

struct visitor *gate_enter(struct gate *g, const struct sockaddr_storage *a, const char *name)
{
	if (!networks_have(&g->allow, a)) {
		gate_say(g, "%s is not in allow: refused", name);
		return NULL;
	}
	if (is_full(g)) {
		gate_say(g, "%ld clients are connected (option clients): %s refused", g->clients, name);
		return NULL;
	}
	struct visitor *v = calloc(1, sizeof *v);
	if (!v)
		return NULL;
	*v = (struct visitor){ .gate = g, .next = g->visitors, .at = &g->visitors };
	if (v->next)
		v->next->at = &v->next;
	g->visitors = v;
	g->clients++;
	return v;
}

enum { LOOKS = 8 };                          /* in the time of silence that is allowed: how late it is seen */

static void start(struct visitor *v)
{
	struct timeval t = clock_interval(v->gate->idle / LOOKS);
	event_add(&v->silence, &t);
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct visitor *v = arg;
	struct err e;
	uint64_t passed = v->port->taken + v->port->given;
	double now = clock_now();
	if (passed != v->seen) {
		v->seen = passed;
		v->since = now;
	}
	if (now - v->since < v->gate->idle) {
		start(v);
		return;
	}
	gate_say(v->gate, "%s was silent for %g s (option idle_timeout): closed", v->port->name, v->gate->idle);
	err_set(&e, ERR_CLOSED, "%s: silent for %g s (option idle_timeout)", v->port->name, v->gate->idle);
	port_lost(v->port, &e);
}

void gate_watch(struct visitor *v, struct port *p)
{
	v->port = p;
	v->since = clock_now();
	event_assign(&v->silence, v->gate->base, -1, 0, on_silence, v);
	if (v->gate->idle > 0)
		start(v);
}

void gate_left(void *visitor)
{
	struct visitor *v = visitor;
	struct gate *g = v->gate;
	if (v->port)
		event_del(&v->silence);
	*v->at = v->next;
	if (v->next)
		v->next->at = v->at;
	free(v);
	g->clients--;
	free_if_empty(g);
}
