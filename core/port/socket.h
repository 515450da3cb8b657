/* SPDX-License-Identifier: MIT
 * socket.h: socket://host:port and unix:/path, and ports from accepted connections. */
#ifndef PORT_SOCKET_H
#define PORT_SOCKET_H
#include "port/port.h"

extern const struct port_ops socket_ops;
extern const struct port_ops unix_ops;

/* A port on a connected stream socket that was accepted; takes fd over, also on failure.
 * url: "socket://127.0.0.1:40112", name: "127.0.0.1:40112" */
struct port *socket_accepted(struct event_base *base, int fd, const char *url, const char *name, struct err *e);

#endif
