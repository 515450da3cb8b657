/* SPDX-License-Identifier: MIT
 * lookup.h: host names to addresses, without stopping the loop: getaddrinfo
 * runs in a thread of its own and answers through an eventfd.  Numeric addresses
 * are answered at once. */
#ifndef PORT_LOOKUP_H
#define PORT_LOOKUP_H
#include <netdb.h>

#include "base/err.h"

struct event_base;
struct lookup;

/* Returns 0 with *found filled (the caller calls freeaddrinfo), 1 when `done` will be called (found NULL:
 * failed, see e), or -1.  *out is set while it is under way. */
int lookup_start(struct event_base *base, const char *host, const char *port, struct addrinfo **found,
	void (*done)(void *arg, struct addrinfo *found, const struct err *e), void *arg, struct lookup **out, struct err *e);
/* done will not be called any more. */
void lookup_cancel(struct lookup *l);

#endif
