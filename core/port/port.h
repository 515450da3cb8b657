/* SPDX-License-Identifier: MIT
 * port.h: THE contract of every transport; read it first.
 *
 * A port is an open connection to a device.  Everything runs on one event
 * loop and nothing here blocks.  A transport embeds `struct port` as its
 * first member, fills a `struct port_ops` and pushes what it receives with
 * port_received(); port.c owns the receive buffer, the taps and the news to
 * the one owner (the Lua binding), life.c the state and reconnect.  An operation
 * that is NULL in the ops means "unsupported" and needs no code.
 * A new transport is one .c file, one line in the table of scheme.c, one spec.
 *
 * An operation returns 0 when done, -1 with *e filled, or 1 for "pending":
 * then port_done() follows, once.  There is one pending operation at a time. */
#ifndef PORT_PORT_H
#define PORT_PORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "port/settings.h"

struct ask;
struct event_base;
struct event;
struct line;
struct port;

/* Modem signals, as bits. */
enum {
	SIGNAL_DTR = 1, SIGNAL_RTS = 2,                                       /* outputs */
	SIGNAL_CTS = 4, SIGNAL_DSR = 8, SIGNAL_RI = 16, SIGNAL_CD = 32,       /* inputs */
};

/* What a port tells its owner, as bits. */
enum {
	PORT_NEWS_READ = 1,       /* bytes were added to rx */
	PORT_NEWS_WRITE = 2,      /* a write that took too little may be tried again */
	PORT_NEWS_DONE = 4,       /* the pending operation ended: see p->result */
	PORT_NEWS_SIGNALS = 8,    /* the input signals were looked at, or changed: see p->signals */
	PORT_NEWS_CLOSED = 16,    /* no more bytes will come, or the port is gone: see port_why */
};

enum port_state { PORT_CLOSED, PORT_OPENING, PORT_OPEN, PORT_LOST };  /* LOST: being re-opened */

enum { FLUSH_INPUT = 1, FLUSH_OUTPUT = 2 };

struct port_errors { unsigned long parity, framing, overrun, breaks; };

/* The receive buffer stops taking from the kernel here, unless a reader wants more. */
enum { PORT_HIGH_WATER = 128 * 1024 };

struct port_ops {
	const char *name;                    /* for messages: "socket" */
	size_t size;                         /* of the transport's struct */
	const char *const *options;          /* own option names, NULL at the end; or NULL */
	unsigned settings;                   /* SET_ bits that mean something here */
	bool poll_signals;                   /* input signals must be asked for: no event tells */

	/* Opens by p->url and p->cfg.  Pending: port_done() says how it went.  -1: nothing is held. */
	int (*open)(struct port *p, struct err *e);
	/* Gives everything back; idempotent, never fails.  The port may be opened again (reconnect). */
	void (*close)(struct port *p);
	/* Optional: ends at once what a close left to end by itself.  The port is freed after it. */
	void (*free)(struct port *p);
	/* Takes at most n bytes: how many (fewer: try at once again); 0 = none now, PORT_NEWS_WRITE will follow; -1. */
	ssize_t (*write)(struct port *p, const void *data, size_t n, struct err *e);
	/* on: stop taking bytes from below until called with off. */
	void (*throttle)(struct port *p, bool on);
	/* Takes what is there now, without waiting (a read with timeout 0). */
	void (*pump)(struct port *p);
	/* Bytes received below and not yet in rx; bytes written and not yet sent. */
	size_t (*in_waiting)(struct port *p);
	int (*out_waiting)(struct port *p, size_t *n, struct err *e);
	/* Puts *s in force; `mask` (SET_ bits) tells what differs.  What the driver did not take is an
	 * error that names setting, asked and in force, and the old ones stay. */
	int (*set)(struct port *p, const struct settings *s, unsigned mask, struct err *e);
	/* Optional: reads p->cfg.line where the other side may change it too (a pty). */
	void (*refresh)(struct port *p);
	/* Sets the outputs in mask to the levels in values, in one step. */
	int (*set_signals)(struct port *p, unsigned mask, unsigned values, struct err *e);
	int (*get_signals)(struct port *p, unsigned *values, struct err *e);
	/* On: what was written before is sent already, as far as out_waiting tells. */
	int (*set_break)(struct port *p, bool on, struct err *e);
	/* Waits until all is sent.  NULL with out_waiting there: port.c polls that. */
	int (*drain)(struct port *p, struct err *e);
	int (*flush)(struct port *p, int which, struct err *e);
	int (*get_errors)(struct port *p, struct port_errors *n, struct err *e);
	/* Takes once what may be there now: cheaper than pump.  Optional. */
	void (*peek)(struct port *p);
	/* Optional: the descriptor that says when bytes are there, or -1.  Such a port does not tell of arrivals
	 * before watch(), nor after unwatch(): a program that waits for nothing else can ask the descriptor itself. */
	int (*descriptor)(struct port *p);
	void (*watch)(struct port *p);
	void (*unwatch)(struct port *p);
	/* Asks the far end to send nothing until called with off. */
	int (*suspend)(struct port *p, bool on, struct err *e);
	/* What the far end says it is, or NULL; and asks it: 0 known, -1, 1. */
	const char *(*signature)(struct port *p);
	int (*ask_signature)(struct port *p, struct err *e);
	/* Optional: nobody waits for the pending operation any more; port_done() need not follow. */
	void (*abandon)(struct port *p);
	/* Optional, for messages: what a pending operation or open still lacks ("no answer to SET-BAUDRATE"), or NULL. */
	const char *(*awaits)(struct port *p);
	/* For a port whose far end asks (ask.h).  All received bytes were used up: what stood behind them may be asked. */
	void (*proceed)(struct port *p);
	/* The ask for which port->ask returned 1 has ended. */
	void (*answered)(struct port *p, const struct err *e);
	/* port->line is new. */
	void (*line_changed)(struct port *p);
	/* Prepares a reconnect: rewrites what names the device (same adapter, new name).  -1: not there yet. */
	int (*find_again)(struct port *p, struct err *e);
};

/* A tap sees what passes: an observer on any port, in a list.  Nothing is called while there is none. */
enum tap_kind {
	TAP_RX, TAP_TX,           /* data, size: bytes received / written */
	TAP_READ_NOTHING,         /* a read that ended without a byte */
	TAP_IN_WAITING,           /* number: in_waiting was asked */
	TAP_FLUSH_INPUT, TAP_FLUSH_OUTPUT, TAP_DRAIN,
	TAP_BREAK,                /* number: 1 on, 0 off */
	TAP_SEND_BREAK,           /* seconds */
	TAP_SET_SIGNAL,           /* signal, number: an output was set */
	TAP_GET_SIGNAL,           /* signal, number: an input was asked */
	TAP_SIGNALS,              /* number: levels (SIGNAL_ bits) after a change */
	TAP_SETTINGS,             /* settings changed: port->cfg.line */
	TAP_OPEN, TAP_CLOSE, TAP_LOST,
};

struct tap_event {
	enum tap_kind kind;
	const void *data;
	size_t size;
	unsigned signal;
	long number;
	double seconds;
};

struct tap {
	struct tap *next;
	void (*see)(struct tap *t, struct port *p, const struct tap_event *ev);
	void (*free)(struct tap *t);
};

struct port {
	const struct port_ops *ops;
	struct event_base *base;
	struct url url;                      /* as opened, resolvers followed */
	char *name;                          /* device path or host:port; the transport sets it (strdup) */
	struct config cfg;
	struct buf rx;
	unsigned emptied;                    /* times rx was thrown away: a search in it begins anew */
	size_t high;                         /* throttled at this many bytes in rx */
	bool throttled;
	bool watched;                        /* see port_watch */
	bool sending_seen;                   /* the taps know what the write under way sends */
	bool eof;                            /* the input has come to its proper end; writing may still work */
	enum port_state state;
	struct err *why;                     /* why it is closed or lost; NULL: it is not (kept small: 500 ports) */
	bool pending;                        /* an operation is under way */
	struct err *result;                  /* of the last pending operation; NULL = success */
	unsigned outputs;                    /* levels of DTR and RTS last set */
	unsigned signals;                    /* input signals last seen */
	bool break_on;
	struct port_errors errors;           /* counted by transports that have no counter below them */
	uint64_t taken, given;               /* bytes received and written, in all */
	/* What the far end asks (ask.h): 0 done, -1, 1: ops->answered follows.  NULL: nobody is asked. */
	int (*ask)(void *arg, const struct ask *a, struct err *e);
	void *ask_arg;
	const struct line *line;
	unsigned listens;                    /* LISTENS_ bits */
	void (*news)(void *arg, unsigned news);
	void *news_arg;
	struct tap *taps;
	struct timed *timed;                 /* timed.c: break, pulse, drain, signal watch */
	struct pace *pace;                   /* pace.c: slow writing */
	struct event *again;                 /* reconnect timer */
};

/* ---- for the owner: the binding ---------------------------------------------------------- */

/* Makes a port of u's scheme and starts to open it: 0 open, 1 pending, -1 (*out is NULL then).
 * u is taken over, also on failure. news may be called from here on. */
int port_open(struct event_base *base, struct url *u, void (*news)(void *, unsigned), void *arg, struct port **out,
	struct err *e);
/* Idempotent.  Buffered bytes are thrown away. */
void port_close(struct port *p);
void port_free(struct port *p);
/* Takes at most n bytes: how many (0: wait for PORT_NEWS_WRITE), or -1. */
ssize_t port_write(struct port *p, const void *data, size_t n, struct err *e);
/* n bytes at the front of rx were used up. */
void port_consume(struct port *p, size_t n);
/* A reader looks for something within n bytes: do not throttle before. */
void port_want(struct port *p, size_t n);
void port_pump(struct port *p);
/* From here on arrivals are told without being asked for.  Every owner calls it, sooner or later. */
void port_watch(struct port *p);
void port_unwatch(struct port *p);
/* Why it is closed, lost or at its end.  e may be NULL, as everywhere. */
void port_why(const struct port *p, struct err *e);
size_t port_in_waiting(struct port *p);
int port_out_waiting(struct port *p, size_t *n, struct err *e);
/* Brings cfg.line up to date before it is read. */
void port_refresh(struct port *p);
int port_set(struct port *p, const struct settings *s, unsigned mask, struct err *e);
int port_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e);
int port_get_signals(struct port *p, unsigned *values, struct err *e);
int port_set_break(struct port *p, bool on, struct err *e);
int port_flush(struct port *p, int which, struct err *e);
int port_get_errors(struct port *p, struct port_errors *n, struct err *e);
int port_suspend(struct port *p, bool on, struct err *e);
/* ops->signature tells afterwards. */
int port_ask_signature(struct port *p, struct err *e);
/* timed.c.  Each of these is the pending operation while it lasts. */
int port_drain(struct port *p, struct err *e);
/* A break after all that was written; INFINITY: on until port_set_break turns it off. */
int port_send_break(struct port *p, double seconds, struct err *e);
/* Sets the outputs in mask to the levels in values, and back after the time. */
int port_pulse(struct port *p, unsigned mask, unsigned values, double seconds, struct err *e);
/* Gives up waiting for the pending operation; what it started (a break) still ends in time. */
void port_abandon(struct port *p);
/* Ends at once a break or pulse that was abandoned: before the next one, and before its signal is set. */
void port_end_timed(struct port *p);
/* PORT_NEWS_SIGNALS tells of changes from here on, until off.  -1 where there are none. */
int port_watch_signals(struct port *p, bool on, struct err *e);
void port_add_tap(struct port *p, struct tap *t);

/* ---- for transports ---------------------------------------------------------------------- */

/* A port of these ops that is open already (an accepted client, one end of a pair). */
struct port *port_new(const struct port_ops *ops, struct event_base *base, struct url *u);
void port_start(struct port *p);
void port_received(struct port *p, const void *data, size_t n);
/* The n bytes at the end of rx were put there by the transport itself (read straight into it). */
void port_received_in_place(struct port *p, size_t n);
/* For a write whose answer comes before it returns (loop://): the taps see the n bytes now, in order. */
void port_sending(struct port *p, const void *data, size_t n);
void port_writable(struct port *p);
void port_signals_changed(struct port *p, unsigned inputs);
/* The pending operation ended; e NULL or code ERR_NONE = success. */
void port_done(struct port *p, const struct err *e);
/* The other end sends no more.  Bytes in rx stay readable. */
void port_eof(struct port *p, const struct err *why);
/* The device or connection is gone: closed, or re-opened with `reconnect`. */
void port_lost(struct port *p, const struct err *why);
void port_tap(struct port *p, const struct tap_event *ev);

/* ---- between port.c, life.c and timed.c -------------------------------------------------- */

void port_tell(struct port *p, unsigned news);
/* A tap event that is a number, or nothing more. */
void port_tap_number(struct port *p, enum tap_kind kind, long number);
/* The transport's operation ended: was it a step of a break or pulse?  Then that goes on. */
bool timed_took(struct port *p, const struct err *e);
/* Ends a break or pulse, and all timers. */
void timed_free(struct port *p);
/* As ops->write, with the pauses of output_delay and output_line_delay. */
ssize_t pace_write(struct port *p, const void *data, size_t n, struct err *e);
void pace_free(struct port *p);

#endif
