/* SPDX-License-Identifier: MIT
 * pty.h: pseudo-terminals: the transport pty:[LINK], and what exec: builds on. */
#ifndef PORT_PTY_H
#define PORT_PTY_H
#include "port/fdport.h"

struct pty {
	struct fdport f;                     /* first; its descriptor is the master */
	int slave;                           /* kept open */
	char tty[32];                        /* name of the slave: /dev/pts/7 */
	char *link;                          /* what we made and remove; NULL: none */
	struct pty_served *served;           /* pty_serve; NULL: not */
};

/* Makes a pty in raw mode and starts to read its master. */
int pty_attach(struct pty *y, struct err *e);

/* Tells port->ask what users of the slave change (settings, flushes), by packet mode; and `presence`, if it is there,
 * when somebody opens it first and closes it last. */
int pty_serve(struct port *p, void (*presence)(void *arg, bool present), void *arg, struct err *e);

/* Operations. */
void pty_close(struct port *p);
int pty_out_waiting(struct port *p, size_t *n, struct err *e);
int pty_drain(struct port *p, struct err *e);
int pty_flush(struct port *p, int which, struct err *e);

extern const struct port_ops pty_ops;

#endif
