// SPDX-License-Identifier: MIT
// cp2110.c: see cp2110.h.  The port of a CP2110/4 (AN434) through the kernel's hidraw: a read gives one report,
// a write sends one and waits until the device has it.  Settings are read back, as on a tty.
//
// What the part has not: framing errors (it counts none), XON/XOFF, DTR, and the levels of RTS and CTS, which
// it uses by itself (rtscts).  Its error bits say "since the last time", so that errors are counted at least.
#include "port/cp2110.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/cp2110_part.h"
#include "port/hidopen.h"

#define USB_DELAY 0.002                              /* until a report written is in the FIFO, seconds */

enum {
	KERNEL_QUEUE = 63,                           /* reports that hidraw keeps; what comes after them is dropped */
	TURN = 4,                                    /* reports written before the loop has its turn */
	ROOM = CP2110_FIFO - CP2110_REPORT,          /* a report may be on its way into the FIFO, uncounted */
	PAUSE_MIN_US = 1000, PAUSE_MAX_US = 50000, IDLE_MOST = 6,
};

struct cp2110 {
	struct port port;                            /* first */
	struct cp2110_part part;
	bool attached;
	bool gone;                                   /* nothing can be said to it any more */
	bool was_off;                                /* the UART, before we came */
	struct event rd, wr;
	struct hidraw which;
	size_t room;                                 /* bytes that the FIFO takes for sure */
	unsigned turn;                               /* reports written in this turn of the loop */
	unsigned idle;                               /* times that it was asked for room, and had no more than before */
	bool unsent;                                 /* bytes may be in the FIFO */
	bool filled;                                 /* ... and were when it was asked last */
	double written;                              /* when the last report was */
	double sent_by;                              /* when the last byte has left: by the rate, by the FIFO */
	bool break_seen;
};

static struct cp2110 *of(struct port *p) { return (struct cp2110 *)p; }

/* ---- status -------------------------------------------------------------------------------- */

/* Asks how full the FIFOs are, and counts the errors that it tells of by the way. */
static int ask_status(struct cp2110 *c, struct cp2110_status *s, struct err *e)
{
	struct port *p = &c->port;
	if (part_status(&c->part, s, e) < 0)
		return -1;
	c->room = s->tx < ROOM ? ROOM - s->tx : 0;
	p->errors.parity += s->parity;
	p->errors.overrun += s->overrun;
	bool received = s->line_break && !p->break_on;
	p->errors.breaks += received && !c->break_seen;
	c->break_seen = received;
	return 0;
}

static int cp2110_get_errors(struct port *p, struct port_errors *n, struct err *e)
{
	struct cp2110_status s;
	if (ask_status(of(p), &s, e) < 0)
		return -1;
	*n = p->errors;
	return 0;
}

static double seconds_per_byte(const struct port *p)
{
	const struct settings *s = &p->cfg.line;
	return (1 + s->bytesize + (s->parity != 'N') + s->stopbits) / (double)s->baudrate;
}

/* The FIFO runs empty while its last byte is still on the line; and the last report is not in it at once. */
static int cp2110_out_waiting(struct port *p, size_t *n, struct err *e)
{
	struct cp2110 *c = of(p);
	struct cp2110_status s = { 0 };
	double now = clock_now();
	if (c->unsent) {
		if (ask_status(c, &s, e) < 0)
			return -1;
		if (c->filled && !s.tx)
			c->sent_by = fmax(c->sent_by, now + seconds_per_byte(p));
		c->filled = s.tx > 0;
		c->unsent = c->filled || now < c->written + USB_DELAY;
	}
	*n = s.tx ? s.tx : c->unsent || now < c->sent_by;
	return 0;
}

static int cp2110_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	(void)mask;
	return part_set_line(&of(p)->part, s, e);
}

/* ---- input --------------------------------------------------------------------------------- */

static void lost(struct cp2110 *c, const struct err *why)
{
	c->gone = true;
	port_lost(&c->port, why);
}

/* All reports that the kernel has, their bytes into data: how many bytes.  *sys: why no more will come. */
static size_t take_reports(struct cp2110 *c, char data[KERNEL_QUEUE * CP2110_DATA], int *sys)
{
	unsigned char report[CP2110_REPORT + 1];
	size_t total = 0;
	for (int i = 0; i < KERNEL_QUEUE; i++) {
		ssize_t n = read(c->part.fd, report, sizeof report);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			*sys = n == 0 ? EIO : errno == EAGAIN ? 0 : errno;
			return total;
		}
		size_t size = cp2110_get_data(report, (size_t)n);
		memcpy(data + total, report + 1, size);
		total += size;
	}
	c->port.errors.overrun++;                    /* its queue was full: it will have dropped some */
	return total;
}

static void receive(struct cp2110 *c)
{
	char data[KERNEL_QUEUE * CP2110_DATA];
	int sys = 0;
	size_t n = take_reports(c, data, &sys);
	if (n)
		port_received(&c->port, data, n);
	if (sys && c->attached) {
		struct err why;
		part_failed(&c->part, "the device was unplugged", sys, &why);
		lost(c, &why);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	receive(arg);
}

static void cp2110_throttle(struct port *p, bool on)
{
	struct cp2110 *c = of(p);
	if (!c->attached)
		return;
	if (on)
		event_del(&c->rd);
	else
		event_add(&c->rd, NULL);
}

static void cp2110_pump(struct port *p)
{
	if (of(p)->attached && !p->throttled)
		receive(of(p));
}

/* hidraw cannot tell how much it has: so it is taken. */
static size_t cp2110_in_waiting(struct port *p)
{
	size_t before = p->rx.len;
	cp2110_pump(p);
	return p->rx.len > before ? p->rx.len - before : 0;
}

/* ---- output -------------------------------------------------------------------------------- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct cp2110 *c = arg;
	c->turn = 0;
	port_writable(&c->port);
}

static int send_report(struct cp2110 *c, const void *data, size_t n, struct err *e)
{
	unsigned char report[CP2110_REPORT];
	cp2110_put_data(report, data, n);
	if (write(c->part.fd, report, n + 1) < 0)
		return part_failed(&c->part, "writing", errno, e);
	c->room -= n;
	c->turn++;
	c->idle = 0;
	c->unsent = true;
	c->written = clock_now();
	c->sent_by = fmax(c->sent_by, c->written + USB_DELAY) + (double)n * seconds_per_byte(&c->port);
	return 0;
}

/* In the next turn of the loop; or when a report's bytes have left, and less and less often while none leave
 * (CTS is off), because the loop stands still for each question. */
static void try_later(struct cp2110 *c)
{
	double us = 0;
	if (c->turn < TURN) {
		us = CP2110_DATA * seconds_per_byte(&c->port) * 1e6;
		us = fmin(fmax(us, PAUSE_MIN_US) * (1 << c->idle), PAUSE_MAX_US);
	}
	event_add(&c->wr, &(struct timeval){ 0, (long)us });
}

/* A device that does not take bytes any more is gone; with reconnect the write goes on when it is back. */
static ssize_t write_failed(struct cp2110 *c, const struct err *why, struct err *e)
{
	bool again = c->port.cfg.reconnect && why->code == ERR_CLOSED;
	if (e)
		*e = *why;
	if (why->code == ERR_CLOSED)
		lost(c, why);
	return again ? 0 : -1;
}

/* No more than the FIFO has room for: with a full one the kernel would wait.  And no more at a time than takes
 * a few milliseconds, because the loop stands still meanwhile. */
static ssize_t cp2110_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct cp2110 *c = of(p);
	struct cp2110_status s;
	struct err why;
	size_t sent = 0;
	while (sent < n && c->turn < TURN) {
		size_t piece = n - sent < CP2110_DATA ? n - sent : CP2110_DATA;
		size_t before = c->room;
		if (c->room < piece && ask_status(c, &s, &why) < 0)
			return sent ? (ssize_t)sent : write_failed(c, &why, e);
		if (c->room < piece) {
			c->idle = c->room > before ? 0 : c->idle < IDLE_MOST ? c->idle + 1 : c->idle;
			break;
		}
		if (send_report(c, (const char *)data + sent, piece, &why) < 0)
			return sent ? (ssize_t)sent : write_failed(c, &why, e);
		sent += piece;
	}
	if (!sent)
		try_later(c);
	return (ssize_t)sent;
}

/* Breaks come after what was written, which port_send_break waits for. */
static int cp2110_set_break(struct port *p, bool on, struct err *e)
{
	return part_say(&of(p)->part, on ? CP2110_START_BREAK : CP2110_STOP_BREAK, 0, on ? "starting a break" : "ending a break", e);
}

static int cp2110_flush(struct port *p, int which, struct err *e)
{
	struct cp2110 *c = of(p);
	char data[KERNEL_QUEUE * CP2110_DATA];
	int sys;
	if (part_say(&of(p)->part, CP2110_PURGE, which == FLUSH_INPUT ? CP2110_PURGE_RX : CP2110_PURGE_TX, "flushing", e) < 0)
		return -1;
	if (which == FLUSH_INPUT)
		take_reports(c, data, &sys);         /* that came meanwhile; what is wrong with it, the next read tells */
	else {
		c->room = ROOM;
		c->unsent = c->filled = false;
		c->sent_by = 0;
	}
	return 0;
}

/* ---- open, close --------------------------------------------------------------------------- */

static int start(struct port *p, struct err *e)
{
	struct cp2110 *c = of(p);
	struct cp2110_status s;
	bool on;
	if (part_identify(&c->part, &on, e) < 0 || part_set_line(&c->part, &p->cfg.line, e) < 0 ||
		part_say(&c->part, CP2110_ENABLE, 1, "turning it on", e) < 0)
		return -1;
	c->was_off = !on;
	struct port_errors before = p->errors;
	if (ask_status(c, &s, e) < 0)
		return -1;
	p->errors = before;                          /* what happened before the open does not count */
	c->unsent = c->filled = s.tx > 0;            /* of whoever had it before */
	if (event_assign(&c->rd, p->base, c->part.fd, EV_READ | EV_PERSIST, on_readable, c) < 0 ||
		event_assign(&c->wr, p->base, -1, 0, on_writable, c) < 0 || event_add(&c->rd, NULL) < 0)
		return err_set(e, ERR_SYSTEM, "%s: cannot watch its descriptor", p->name);
	return 0;
}

static int cp2110_open(struct port *p, struct err *e)
{
	struct cp2110 *c = of(p);
	char path[PATH_MAX];
	if (hidraw_find(p->url.rest, NULL, path, sizeof path, e) < 0)
		return -1;
	int fd = hid_open(path, p->cfg.exclusive, &c->which, e);
	if (fd < 0)
		return -1;
	free(p->name);
	p->name = strdup(path);
	c->part = (struct cp2110_part){ fd, p->name };
	c->gone = c->break_seen = false;
	c->turn = c->idle = 0;
	c->written = c->sent_by = 0;
	if (!p->name)
		err_sys(e, ENOMEM, "opening %s", path);
	else if (start(p, e) == 0) {
		c->attached = true;
		return 0;
	}
	close(fd);
	return -1;
}

/* Turned off if it was found so and has nothing left to send: what it has would be lost, and closing does not
 * wait.  The settings stay, as those of a tty do. */
static void put_back(struct port *p)
{
	struct cp2110 *c = of(p);
	size_t n = 1;
	if (p->break_on)
		cp2110_set_break(p, false, NULL);
	if (c->was_off && cp2110_out_waiting(p, &n, NULL) == 0 && n == 0)
		part_say(&of(p)->part, CP2110_ENABLE, 0, "turning it off", NULL);
}

static void cp2110_close(struct port *p)
{
	struct cp2110 *c = of(p);
	if (!c->attached)
		return;
	c->attached = false;
	event_del(&c->rd);
	event_del(&c->wr);
	if (!c->gone)
		put_back(p);
	close(c->part.fd);
	c->part.fd = -1;
}

static int cp2110_find_again(struct port *p, struct err *e)
{
	char path[PATH_MAX];
	if (hidraw_find_again(&of(p)->which, path, sizeof path, e) < 0)
		return -1;
	char *rest = strdup(path);
	if (!rest)
		return err_sys(e, ENOMEM, "%s", path);
	free(p->url.rest);
	p->url.rest = rest;
	return 0;
}

const struct port_ops cp2110_ops = {
	.name = "cp2110",
	.size = sizeof(struct cp2110),
	.settings = SET_FRAMING | SET_RTSCTS | SET_EXCLUSIVE,
	.open = cp2110_open,
	.close = cp2110_close,
	.write = cp2110_write,
	.throttle = cp2110_throttle,
	.pump = cp2110_pump,
	.in_waiting = cp2110_in_waiting,
	.out_waiting = cp2110_out_waiting,
	.set = cp2110_set,
	.set_break = cp2110_set_break,
	.flush = cp2110_flush,
	.get_errors = cp2110_get_errors,
	.find_again = cp2110_find_again,
};
