/* SPDX-License-Identifier: MIT
 * socket.h: socket://host:port and unix:/path, and ports from accepted connections. */
#ifndef PORT_SOCKET_H
#define PORT_SOCKET_H
#include "port/port.h"

extern const struct port_ops socket_ops;
extern const struct port_ops unix_ops;

/* A connection that was accepted. */
struct accepted {
	int fd;                              /* taken over, also on failure */
	const char *url, *name;              /* "socket://127.0.0.1:40112", "127.0.0.1:40112" */
	bool guard;                          /* close it if it begins with an HTTP request line */
	void (*left)(void *arg);             /* optional: called when it is closed; not on failure */
	void *arg;
};

struct port *socket_accepted(struct event_base *base, const struct accepted *a, struct err *e);

#endif
