/* SPDX-License-Identifier: MIT
 * tlscontext.h: between tls.c and tlscontext.c. */
#ifndef PORT_TLSCONTEXT_H
#define PORT_TLSCONTEXT_H
#include "port/openssl.h"
#include "port/tls.h"

struct tls_context {
	int refs;
	bool server, verify;
	double handshake_timeout;            /* seconds, of a server */
	char *name;                          /* expected in the server's certificate; NULL: the host */
	SSL_CTX *ssl;
	struct openssl o;
};

struct tls_context *tls_context_share(struct tls_context *c);
/* "what about: <OpenSSL's reason>"; -1. */
int tls_error(const struct openssl *o, const char *what, const char *about, struct err *e);

#endif
