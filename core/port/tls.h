/* SPDX-License-Identifier: MIT
 * tls.h: TLS 1.2 and up by OpenSSL, as a layer on a socket: socket+tls://host:port, and the accepting side.
 * Certificates are verified: chain and name by a client, the chain by a server that has `ca`.
 * Options: ca (file of those trusted; a client without it trusts the system's), cert and key (files of our
 * own), for a client also verify (false: no check) and name (expected in the certificate, instead of the
 * host), for a server handshake_timeout. */
#ifndef PORT_TLS_H
#define PORT_TLS_H
#include "port/port.h"

#define TLS_OPTION_NAMES "ca cert key handshake_timeout"

struct tls_context;

extern const struct port_ops tls_ops;

/* Takes its options out of u.  A server must have cert and key. */
int tls_context_new(struct url *u, bool server, struct tls_context **out, struct err *e);
/* Ports made with it stay. */
void tls_context_free(struct tls_context *c);
/* Must clients have a certificate? */
bool tls_context_asks_clients(const struct tls_context *c);

/* The server's side on `inner`, which is open and taken over, also on failure.  The port is being opened: news tells
 * PORT_NEWS_DONE, also when the time is up. */
struct port *tls_accepted(struct event_base *base, struct port *inner, struct tls_context *c,
	void (*news)(void *arg, unsigned news), void *arg, struct err *e);

#endif
