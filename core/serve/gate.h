/* SPDX-License-Identifier: MIT
 * gate.h: who may come in through a listener, how many at once, and how long without a word.  Options:
 * allow (networks), clients (most at once), idle_timeout (seconds; 0 none).  It lives until the listener
 * and all its clients are gone. */
#ifndef SERVE_GATE_H
#define SERVE_GATE_H
#include "base/url.h"
#include "serve/networks.h"

struct event_base;
struct gate;
struct port;
struct visitor;

enum { GATE_CLIENTS = 1024 };                /* where nothing else is said */

/* Takes its options out of u. */
int gate_open(struct event_base *base, struct url *u, struct gate **out, struct err *e);
/* The listener ends; clients stay. */
void gate_close(struct gate *g);
/* May this one come in?  Says on stderr why not: not more often than once in a second. */
struct visitor *gate_enter(struct gate *g, const struct sockaddr_storage *a, const char *name);
/* What it came with; watched for silence from here on. */
void gate_watch(struct visitor *v, struct port *p);
/* It is gone (socket.h's `left`). */
void gate_left(void *visitor);
/* "moonrig: listening on X: ..." at most once in a second; what was left out is counted. */
void gate_say(struct gate *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gate_name(struct gate *g, const char *name);

#endif
