// SPDX-License-Identifier: MIT
// socket.c: stream sockets as ports: socket://host:port (TCP, IPv4 and IPv6,
// happy eyeballs after RFC 8305: addresses in turn, the next one started after
// 250 ms) and unix:/path.  TCP_NODELAY is on; keepalive finds dead peers.
#include "port/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/fdport.h"
#include "port/httpguard.h"
#include "port/lookup.h"

enum { STAGGER_MS = 250, TRIES = 8, KEEPALIVE_S = 15, UNIX_AGAIN_MS = 10 };

struct try {                                 /* one address being connected */
	struct sock *sock;
	int fd;
	struct event ev;
};

struct connecting {
	struct lookup *lookup;
	struct addrinfo *found, *next;
	struct event stagger;                /* the next address; unix: the next attempt */
	struct try tries[TRIES];
	int count, alive;
	struct err last;
};

struct sock {
	struct fdport fd;
	struct connecting *c;                /* while opening */
	struct httpguard *guard;             /* accepted: until it is known what comes */
	void (*left)(void *arg);             /* accepted: to be called at the close */
	void *arg;
};

static void set_int(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

/* keepalive: seconds of silence until the first probe; 0 off. */
static void tune_tcp(int fd, long keepalive)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);        /* urgent data (Telnet's DM) keeps its place */
	if (keepalive <= 0)
		return;
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)keepalive);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive >= 3 ? (int)keepalive / 3 : 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

static int keepalive_option(const struct port *p, long *seconds, struct err *e)
{
	const char *v = url_get(&p->url, "keepalive");
	*seconds = KEEPALIVE_S;
	return v ? value_integer("keepalive", v, 0, 32767, seconds, e) : 0;
}

static void forget(struct sock *s)
{
	struct connecting *c = s->c;
	if (!c)
		return;
	s->c = NULL;
	if (c->lookup)
		lookup_cancel(c->lookup);
	if (event_initialized(&c->stagger))
		event_del(&c->stagger);
	for (int i = 0; i < c->count; i++)
		if (c->tries[i].fd >= 0) {
			event_del(&c->tries[i].ev);
			close(c->tries[i].fd);
		}
	if (c->found)
		freeaddrinfo(c->found);
	free(c);
}

static int attach(struct sock *s, int fd, struct err *e)
{
	s->fd.socket = true;
	s->fd.gone = "the peer closed the connection";
	if (fdport_attach(&s->fd, fd, fd, e) == 0)
		return 0;
	close(fd);
	return -1;
}

static void set_name(struct port *p, const char *name)
{
	free(p->name);
	p->name = strdup(name);
}

/* ---- connecting -------------------------------------------------------------------------- */

static int start_next(struct sock *s, struct err *e);

static void connected(struct sock *s, struct try *t)
{
	struct err e = { 0 };
	long keepalive;
	int fd = t->fd;
	event_del(&t->ev);
	t->fd = -1;
	forget(s);
	keepalive_option(&s->fd.port, &keepalive, NULL);
	tune_tcp(fd, keepalive);
	attach(s, fd, &e);
	port_done(&s->fd.port, &e);
}

static void failed(struct sock *s)
{
	struct err e = s->c->last;
	forget(s);
	port_done(&s->fd.port, &e);
}

/* A port number of the range that clients get may connect to itself while nobody listens there. */
static bool is_itself(int fd)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t size = sizeof here, far_size = sizeof there;
	return getsockname(fd, (struct sockaddr *)&here, &size) == 0 &&
		getpeername(fd, (struct sockaddr *)&there, &far_size) == 0 && size == far_size && !memcmp(&here, &there, size);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct try *t = arg;
	struct sock *s = t->sock;
	struct connecting *c = s->c;
	int sys = 0;
	socklen_t size = sizeof sys;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &size);
	if (sys == 0 && is_itself(fd))
		sys = ECONNREFUSED;
	if (sys == 0) {
		connected(s, t);
		return;
	}
	err_sys(&c->last, sys, "connecting to %s", s->fd.port.url.text);
	event_del(&t->ev);
	close(fd);
	t->fd = -1;
	c->alive--;
	if (start_next(s, &c->last) < 0 && c->alive == 0)
		failed(s);
}

static void on_stagger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct sock *s = arg;
	start_next(s, &s->c->last);
}

/* Starts to connect to one address: 0, or -1 when that is refused at once. */
static int start_try(struct sock *s, const struct addrinfo *a, struct err *e)
{
	struct connecting *c = s->c;
	struct try *t = &c->tries[c->count];
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (fd < 0)
		return err_sys(e, errno, "connecting to %s", s->fd.port.url.text);
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS) {
		int sys = errno;
		close(fd);
		return err_sys(e, sys, "connecting to %s", s->fd.port.url.text);
	}
	t->sock = s;
	t->fd = fd;
	event_assign(&t->ev, s->fd.port.base, fd, EV_WRITE, on_connected, t);
	event_add(&t->ev, NULL);
	c->count++;
	c->alive++;
	return 0;
}

static int start_next(struct sock *s, struct err *e)
{
	struct connecting *c = s->c;
	while (c->next && c->count < TRIES) {
		const struct addrinfo *a = c->next;
		c->next = a->ai_next;
		if (start_try(s, a, e) < 0)
			continue;
		if (c->next)
			event_add(&c->stagger, &(struct timeval){ 0, STAGGER_MS * 1000 });
		return 0;
	}
	return -1;
}

static int found(struct sock *s, struct addrinfo *list, struct err *e)
{
	s->c->found = s->c->next = list;
	if (start_next(s, &s->c->last) == 0)
		return 1;
	*e = s->c->last;
	forget(s);
	return -1;
}

static void looked_up(void *arg, struct addrinfo *list, const struct err *why)
{
	struct sock *s = arg;
	struct err e;
	s->c->lookup = NULL;
	if (!list) {
		err_set(&e, why->code, "connecting to %s: %s", s->fd.port.url.text, why->text);
		forget(s);
		port_done(&s->fd.port, &e);
	} else if (found(s, list, &e) < 0)
		port_done(&s->fd.port, &e);
}

static int tcp_open(struct port *p, struct err *e)
{
	struct sock *s = (struct sock *)p;
	char host[256], port[6], name[300];
	long keepalive;
	if (url_host_port(&p->url, false, host, port, e) < 0 || keepalive_option(p, &keepalive, e) < 0)
		return -1;
	snprintf(name, sizeof name, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	set_name(p, name);
	s->c = calloc(1, sizeof *s->c);
	if (!s->c)
		return err_sys(e, ENOMEM, "connecting");
	event_assign(&s->c->stagger, p->base, -1, 0, on_stagger, s);
	struct addrinfo *list = NULL;
	int r = lookup_start(p->base, host, port, &list, looked_up, s, &s->c->lookup, e);
	if (r == 0)
		return found(s, list, e);
	if (r < 0)
		forget(s);
	return r;
}

static void sock_close(struct port *p)
{
	struct sock *s = (struct sock *)p;
	void (*left)(void *) = s->left;
	forget(s);
	fdport_close(p);
	httpguard_free(s->guard);
	s->guard = NULL;
	s->left = NULL;
	if (left)
		left(s->arg);
}

/* ---- unix, accepted ---------------------------------------------------------------------- */

/* As an operation: 1 when too many wait to be accepted, which no event tells of: tried again soon. */
static int unix_connect(struct sock *s, struct err *e)
{
	struct port *p = &s->fd.port;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, p->url.rest);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "%s", p->url.text);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return attach(s, fd, e);
	int sys = errno;
	close(fd);
	if (sys == EAGAIN && event_add(&s->c->stagger, &(struct timeval){ 0, UNIX_AGAIN_MS * 1000 }) == 0)
		return 1;
	return err_sys(e, sys, "connecting to %s", p->url.text);
}

static void on_unix_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct sock *s = arg;
	struct err e = { 0 };
	if (unix_connect(s, &e) == 1)
		return;
	forget(s);
	port_done(&s->fd.port, &e);
}

static int unix_open(struct port *p, struct err *e)
{
	struct sock *s = (struct sock *)p;
	const size_t most = sizeof ((struct sockaddr_un *)0)->sun_path - 1;
	const char *path = p->url.rest;
	if (!*path || strlen(path) > most)
		return err_set(e, ERR_UNSUPPORTED, "%s: expected a path of 1 to %zu bytes", p->url.text, most);
	set_name(p, path);
	s->c = calloc(1, sizeof *s->c);
	if (!s->c)
		return err_sys(e, ENOMEM, "connecting");
	event_assign(&s->c->stagger, p->base, -1, 0, on_unix_again, s);
	int r = unix_connect(s, e);
	if (r != 1)
		forget(s);
	return r;
}

static int no_open(struct port *p, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: an accepted connection cannot be opened again", p->name);
}

static const char *const tcp_options[] = { "keepalive", "logging", NULL };

#define SOCKET_OPS \
	.size = sizeof(struct sock), .close = sock_close, .write = fdport_write, .throttle = fdport_throttle, \
	.pump = fdport_pump, .peek = fdport_peek, .descriptor = fdport_descriptor, .watch = fdport_watch, \
	.unwatch = fdport_unwatch, .in_waiting = fdport_in_waiting, .out_waiting = fdport_out_waiting

const struct port_ops socket_ops = { .name = "socket", .options = tcp_options, .open = tcp_open, SOCKET_OPS };
const struct port_ops unix_ops = { .name = "unix", .open = unix_open, SOCKET_OPS };
static const struct port_ops accepted_ops = { .name = "socket", .open = no_open, SOCKET_OPS };

/* Until the guard is done with it. */
static size_t watch_over(struct fdport *f, char *data, size_t n)
{
	struct sock *s = (struct sock *)f;
	if (httpguard_take(s->guard, &f->port, data, n) == 1) {
		httpguard_free(s->guard);
		s->guard = NULL;
		f->filter = NULL;
	}
	return 0;
}

struct port *socket_accepted(struct event_base *base, const struct accepted *a, struct err *e)
{
	struct url u;
	if (url_parse(&u, a->url, e) < 0)
		goto fail;
	struct port *p = port_new(&accepted_ops, base, &u);
	struct sock *s = (struct sock *)p;
	if (!p) {
		url_clear(&u);
		err_sys(e, ENOMEM, "accepting");
		goto fail;
	}
	set_name(p, a->name);
	tune_tcp(a->fd, KEEPALIVE_S);
	fcntl(a->fd, F_SETFL, fcntl(a->fd, F_GETFL) | O_NONBLOCK);
	if (a->guard && (s->guard = httpguard_new()))
		s->fd.filter = watch_over;
	if (attach(s, a->fd, e) < 0) {
		port_free(p);
		return NULL;
	}
	s->left = a->left;
	s->arg = a->arg;
	port_start(p);
	return p;
fail:
	close(a->fd);
	return NULL;
}
