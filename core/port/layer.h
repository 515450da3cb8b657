/* SPDX-License-Identifier: MIT
 * layer.h: a port on top of another one: TLS on a socket, RFC 2217 on either.  The upper port owns the
 * lower one (`inner`) and takes its news; what it receives it decodes from inner->rx into its own.  A
 * transport embeds `struct layer` as its first member.  A closed inner port is kept until the next open
 * or the end of the upper one, because the close may come out of its own news. */
#ifndef PORT_LAYER_H
#define PORT_LAYER_H
#include "port/port.h"

struct layer;

struct layer_ops {
	void (*opened)(struct layer *l);     /* inner is open: shake hands, then port_done() */
	void (*received)(struct layer *l);   /* inner->rx has more; not called while the upper port is throttled */
	void (*writable)(struct layer *l);   /* inner takes bytes again */
	void (*ended)(struct layer *l, const struct err *why);
	bool (*busy)(struct layer *l);       /* optional: it must receive, throttled or not */
};

struct layer {
	struct port port;
	const struct layer_ops *up;
	struct port *inner;                  /* NULL: closed */
	struct port *old;
	bool receiving, more;                /* more: asked to receive meanwhile */
	size_t gathered;                     /* bytes in rx that nobody was told of */
};

/* Opens scheme://rest of the upper port's URL with those of its options that are in the list: 0 open, then call
 * up->opened yourself; 1; -1. */
int layer_open(struct layer *l, const char *scheme, const char *const *options, struct err *e);
/* Takes over a port that is open. */
void layer_adopt(struct layer *l, struct port *inner);
void layer_close(struct layer *l);
/* The same, but what is in `out` is still sent, for some seconds at most.  out is empty afterwards. */
void layer_close_after(struct layer *l, struct buf *out);
/* The program ends: what such closes have left ends now. */
void layer_end_late(struct event_base *base);
/* Received data in many small pieces: into rx, told at once by layer_tell. */
void layer_gather(struct layer *l, const void *data, size_t n);
void layer_tell(struct layer *l);
/* As much of `out` as inner takes now: 0, or -1.  What is left goes out by layer_flush in up->writable. */
int layer_flush(struct layer *l, struct buf *out, struct err *e);
/* inner refused bytes: as the upper port's own write would fail. */
ssize_t layer_write_failed(struct layer *l, struct err *e);

/* Operations that are the inner port's. */
void layer_free(struct port *p);
void layer_throttle(struct port *p, bool on);
void layer_pump(struct port *p);
void layer_peek(struct port *p);
int layer_descriptor(struct port *p);
void layer_watch(struct port *p);
void layer_unwatch(struct port *p);
size_t layer_in_waiting(struct port *p);

#endif
