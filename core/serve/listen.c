// SPDX-License-Identifier: MIT
// listen.c: see listen.h.
#include "serve/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "port/clock.h"
#include "port/socket.h"
#include "port/tls.h"
#include "serve/gate.h"
#include "serve/rfc2217_server.h"

enum { BACKLOG = 128, HANDSHAKES = 64 };
#define REST 0.1                             /* seconds, out of descriptors */

static const struct kind {
	const char *scheme;
	bool tcp, tls, rfc2217;
} kinds[] = {
	{ "socket", true, false, false }, { "socket+tls", true, true, false }, { "unix", false, false, false },
	{ "rfc2217", true, false, true }, { "rfc2217+tls", true, true, true },
};

struct arrival {                             /* a TLS handshake, or a port that is through with it */
	struct arrival *next;
	struct listener *listener;
	struct port *port;
};

struct listener {
	struct event_base *base;
	const struct kind *kind;
	struct event *ev, *rest;
	int fd, spare;                       /* spare: given up to turn somebody away when there are no others */
	char *path;                          /* of a unix socket, removed at the end */
	char url[320];
	struct gate *gate;
	struct tls_context *tls;
	struct arrival *arrivals;            /* oldest first */
	int shaking;                         /* handshakes among them */
	bool wanted;                         /* ready() is owed */
	void (*ready)(void *);
	void *arg;
};

/* ---- TCP ---------------------------------------------------------------------------------- */

static int may_be_reached(const struct listener *l, const struct url *u, const struct sockaddr_storage *s, bool insecure,
	struct err *e)
{
	char text[ADDRESS_TEXT];
	address_text(s, text);
	if (address_is_loopback(s) || (l->tls && tls_context_asks_clients(l->tls)))
		return 0;
	if (!insecure)
		return err_set(e, ERR_PERMISSION, "listening on %s: others could reach the port without a password; use a loopback "
			"address, or TLS with client certificates (%s+tls://, options cert, key, ca), or say insecure=true if that is "
			"meant", u->text, l->kind->rfc2217 ? "rfc2217" : "socket");
	log_note("listening on %s is open to the network (insecure=true)", text);
	return 0;
}

static int bind_to(struct listener *l, struct sockaddr_storage *s, socklen_t size, const struct url *u, struct err *e)
{
	int one = 1;
	l->fd = socket(s->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		bind(l->fd, (struct sockaddr *)s, size) < 0 || listen(l->fd, BACKLOG) < 0) {
		err_sys(e, errno, "listening on %s", u->text);
		return e && e->sys == EACCES ? err_add(e, " (a port number below 1024 needs root; 0 picks a free one)") : -1;
	}
	return 0;
}

static int open_tcp(struct listener *l, const struct url *u, bool insecure, struct err *e)
{
	char host[256], port[6], text[ADDRESS_TEXT];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *a;
	if (url_host_port(u, true, host, port, e) < 0)
		return -1;
	int r = getaddrinfo(host, port, &hints, &a);
	if (r)
		return err_set(e, ERR_NOT_FOUND, "listening on %s: %s", u->text, gai_strerror(r));
	struct sockaddr_storage s = { 0 };
	memcpy(&s, a->ai_addr, a->ai_addrlen);
	socklen_t size = a->ai_addrlen;
	freeaddrinfo(a);
	if (may_be_reached(l, u, &s, insecure, e) < 0 || bind_to(l, &s, size, u, e) < 0)
		return -1;
	size = sizeof s;
	getsockname(l->fd, (struct sockaddr *)&s, &size);
	address_text(&s, text);
	snprintf(l->url, sizeof l->url, "%s://%s", l->kind->scheme, text);
	return 0;
}

/* ---- unix --------------------------------------------------------------------------------- */

/* A socket file that nobody serves any more is replaced; one in use is not. */
static int remove_stale(const struct sockaddr_un *a, struct err *e)
{
	struct stat st;
	if (lstat(a->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_BUSY, "listening on unix:%s: a file of that name is there", a->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool used = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;
	if (fd >= 0)
		close(fd);
	if (used)
		return err_set(e, ERR_BUSY, "listening on unix:%s: another program serves it", a->sun_path);
	unlink(a->sun_path);
	return 0;
}

static int open_unix(struct listener *l, const struct url *u, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (!*u->rest || strlen(u->rest) >= sizeof a.sun_path)
		return err_set(e, ERR_UNSUPPORTED, "%s: expected a path of 1 to %zu bytes", u->text, sizeof a.sun_path - 1);
	strcpy(a.sun_path, u->rest);
	if (remove_stale(&a, e) < 0)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&a, sizeof a) < 0)
		return err_sys(e, errno, "listening on %s", u->text);
	l->path = strdup(u->rest);
	if (listen(l->fd, BACKLOG) < 0)
		return err_sys(e, errno, "listening on %s", u->text);
	snprintf(l->url, sizeof l->url, "unix:%s", u->rest);
	return 0;
}

/* ---- open, close -------------------------------------------------------------------------- */

static void tell_ready(struct listener *l)
{
	if (!l->wanted)
		return;
	l->wanted = false;
	l->ready(l->arg);
}

static void greet(struct listener *l);

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct listener *l = arg;
	if (l->tls)
		greet(l);
	else
		tell_ready(l);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct listener *l = arg;
	if (l->spare < 0)
		l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->tls)
		greet(l);
	else
		tell_ready(l);
}

static const struct kind *find_kind(const char *scheme)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].scheme, scheme))
			return &kinds[i];
	return NULL;
}

static int take_insecure(struct url *u, bool *insecure, struct err *e)
{
	char *value = url_take(u, "insecure");
	int r = value ? value_bool("insecure", value, insecure, e) : 0;
	free(value);
	return r;
}

static int open_listener(struct listener *l, struct url *u, struct err *e)
{
	bool insecure = false;
	l->kind = find_kind(u->scheme);
	if (!l->kind)
		return err_set(e, ERR_UNSUPPORTED, "cannot listen on %s:// (socket://, socket+tls://, unix:, rfc2217://, "
			"rfc2217+tls:// and pty: can)", u->scheme);
	if (gate_open(l->base, u, &l->gate, e) < 0 || (l->kind->tcp && take_insecure(u, &insecure, e) < 0))
		return -1;
	if (l->kind->tls && tls_context_new(u, true, &l->tls, e) < 0)
		return -1;
	if (u->count)
		return err_set(e, ERR_UNSUPPORTED, "unknown option \"%s\" (listening on %s; known: allow clients idle_timeout%s%s)",
			u->options[0].key, u->text, l->kind->tcp ? " insecure" : "", l->kind->tls ? " " TLS_OPTION_NAMES : "");
	if ((l->kind->tcp ? open_tcp(l, u, insecure, e) : open_unix(l, u, e)) < 0)
		return -1;
	gate_name(l->gate, l->url);
	l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	l->ev = event_new(l->base, l->fd, EV_READ, on_ready, l);
	l->rest = event_new(l->base, -1, 0, on_rested, l);
	if (!l->ev || !l->rest)
		return err_sys(e, ENOMEM, "listening");
	if (l->tls && event_add(l->ev, NULL) < 0)
		return err_set(e, ERR_SYSTEM, "%s: cannot watch", l->url);
	return 0;
}

int listen_open(struct event_base *base, const struct url *u, void (*ready)(void *), void *arg, struct listener **out,
	struct err *e)
{
	struct url copy;
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return err_sys(e, ENOMEM, "listening");
	*l = (struct listener){ .base = base, .fd = -1, .spare = -1, .ready = ready, .arg = arg };
	int r = url_inner(&copy, u, u->text, e);
	if (r == 0) {
		r = open_listener(l, &copy, e);
		url_clear(&copy);
	}
	if (r < 0)
		listen_free(l);
	else
		*out = l;
	return r;
}

void listen_free(struct listener *l)
{
	if (!l)
		return;
	if (l->ev)
		event_free(l->ev);
	if (l->rest)
		event_free(l->rest);
	while (l->arrivals) {
		struct arrival *a = l->arrivals;
		l->arrivals = a->next;
		port_free(a->port);
		free(a);
	}
	if (l->fd >= 0)
		close(l->fd);
	if (l->spare >= 0)
		close(l->spare);
	if (l->path)
		unlink(l->path);
	free(l->path);
	tls_context_free(l->tls);
	gate_close(l->gate);
	free(l);
}

/* ---- accepting ---------------------------------------------------------------------------- */

/* Whoever waits is told at once, instead of hanging in the backlog; then the listener rests: as long as it has no
 * descriptors, it would be told again and again that somebody is there. */
static void turn_away(struct listener *l)
{
	struct timeval t = clock_interval(REST);
	gate_say(l->gate, "out of descriptors: clients are turned away");
	if (l->spare >= 0) {
		close(l->spare);
		int fd;
		while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
			close(fd);
		l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	event_del(l->ev);
	event_add(l->rest, &t);
}

/* A connection that may come in: its descriptor and visitor; 0 nobody there now, -1. */
static int accept_one(struct listener *l, char name[ADDRESS_TEXT], struct visitor **v, int *fd, struct err *e)
{
	for (;;) {
		struct sockaddr_storage a = { 0 };
		socklen_t size = sizeof a;
		*fd = accept4(l->fd, (struct sockaddr *)&a, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (*fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
			return turn_away(l), 0;
		if (*fd < 0 && errno == EAGAIN)
			return 0;
		if (*fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == ENETDOWN
			|| errno == EHOSTUNREACH || errno == ENETUNREACH))
			continue;
		if (*fd < 0)
			return err_sys(e, errno, "accepting on %s", l->url);
		if (l->kind->tcp)
			address_text(&a, name);
		else
			strcpy(name, "unix client");
		*v = gate_enter(l->gate, &a, name);
		if (*v)
			return 1;
		close(*fd);
	}
}

/* The connection as a port. */
static int accept_socket(struct listener *l, struct port **out, struct err *e)
{
	char name[ADDRESS_TEXT], url[sizeof l->url];
	struct visitor *v;
	int fd, r = accept_one(l, name, &v, &fd, e);
	if (r <= 0)
		return r;
	if (l->kind->tcp)
		snprintf(url, sizeof url, "%s://%s", l->kind->scheme, name);
	else
		snprintf(url, sizeof url, "%s", l->url);
	*out = socket_accepted(l->base, &(struct accepted){ .fd = fd, .url = url, .name = name,
		.guard = l->kind->tcp && !l->kind->tls, .left = gate_left, .arg = v }, e);
	if (!*out) {
		gate_left(v);
		return -1;
	}
	gate_watch(v, *out);
	return 1;
}

/* RFC 2217 on top, where that is served. */
static int dress(struct listener *l, struct port **p, struct err *e)
{
	if (!l->kind->rfc2217)
		return 1;
	*p = rfc2217_accepted(l->base, *p, e);
	return *p ? 1 : -1;
}

/* ---- TLS handshakes ----------------------------------------------------------------------- */

/* Takes it out of the list, where `at` points to it. */
static void drop(struct arrival **at)
{
	struct arrival *a = *at;
	*at = a->next;
	port_free(a->port);
	free(a);
}

static bool is_shaking(const struct arrival *a)
{
	return a->port->state == PORT_OPENING;
}

static void on_arrival(void *arg, unsigned news)
{
	struct arrival *a = arg;
	struct listener *l = a->listener;
	struct err e;
	if (!(news & PORT_NEWS_DONE))
		return;
	l->shaking--;
	if (a->port->state == PORT_OPEN)
		tell_ready(l);
	else {
		port_why(a->port, &e);
		gate_say(l->gate, "%s", e.text);
		a->port->news = NULL;
	}
}

/* Handshakes that came to nothing; and the oldest one when there are too many. */
static void tidy(struct listener *l)
{
	for (struct arrival *a, **at = &l->arrivals; (a = *at);) {
		bool too_many = l->shaking >= HANDSHAKES && is_shaking(a);
		if (too_many) {
			gate_say(l->gate, "%d TLS handshakes at once: the oldest one, of %s, is dropped", l->shaking, a->port->name);
			l->shaking--;
		}
		if (too_many || a->port->state == PORT_CLOSED)
			drop(at);
		else
			at = &a->next;
	}
}

static int shake_hands(struct listener *l, struct port *inner)
{
	struct err e;
	struct arrival *a = calloc(1, sizeof *a), **end = &l->arrivals;
	if (!a) {
		port_free(inner);
		return -1;
	}
	a->listener = l;
	a->port = tls_accepted(l->base, inner, l->tls, on_arrival, a, &e);
	if (!a->port) {
		gate_say(l->gate, "%s", e.text);
		free(a);
		return -1;
	}
	while (*end)
		end = &(*end)->next;
	*end = a;
	l->shaking++;
	return 0;
}

static void greet(struct listener *l)
{
	struct port *p;
	struct err e;
	int r;
	tidy(l);
	while ((r = accept_socket(l, &p, &e)) == 1) {
		shake_hands(l, p);
		tidy(l);
	}
	if (r < 0)
		gate_say(l->gate, "%s", e.text);
	if (!event_pending(l->rest, EV_TIMEOUT, NULL))
		event_add(l->ev, NULL);
}

static int accept_tls(struct listener *l, struct port **out, struct err *e)
{
	tidy(l);
	struct arrival **at = &l->arrivals;
	while (*at && (*at)->port->state != PORT_OPEN)
		at = &(*at)->next;
	if (!*at)
		return 0;
	*out = (*at)->port;
	(*out)->news = NULL;
	(*at)->port = NULL;
	drop(at);
	return dress(l, out, e);
}

/* ---- for the owner ------------------------------------------------------------------------ */

int listen_accept(struct listener *l, struct port **out, struct err *e)
{
	if (l->tls)
		return accept_tls(l, out, e);
	int r = accept_socket(l, out, e);
	return r == 1 ? dress(l, out, e) : r;
}

int listen_watch(struct listener *l, struct err *e)
{
	l->wanted = true;
	if (l->tls || event_pending(l->rest, EV_TIMEOUT, NULL))
		return 0;
	return event_add(l->ev, NULL) < 0 ? err_set(e, ERR_SYSTEM, "%s: cannot watch", l->url) : 0;
}

const char *listen_url(const struct listener *l)
{
	return l->url;
}
