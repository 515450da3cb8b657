/* SPDX-License-Identifier: MIT
 * ask.h: what the far end of a port asks of the line behind it.  An accepted RFC 2217 client sets the baud
 * rate, raises DTR, sends a break; the user of a pty changes its settings.  Whoever joins that port to a
 * line (serve/bridge.c) takes these as `port->ask` and keeps `port->line`, what clients are told.  Without
 * one, the port itself is the far end of the line. */
#ifndef PORT_ASK_H
#define PORT_ASK_H
#include <stdbool.h>

#include "port/port.h"

enum ask_kind {
	ASK_SET,                             /* settings, mask */
	ASK_SIGNALS,                         /* mask, levels: DTR and RTS */
	ASK_BREAK,                           /* on */
	ASK_SEND_BREAK,                      /* seconds */
	ASK_FLUSH,                           /* which: FLUSH_ bits, as the line sees them */
	ASK_LOOK,                            /* bring *line up to date */
	ASK_LISTEN,                          /* what port->listens has changed */
};

struct ask {
	enum ask_kind kind;
	struct settings settings;
	unsigned mask, levels;
	int which;
	bool on;
	double seconds;
};

/* Changes that a port wants to be told of (ops->line_changed). */
enum { LISTENS_SIGNALS = 1, LISTENS_ERRORS = 2 };

struct line {
	struct settings settings;            /* in force */
	unsigned outputs, inputs;            /* SIGNAL_ bits; outputs as set, also where the device has none */
	bool break_on;
	bool sent;                           /* nothing waits to be sent */
	struct port_errors errors;
	const char *name;                    /* what it is, for clients that ask */
};

#endif
