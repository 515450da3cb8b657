/* SPDX-License-Identifier: MIT
 * httpguard.h: closes an accepted connection that begins with an HTTP request line.  From "GET /" on,
 * or its like, bytes are held back until the end of the line decides. */
#ifndef PORT_HTTPGUARD_H
#define PORT_HTTPGUARD_H
#include "port/port.h"

struct httpguard;

struct httpguard *httpguard_new(void);       /* NULL without memory */
void httpguard_free(struct httpguard *g);
/* Takes received bytes and passes on what may go to port_received: 1 the guard is not needed any more, 0 it is,
 * -1 it was HTTP: the port is lost. */
int httpguard_take(struct httpguard *g, struct port *p, const void *data, size_t n);

#endif
