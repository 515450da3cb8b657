// SPDX-License-Identifier: MIT
// ptyserve.c: sees what users of a pty do to it.  Packet mode (TIOCPKT, tty_ioctl(4)) puts a byte before each
// read of the master; with EXTPROC on the slave, that tells of every change of its settings.  A program that
// writes all local flags clears EXTPROC, which is told too: it is set again.  inotify tells that somebody opens and
// closes, not how many (equal events become one): whether the last one has closed, the master's hang-up says.
#include "port/ptyserve.h"

#include <asm/termbits.h>
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "port/ask.h"
#include "port/clock.h"

struct pty_served {
	void (*presence)(void *arg, bool present);
	void *arg;
	struct event opens, again;           /* again: looks once more whether it is still open */
	double delay;                        /* seconds until then */
	int inotify, watch;                  /* -1: nobody wants to know */
	bool here;                           /* told that somebody has it open */
	bool closed;                         /* somebody has closed it: the last one? */
	struct settings known;               /* of the slave, as asked or told last */
	bool asking;
	struct ask waiting;                  /* kind ASK_LOOK: none */
	int flushed;                         /* FLUSH_ bits that wait */
};

/* Seconds until it is looked again whether a pty is still open, the first time and at most. */
#define AGAIN_FIRST 0.02
#define AGAIN_MOST 5

/* What a pty keeps: it has 8 data bits and no parity. */
enum { KEPT = SET_BAUDRATE | SET_STOPBITS | SET_XONXOFF | SET_RTSCTS };

/* ---- asks --------------------------------------------------------------------------------- */

static void ask_next(struct pty *y)
{
	struct pty_served *v = y->served;
	struct port *p = &y->f.port;
	struct err e;
	while (v && !v->asking && p->ask && !p->rx.len && (v->waiting.kind != ASK_LOOK || v->flushed)) {
		struct ask a = v->waiting;
		if (v->flushed)
			a = (struct ask){ .kind = ASK_FLUSH, .which = v->flushed };
		else
			v->waiting.kind = ASK_LOOK;
		v->flushed = 0;
		v->asking = true;
		int r = p->ask(p->ask_arg, &a, &e);
		if (r == 1)
			return;
		v->asking = false;
		if (r < 0)
			ptyserve_line_changed(p);        /* what is in force stands there again */
	}
}

static void set_extproc(const struct pty *y)
{
	struct termios2 t;
	if (ioctl(y->slave, TCGETS2, &t) < 0 || t.c_lflag & EXTPROC)
		return;
	t.c_lflag |= EXTPROC;
	ioctl(y->slave, TCSETS2, &t);
}

static void settings_changed(struct pty *y)
{
	struct pty_served *v = y->served;
	struct settings now = v->known;
	struct tty t = pty_tty(y);
	set_extproc(y);
	if (termios2_get(&t, &now, NULL) < 0)
		return;
	unsigned differ = settings_differ(&now, &v->known) & KEPT;
	if (!differ)
		return;
	v->known = now;
	struct ask a = { .kind = ASK_SET, .settings = now, .mask = differ };
	if (v->waiting.kind == ASK_SET)
		a.mask |= v->waiting.mask;
	v->waiting = a;
	ask_next(y);
}

void ptyserve_proceed(struct port *p)
{
	ask_next((struct pty *)p);
}

void ptyserve_answered(struct port *p, const struct err *e)
{
	struct pty *y = (struct pty *)p;
	if (!y->served)
		return;
	y->served->asking = false;
	if (e)
		ptyserve_line_changed(p);
	ask_next(y);
}

/* The slave shows what is in force. */
void ptyserve_line_changed(struct port *p)
{
	struct pty *y = (struct pty *)p;
	struct pty_served *v = y->served;
	if (!v || !p->line || v->asking || v->waiting.kind == ASK_SET)
		return;
	struct settings now = v->known;
	const struct settings *line = &p->line->settings;
	now.baudrate = line->baudrate;
	now.stopbits = line->stopbits > 1 ? 2 : 1;
	now.xonxoff = line->xonxoff;
	now.inbound = line->inbound;
	now.rtscts = line->rtscts;
	unsigned differ = settings_differ(&now, &v->known) & KEPT;
	if (!differ)
		return;
	v->known = now;
	struct termios2 before, after;
	struct tty t = pty_tty(y);
	bool read = ioctl(y->slave, TCGETS2, &before) == 0;
	termios2_set(&t, &now, differ, NULL);
	/* Its other flags are the user's: raw or not. */
	if (read && ioctl(y->slave, TCGETS2, &after) == 0) {
		after.c_lflag = before.c_lflag | EXTPROC;
		after.c_oflag = before.c_oflag;
		after.c_iflag = (before.c_iflag & ~(tcflag_t)(IXON | IXOFF)) | (after.c_iflag & (IXON | IXOFF));
		memcpy(after.c_cc, before.c_cc, sizeof after.c_cc);
		ioctl(y->slave, TCSETS2, &after);
	}
}

static void packet_mode(struct pty *y, int on)
{
	ioctl(y->f.rfd, TIOCPKT, &on);
	if (on)
		set_extproc(y);
}

/* ---- who has it open ---------------------------------------------------------------------- */

static int watch(struct pty *y)
{
	return y->served->watch = inotify_add_watch(y->served->inotify, y->tty, IN_OPEN | IN_CLOSE);
}

/* Has anybody but us the slave open?  The master is hung up when nobody has, so ours is closed for a moment; without
 * the watch, which would tell of that.  A user's TIOCEXCL would keep us out, and outlives a user that was killed. */
static bool has_users(struct pty *y)
{
	struct pollfd master = { .fd = y->f.rfd };
	int exclusive = 0;
	inotify_rm_watch(y->served->inotify, y->served->watch);
	ioctl(y->slave, TIOCGEXCL, &exclusive);
	if (exclusive)
		ioctl(y->slave, TIOCNXCL);
	close(y->slave);
	bool users = poll(&master, 1, 0) != 1 || !(master.revents & POLLHUP);
	if (!users)
		packet_mode(y, 0);
	y->slave = open(y->tty, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (!users)
		packet_mode(y, 1);               /* without the kernel's flush, which is nobody's wish */
	else if (exclusive)
		ioctl(y->slave, TIOCEXCL);
	watch(y);
	return users || y->slave < 0;            /* without a descriptor for it: looked at again */
}

/* Tells who has come, also one that has left already: what it wrote is still to be read. */
static void look_who_is_here(struct pty *y, bool opened)
{
	struct pty_served *v = y->served;
	char events[4096] __attribute__((aligned(8)));
	ssize_t n;
	while ((n = read(v->inotify, events, sizeof events)) > 0)
		for (char *at = events; at < events + n;) {
			const struct inotify_event *ev = (const void *)at;
			opened = opened || ev->mask & IN_OPEN;
			v->closed = v->closed || ev->mask & IN_CLOSE;
			at += sizeof *ev + ev->len;
		}
	if (v->here || !opened)
		return;
	v->here = true;
	v->presence(v->arg, true);
}

/* A close within has_users() is not told of.  Looking again some times, less and less often, finds it. */
static void look_again_later(struct pty_served *v)
{
	struct timeval t = clock_interval(v->delay);
	if (v->delay < AGAIN_MOST)
		event_add(&v->again, &t);
	v->delay *= 2;
}

/* Somebody has closed it: was it the last one? */
static void look_who_is_left(struct pty *y)
{
	struct pty_served *v = y->served;
	v->closed = false;
	fdport_pump(&y->f.port);                 /* what it said last */
	if (y->served != v || !v->here)
		return;
	if (has_users(y)) {
		look_again_later(v);
		return;
	}
	event_del(&v->again);
	v->here = false;
	v->presence(v->arg, false);
}

static void on_opens(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct pty *y = arg;
	struct pty_served *v = y->served;
	look_who_is_here(y, false);
	if (y->served != v || !v->closed)
		return;
	v->delay = AGAIN_FIRST;
	look_who_is_left(y);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	look_who_is_left(arg);
}

/* The opening came before what was written then, but the loop may see this first. */
static void who_wrote(struct pty *y, bool data)
{
	struct pty_served *v = y->served;
	if (v->inotify < 0 || v->here)
		return;
	look_who_is_here(y, data);
	if (y->served != v || !v->here)
		return;
	v->closed = true;                        /* it may be gone already: look after this */
	event_active(&v->opens, EV_READ, 0);
}

static int watch_opens(struct pty *y, struct err *e)
{
	struct pty_served *v = y->served;
	v->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (v->inotify < 0 || watch(y) < 0)
		return err_sys(e, errno, "watching %s", y->tty);
	event_assign(&v->again, y->f.port.base, -1, 0, on_again, y);
	event_assign(&v->opens, y->f.port.base, v->inotify, EV_READ | EV_PERSIST, on_opens, y);
	return event_add(&v->opens, NULL) < 0 ? err_set(e, ERR_SYSTEM, "watching %s", y->tty) : 0;
}

/* ---- packets ------------------------------------------------------------------------------ */

static size_t unpack(struct fdport *f, char *data, size_t n)
{
	struct pty *y = (struct pty *)f;
	int what = (unsigned char)data[0];
	who_wrote(y, what == TIOCPKT_DATA);
	if (!y->served)
		return 0;
	if (what == TIOCPKT_DATA) {
		memmove(data, data + 1, n - 1);
		return n - 1;
	}
	if (what & TIOCPKT_FLUSHREAD)
		y->served->flushed |= FLUSH_INPUT;
	if (what & TIOCPKT_FLUSHWRITE)
		y->served->flushed |= FLUSH_OUTPUT;
	if (what & TIOCPKT_IOCTL) {
		fdport_pump(&f->port);           /* the kernel puts this before the data: what is there came first */
		if (y->served)
			settings_changed(y);
	}
	ask_next(y);
	return 0;
}

/* ---- begin, end --------------------------------------------------------------------------- */

int pty_serve(struct port *p, void (*presence)(void *, bool), void *arg, struct err *e)
{
	struct pty *y = (struct pty *)p;
	struct pty_served *v = y->served = calloc(1, sizeof *v);
	struct tty t = pty_tty(y);
	if (!v)
		return err_sys(e, ENOMEM, "%s", p->name);
	*v = (struct pty_served){ .presence = presence, .arg = arg, .inotify = -1, .known = p->cfg.line,
		.waiting.kind = ASK_LOOK };
	termios2_get(&t, &v->known, NULL);
	if (presence && watch_opens(y, e) < 0)
		return -1;
	packet_mode(y, 1);
	y->f.filter = unpack;
	ptyserve_line_changed(p);
	return 0;
}

void ptyserve_again(struct pty *y)
{
	if (y->served)
		packet_mode(y, 1);
}

void ptyserve_end(struct pty *y)
{
	struct pty_served *v = y->served;
	if (!v)
		return;
	y->served = NULL;
	y->f.filter = NULL;
	if (v->inotify >= 0) {
		event_del(&v->opens);
		event_del(&v->again);
		close(v->inotify);
	}
	free(v);
}
