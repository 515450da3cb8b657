/* SPDX-License-Identifier: MIT
 * listen.h: the accepting side of socket:// and unix:.  A listener hands out
 * connected ports, one at each call; those nobody has asked for yet wait in the
 * kernel's backlog, so a slow program does not pile them up. */
#ifndef PORT_LISTEN_H
#define PORT_LISTEN_H
#include "port/port.h"

struct listener;

/* socket://host:port (0: a free one), unix:/path.  Off loopback only with the option insecure=true.
 * ready(arg) is called once after each listen_watch when somebody may be there. */
int listen_open(struct event_base *base, const struct url *u, void (*ready)(void *arg), void *arg,
	struct listener **out, struct err *e);
void listen_free(struct listener *l);
/* 1 and a port, 0 nobody there now, 2 no descriptors left (try again later), -1. */
int listen_accept(struct listener *l, struct port **out, struct err *e);
int listen_watch(struct listener *l, struct err *e);
/* "socket://127.0.0.1:40111", with the real port number. */
const char *listen_url(const struct listener *l);

#endif
