// SPDX-License-Identifier: MIT
// fdport.c: see fdport.h.
#include "port/fdport.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port/linger.h"

enum { READ_MOST = 64 * 1024, READ_ROOM = 256 };

static void read_failed(struct fdport *f, int sys)
{
	struct port *p = &f->port;
	struct err why;
	event_del(&f->rd);
	if (f->ended) {
		f->ended(f, sys);
		return;
	}
	if (sys == 0)
		err_set(&why, ERR_CLOSED, "%s: %s", p->name, f->gone);
	else {
		err_sys(&why, sys, "%s: %s", p->name, f->gone);
		why.code = ERR_CLOSED;
	}
	if (sys == 0 && !f->eof_is_lost)
		port_eof(p, &why);
	else
		port_lost(p, &why);
}

/* Straight into the buffer.  It starts small, and grows when a read has filled it. */
static ssize_t read_in_place(struct fdport *f)
{
	struct port *p = &f->port;
	char *room = buf_room(&p->rx, f->full ? READ_MOST : READ_ROOM);
	if (!room)
		return errno = ENOMEM, -1;
	size_t spare = buf_spare(&p->rx);
	size_t most = spare < READ_MOST ? spare : READ_MOST;
	ssize_t n = f->socket ? recv(f->rfd, room, most, 0) : read(f->rfd, room, most);
	if (n <= 0)
		return n;
	f->full = (size_t)n == spare;
	buf_added(&p->rx, (size_t)n);
	port_received_in_place(p, (size_t)n);
	return n;
}

static ssize_t read_filtered(struct fdport *f)
{
	char data[READ_MOST];
	ssize_t n = read(f->rfd, data, sizeof data);
	if (n > 0) {
		size_t left = f->filter(f, data, (size_t)n);
		if (left)
			port_received(&f->port, data, left);
	}
	return n;
}

static ssize_t read_some(struct fdport *f)
{
	ssize_t n = f->filter ? read_filtered(f) : read_in_place(f);
	if (n == 0)
		read_failed(f, 0);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		read_failed(f, errno);
	return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	read_some(arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	port_writable(&((struct fdport *)arg)->port);
}

/* A file is ready at once, again and again. */
static const struct timeval at_once = { 0, 1 };

static int watch_read(struct fdport *f)
{
	return event_add(&f->rd, f->rd_ready ? &at_once : NULL);
}

static int watch_write(struct fdport *f)
{
	return event_add(&f->wr, f->wr_ready ? &at_once : NULL);
}

int fdport_attach(struct fdport *f, int rfd, int wfd, struct err *e)
{
	f->rfd = rfd;
	f->wfd = wfd;
	if (event_assign(&f->rd, f->port.base, f->rd_ready ? -1 : rfd, EV_READ | EV_PERSIST, on_readable, f) < 0 ||
		event_assign(&f->wr, f->port.base, f->wr_ready ? -1 : wfd, EV_WRITE, on_writable, f) < 0 ||
		((f->port.watched || !f->port.ops->watch) && watch_read(f) < 0))
		return err_set(e, ERR_SYSTEM, "%s: cannot watch its descriptor", f->port.url.text);
	f->attached = true;
	return 0;
}

void fdport_close(struct port *p)
{
	struct fdport *f = (struct fdport *)p;
	if (!f->attached)
		return;
	f->attached = false;
	event_del(&f->rd);
	event_del(&f->wr);
	if (f->socket && p->given)
		linger_close_socket(p->base, f->rfd);
	else
		close(f->rfd);
	if (f->wfd != f->rfd)
		close(f->wfd);
	f->rfd = f->wfd = -1;
}

ssize_t fdport_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct fdport *f = (struct fdport *)p;
	ssize_t w = f->socket ? send(f->wfd, data, n, 0) : write(f->wfd, data, n);
	if (w == (ssize_t)n)
		return w;
	if (w < 0 && errno != EAGAIN && errno != EINTR) {
		struct err why;
		int sys = errno;
		err_sys(&why, sys, "writing to %s", p->name);
		why.code = ERR_CLOSED;
		if (e)
			*e = why;
		bool gone = f->eof_is_lost && (sys == EIO || sys == ENXIO || sys == ENODEV);
		if (gone || p->cfg.reconnect)
			port_lost(p, &why);
		return p->cfg.reconnect ? 0 : -1;        /* the write goes on when the port is back */
	}
	watch_write(f);
	return w < 0 ? 0 : w;
}

void fdport_throttle(struct port *p, bool on)
{
	struct fdport *f = (struct fdport *)p;
	if (!f->attached)
		return;
	if (on)
		event_del(&f->rd);
	else if (!p->eof)
		watch_read(f);
}

void fdport_pump(struct port *p)
{
	struct fdport *f = (struct fdport *)p;
	while (f->attached && !p->throttled && !p->eof && read_some(f) > 0)
		;
}

int fdport_descriptor(struct port *p)
{
	struct fdport *f = (struct fdport *)p;
	return f->attached && !p->throttled && !p->eof && !p->watched ? f->rfd : -1;
}

void fdport_watch(struct port *p)
{
	struct fdport *f = (struct fdport *)p;
	if (f->attached && !p->throttled && !p->eof)
		watch_read(f);
}

void fdport_unwatch(struct port *p)
{
	struct fdport *f = (struct fdport *)p;
	if (f->attached)
		event_del(&f->rd);
}

void fdport_peek(struct port *p)
{
	struct fdport *f = (struct fdport *)p;
	if (f->attached && !p->throttled && !p->eof)
		read_some(f);
}

size_t fdport_in_waiting(struct port *p)
{
	int n = 0;
	struct fdport *f = (struct fdport *)p;
	return f->attached && ioctl(f->rfd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

int fdport_out_waiting(struct port *p, size_t *n, struct err *e)
{
	int k = 0;
	struct fdport *f = (struct fdport *)p;
	if (ioctl(f->wfd, TIOCOUTQ, &k) < 0)
		return err_sys(e, errno, "out_waiting of %s", p->name);
	*n = k > 0 ? (size_t)k : 0;
	return 0;
}
