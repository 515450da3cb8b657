/* SPDX-License-Identifier: MIT
 * listen.h: the accepting side of socket://, socket+tls://, unix:, rfc2217:// and rfc2217+tls://.  A
 * listener hands out ports that are ready to be used, one at each call; those nobody has asked for yet
 * wait in the kernel's backlog, so a slow program does not pile them up.  TLS handshakes go on beside,
 * within a time limit.  Out of descriptors, it turns clients away and rests for a moment. */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H
#include "port/port.h"

struct listener;

/* host:port (0: a free one) or a path.  Off loopback only with TLS and client certificates (option ca), or
 * insecure=true.  Further options: gate.h, and tls.h for TLS.
 * ready(arg) is called once after each listen_watch when somebody may be there. */
int listen_open(struct event_base *base, const struct url *u, void (*ready)(void *arg), void *arg,
	struct listener **out, struct err *e);
void listen_free(struct listener *l);
/* 1 and a port, 0 nobody there now, -1. */
int listen_accept(struct listener *l, struct port **out, struct err *e);
int listen_watch(struct listener *l, struct err *e);
/* "socket://127.0.0.1:40111", with the real port number. */
const char *listen_url(const struct listener *l);

#endif
