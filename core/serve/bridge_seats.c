// SPDX-License-Identifier: MIT
// bridge_seats.c: which clients of a bridge may write; how they come, fall behind and go.  See bridge.h.
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "port/clock.h"
#include "serve/bridge.h"

/* A client that sends no more stays for the answer, until the device has been silent for so long. */
#define HALF_CLOSED 5.0
#define SWEEP 0.5                            /* how often those that are behind are looked at */

/* ---- who may write ------------------------------------------------------------------------ */

bool client_is_here(const struct client *c)
{
	return !c->gone && !c->ended && c->present;
}

static struct client *seated(const struct bridge *b)
{
	for (struct client *c = b->clients; c; c = c->next)
		if (c->may_write && client_is_here(c))
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
		if (o != c && o->asked && client_is_here(o))
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
			if (client_is_here(o)) {
				take_seat(o, "may write now");
				break;
			}
	client_pump_all(b);                      /* the rest of what it wrote may have held up others */
}

void bridge_look_at_seat(struct bridge *b)
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

unsigned bridge_count(const struct bridge *b)
{
	unsigned n = 0;
	for (struct client *c = b->clients; c; c = c->next)
		n += client_is_here(c);
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

void bridge_tty_leaves(struct client *c)
{
	struct bridge *b = c->bridge;
	c->leaving = false;
	port_pump(c->port);
	if (c->gone || !c->present)
		return;
	if (c->port->rx.len && c->may_write) {
		c->leaving = true;
		return;
	}
	c->present = false;
	bridge_say(b, "%s was closed by its user", c->port->name);
	bridge_release(c);
	buf_consume(&c->out, c->out.len);
	port_flush(c->port, FLUSH_OUTPUT, NULL);
	bridge_deliver(b);
}

void bridge_tty_presence(void *client, bool present)
{
	struct client *c = client;
	struct bridge *b = c->bridge;
	if (c->gone)
		return;
	if (!present && c->present)
		bridge_tty_leaves(c);
	if (!present)
		return;
	c->leaving = false;
	if (c->present)
		return;
	bridge_look_at_seat(b);
	c->present = true;
	c->came = (double)time(NULL);
	assign_role(c);
	client_pump(c);
}

/* Who has ended its side stays for the answer as long as that keeps nobody out: a flood of short connections
 * must not use up the descriptors. */
static void limit_ended(struct bridge *b)
{
	struct client *oldest = NULL;
	unsigned n = 0;
	for (struct client *c = b->clients; c; c = c->next)
		if (c->ended && !c->gone && !n++)
			oldest = c;
	if (n > b->options.clients)
		bridge_leave(oldest, NULL);
}

struct client *bridge_join(struct bridge *b, struct port *p, bool tty)
{
	struct client *c = calloc(1, sizeof *c), **end = &b->clients;
	if (!c) {
		port_free(p);
		return NULL;
	}
	limit_ended(b);
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
	bridge_look_at_signals(b);
	if (p->ops->line_changed)
		p->ops->line_changed(p);
	port_watch(p);
	client_pump(c);
	return c;
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

void bridge_seats_init(struct bridge *b)
{
	event_assign(&b->reaper, b->base, -1, 0, on_reap, b);
	event_assign(&b->sweep, b->base, -1, 0, on_sweep, b);
}

void bridge_seats_clear(struct bridge *b)
{
	for (struct client *c = b->clients; c; c = c->next)
		c->gone = true;
	on_reap(-1, 0, b);
	event_del(&b->reaper);
	event_del(&b->sweep);
}
