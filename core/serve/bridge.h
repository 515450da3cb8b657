/* SPDX-License-Identifier: MIT
 * bridge.h: a device port joined to any number of clients, who come through listeners.  What the device
 * sends goes to all of them; what a client sends, and asks of the line, goes to the device if it may write.
 * A client that does not read is left behind, in a queue of its own, and dropped in the end: the others
 * do not wait for it.  The device is held open beside the clients; when it is lost, they stay.
 *   bridge.c         the device, and what it sends
 *   bridge_doors.c   listeners
 *   bridge_seats.c   who may write, who comes and goes
 *   bridge_client.c  the bytes of one client, both ways
 *   bridge_ask.c     what clients ask of the line, one after the other
 * The structs are open to read, for the status.  The owner calls bridge_free. */
#ifndef SERVE_BRIDGE_H
#define SERVE_BRIDGE_H
#include <event2/event_struct.h>

#include "port/ask.h"
#include "port/port.h"

struct bridge;
struct door;

enum bridge_policy {
	POLICY_WRITER,                       /* one writer, the others only read; the next in line follows */
	POLICY_SHARED,                       /* all write */
	POLICY_KICK,                         /* one writer: who comes last; the one before is closed */
};

struct bridge_options {
	const char *name;                    /* in messages; copied */
	enum bridge_policy policy;
	unsigned clients;                    /* most at once */
	size_t queue;                        /* bytes a client may be behind while others go on */
	double stall;                        /* seconds after which a client that takes nothing is dropped; 0 never */
	double gap;                          /* seconds of silence that end a frame towards clients; 0: no frames */
	bool hold;                           /* what is for a pty that nobody has open waits */
	bool quiet;                          /* says nothing on stderr */
};

struct client {
	struct bridge *bridge;
	struct client *next;                 /* by the time of coming */
	struct port *port;
	struct buf out;                      /* from the device, not taken yet */
	bool tty;                            /* a pty: `present` while somebody has it open */
	bool present;
	bool leaving;                        /* a pty closed by its user; what was written goes to the device first */
	bool may_write;
	bool ended;                          /* it sends no more; its answers still come */
	bool gone;                           /* closed, to be freed */
	bool told;                           /* that what it writes is thrown away */
	bool asked;                          /* it has changed the line */
	struct ask ask;                      /* that waits, or is under way */
	bool asking;
	uint64_t behind;                     /* of port->given, when last looked at */
	double since;                        /* it came, or has taken nothing since */
	double came;                         /* wall clock, seconds since 1970 */
};

struct bridge {
	struct event_base *base;
	struct bridge_options options;
	char *name;
	struct port *device;                 /* NULL: not there yet */
	bool lost;                           /* said that it is lost */
	bool over;                           /* it is closed for good */
	struct settings configured;          /* to go back to when the one who changed them leaves */
	struct line line;                    /* what clients are told */
	struct tap *log;                     /* of the traffic; NULL: none.  The device's, once it is there */
	bool no_signals, no_break;           /* the device has none: they are what was last asked */
	struct client *clients;
	struct client *turn;                 /* the rest of what it wrote goes first */
	struct client *asker;                /* whose ask the device is at */
	enum { ASK_IDLE, ASK_DRAINS, ASK_RUNS, ASK_RESTORES } step;
	bool restore_due;
	struct door *doors;
	struct event reaper, sweep, tick, frame, limit;
	bool taking;                         /* a client's bytes are being gathered */
	bool framing;                        /* a frame is being gathered */
	bool handing_out;                    /* bytes of the device are on their way to clients */
	uint64_t thrown_away;                /* bytes of the device that nobody was there for */
	void (*ended)(void *arg);            /* over */
	void *arg;
};

/* NULL without memory.  line: what clients are told until the device is there. */
struct bridge *bridge_new(struct event_base *base, const struct bridge_options *o, const struct settings *line);
/* Closes everything. NULL is taken. */
void bridge_free(struct bridge *b);
/* Writes the traffic of the device to a file; again: opens the file anew. */
int bridge_log(struct bridge *b, const char *path, struct err *e);
/* Takes the device over; it is open. */
void bridge_attach(struct bridge *b, struct port *device);
/* Adds a listener (listen.h, and pty:[LINK]): its URL, or NULL. */
const char *bridge_listen(struct bridge *b, const struct url *u, struct err *e);
/* Ends it; its clients stay. */
void bridge_unlisten(struct bridge *b, const char *url);
/* What is still to be written to the device and to clients: bytes.  0: they may be closed without loss. */
size_t bridge_unsent(const struct bridge *b);
/* No new clients. */
void bridge_stop_listening(struct bridge *b);

/* ---- between the files -------------------------------------------------------------------- */

void bridge_say(struct bridge *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes what the device has sent, as long as somebody takes it. */
void bridge_deliver(struct bridge *b);

/* bridge_seats.c */
void bridge_seats_init(struct bridge *b);
void bridge_seats_clear(struct bridge *b);
struct client *bridge_join(struct bridge *b, struct port *p, bool tty);
/* The client is closed and freed, not at once: it may be in its own news. */
void bridge_leave(struct client *c, const char *why);
/* It can write no more: the seat goes to the next. */
void bridge_release(struct client *c);
void bridge_sweep_later(struct bridge *b);
/* Connected, and sending: it may have the seat. */
bool client_is_here(const struct client *c);
unsigned bridge_count(const struct bridge *b);
/* Has the one in the seat ended its side?  Its end may be there already, unread. */
void bridge_look_at_seat(struct bridge *b);
/* A user of the client's pty has opened it first, or closed it last. */
void bridge_tty_presence(void *client, bool present);
/* What the user has written is read, and passed on: then it has left. */
void bridge_tty_leaves(struct client *c);

/* bridge_client.c */
void client_news(void *arg, unsigned news);
/* Gives it bytes of the device; what it does not take is queued. */
void client_give(struct client *c, const void *data, size_t n);
/* Moves what it has sent on to the device. */
void client_pump(struct client *c);
void client_flush(struct client *c, int which);    /* throws away what is on its way from it, and to it */
void client_pump_all(struct bridge *b);
bool client_is_full(const struct client *c);

/* bridge_ask.c */
int bridge_ask(void *client, const struct ask *a, struct err *e);
/* The device's operation ended; e NULL: well. */
void bridge_ask_done(struct bridge *b, const struct err *e);
void bridge_ask_drop(struct client *c);
/* The settings go back to those configured, and the break ends. */
void bridge_restore(struct bridge *b);
/* Brings b->line up to date. */
void bridge_look(struct bridge *b);
void bridge_look_at_signals(struct bridge *b);
void bridge_line_changed(struct bridge *b);
void bridge_listens_changed(struct bridge *b);
void bridge_ask_init(struct bridge *b);
void bridge_ask_clear(struct bridge *b);

#endif
