/* SPDX-License-Identifier: MIT
 * rfc2217_server.h: an accepted RFC 2217 connection as a port: what it receives is the client's data, what
 * is written goes to the client.  What the client asks goes to port->ask, or, where nobody takes that, to the
 * port itself, which is then the far end of a null-modem cable: the client's DTR is its DSR and CD, the
 * client's RTS its CTS, and the other way round; baudrate and the like are what the client has set. */
#ifndef SERVE_RFC2217_SERVER_H
#define SERVE_RFC2217_SERVER_H
#include "port/port.h"

/* inner: open, accepted; taken over, also on failure (NULL). */
struct port *rfc2217_accepted(struct event_base *base, struct port *inner, struct err *e);

#endif
