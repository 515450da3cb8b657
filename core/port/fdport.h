/* SPDX-License-Identifier: MIT
 * fdport.h: the common part of transports that have a file descriptor
 * (device, socket, pty, exec, stdio): reading straight into the port's
 * buffer, writing, throttling.  The transport embeds `struct fdport` first
 * and gives the fdport_ functions as its ops. */
#ifndef PORT_FDPORT_H
#define PORT_FDPORT_H
#include <event2/event.h>
#include <event2/event_struct.h>

#include "port/port.h"

struct fdport {
	struct port port;
	int rfd, wfd;                        /* one descriptor, or two (stdio) */
	bool attached;                       /* the events below are set up */
	struct event rd, wr;
	bool rd_ready, wr_ready;             /* a file: always ready, cannot be watched */
	bool socket;                         /* recv and send, which cost less than read and write */
	bool full;                           /* the last read filled the room it had */
	/* Optional: works on received bytes in place (PARMRK), returns how many are left. */
	size_t (*filter)(struct fdport *f, char *data, size_t n);
	/* Optional: what the end of the input means (sys 0: end of file), instead of the two below. */
	void (*ended)(struct fdport *f, int sys);
	const char *gone;                    /* what an end of file means: "the peer closed the connection" */
	bool eof_is_lost;                    /* ... and that nothing can be written any more */
};

/* Starts reading on non-blocking descriptors. */
int fdport_attach(struct fdport *f, int rfd, int wfd, struct err *e);
/* Stops the events; closes the descriptors. */
void fdport_close(struct port *p);
ssize_t fdport_write(struct port *p, const void *data, size_t n, struct err *e);
void fdport_throttle(struct port *p, bool on);
void fdport_pump(struct port *p);
void fdport_peek(struct port *p);
int fdport_descriptor(struct port *p);           /* -1: closed, throttled, or watched already */
void fdport_watch(struct port *p);
void fdport_unwatch(struct port *p);
size_t fdport_in_waiting(struct port *p);        /* FIONREAD */
int fdport_out_waiting(struct port *p, size_t *n, struct err *e);        /* TIOCOUTQ, SIOCOUTQ */

#endif
