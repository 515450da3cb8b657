// SPDX-License-Identifier: MIT
// bridge_doors.c: the listeners of a bridge.  A pty is one too: its client is there from the start.  See bridge.h.
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/pty.h"
#include "serve/bridge.h"
#include "serve/listen.h"

struct door {
	struct door *next;
	struct bridge *bridge;
	struct listener *listener;           /* NULL: a pty, whose client is always there */
	struct client *tty;
	char *url;
};

static void admit(struct bridge *b, struct port *p)
{
	if (p->state != PORT_OPEN) {             /* reset before its greeting was sent: it has no more news */
		port_free(p);
		return;
	}
	bridge_look_at_seat(b);
	if (bridge_count(b) >= b->options.clients && b->options.policy != POLICY_KICK) {
		bridge_say(b, "%s was refused: %u clients are connected", p->name, bridge_count(b));
		port_free(p);
	} else
		bridge_join(b, p, false);
}

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
		bridge_tty_presence(d->tty, true);
	return d->tty && d->url && pty_serve(p, b->options.hold ? NULL : bridge_tty_presence, d->tty, e) == 0 ? 0 : -1;
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
