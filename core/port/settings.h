/* SPDX-License-Identifier: MIT
 * settings.h: the options of a port by their names (pySerial's words): line
 * settings, timeouts and the rest, read from a URL's options. */
#ifndef PORT_SETTINGS_H
#define PORT_SETTINGS_H
#include <stdbool.h>

#include "base/err.h"
#include "base/url.h"

/* Which settings: bits for masks. */
enum {
	SET_BAUDRATE = 1, SET_BYTESIZE = 2, SET_PARITY = 4, SET_STOPBITS = 8, SET_XONXOFF = 16, SET_RTSCTS = 32,
	SET_DSRDTR = 64, SET_RS485 = 128, SET_LOW_LATENCY = 256, SET_EXCLUSIVE = 512,
	SET_FRAMING = SET_BAUDRATE | SET_BYTESIZE | SET_PARITY | SET_STOPBITS,
	SET_LINE = SET_FRAMING | SET_XONXOFF | SET_RTSCTS | SET_DSRDTR | SET_RS485 | SET_LOW_LATENCY,
	SET_SIGNALS = 1024,                  /* dtr, rts at open */
};

struct rs485 {                               /* as pySerial's RS485Settings */
	bool on, rts_level_for_tx, rts_level_for_rx, loopback;
	double delay_before_tx, delay_before_rx; /* seconds */
};

struct settings {                            /* of the line */
	long baudrate;                       /* bits per second */
	int bytesize;                        /* 5..8 */
	char parity;                         /* N E O M S */
	double stopbits;                     /* 1, 1.5, 2 */
	bool xonxoff, rtscts, dsrdtr, low_latency;
	signed char inbound;                 /* XON/XOFF towards us: 0 as xonxoff, 1 on, -1 off */
	struct rs485 rs485;
};

enum { EOL_MAX = 8 };

struct config {
	struct settings line;
	unsigned given;                      /* SET_ bits: asked for by the user */
	bool exclusive;
	signed char dtr, rts;                /* levels at open: 0, 1, or -1 leave alone */
	bool reconnect;
	double timeout, write_timeout;       /* seconds; INFINITY for ever */
	double inter_byte_timeout;           /* seconds; 0 none */
	double output_delay, output_line_delay;      /* seconds after each byte, each line */
	char eol[EOL_MAX];
	unsigned char eol_size;
	size_t window;                       /* bytes that read_line, read_until and expect may search */
};

void config_init(struct config *c);
/* Takes one option: 1 taken, 0 not one of these, -1 bad value. */
int config_option(struct config *c, const struct option *o, struct err *e);
/* Applies every option of u.  Those that are neither here nor in `own` raise, as do settings outside `means`. */
int config_apply(struct config *c, const struct url *u, unsigned means, const char *const *own, struct err *e);
/* The name of a SET_ bit: "baudrate". */
const char *setting_name(unsigned bit);
/* SET_ bits in which two differ. */
unsigned settings_differ(const struct settings *a, const struct settings *b);
/* "115200 8N1" */
void settings_text(const struct settings *s, char text[32]);

#endif
