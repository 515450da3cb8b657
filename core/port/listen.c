// SPDX-License-Identifier: MIT
// listen.c: see listen.h.
#include "port/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/socket.h"

enum { BACKLOG = 128 };

struct listener {
	struct event_base *base;
	struct event *ev;
	int fd;
	char *path;                          /* of a unix socket, removed at the end */
	char url[320];
	void (*ready)(void *);
	void *arg;
};

/* "127.0.0.1:80", "[::1]:80"; loopback: may it be reached from this machine only? */
static void address_text(const struct sockaddr_storage *a, char text[80], bool *loopback)
{
	char host[INET6_ADDRSTRLEN];
	if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)a;
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		snprintf(text, 80, "[%s]:%u", host, ntohs(v6->sin6_port));
		*loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	} else {
		const struct sockaddr_in *v4 = (const void *)a;
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		snprintf(text, 80, "%s:%u", host, ntohs(v4->sin_port));
		*loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	}
}

static int open_tcp(struct listener *l, const struct url *u, struct err *e)
{
	char host[256], port[6], text[80];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *a;
	bool loopback, insecure = false;
	if (url_host_port(u, true, host, port, e) < 0)
		return -1;
	const char *option = url_get(u, "insecure");
	if (option && value_bool("insecure", option, &insecure, e) < 0)
		return -1;
	int r = getaddrinfo(host, port, &hints, &a);
	if (r)
		return err_set(e, ERR_NOT_FOUND, "listening on %s: %s", u->text, gai_strerror(r));
	struct sockaddr_storage s = { 0 };
	memcpy(&s, a->ai_addr, a->ai_addrlen);
	socklen_t size = a->ai_addrlen;
	freeaddrinfo(a);
	address_text(&s, text, &loopback);
	if (!loopback && !insecure)
		return err_set(e, ERR_PERMISSION, "listening on %s: others could reach the port without a password; use a loopback "
			"address, or say insecure=true if that is meant", u->text);
	if (!loopback)
		fprintf(stderr, "moonrig: listening on %s is open to the network (insecure=true)\n", text);
	l->fd = socket(s.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		bind(l->fd, (struct sockaddr *)&s, size) < 0 || listen(l->fd, BACKLOG) < 0) {
		err_sys(e, errno, "listening on %s", u->text);
		return e->sys == EACCES ? err_add(e, " (a port number below 1024 needs root; 0 picks a free one)") : -1;
	}
	size = sizeof s;
	getsockname(l->fd, (struct sockaddr *)&s, &size);
	address_text(&s, text, &loopback);
	snprintf(l->url, sizeof l->url, "socket://%s", text);
	return 0;
}

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

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct listener *l = arg;
	l->ready(l->arg);
}

static int check_options(const struct url *u, const char *known, struct err *e)
{
	for (unsigned i = 0; i < u->count; i++)
		if (strcmp(u->options[i].key, known) != 0)
			return err_set(e, ERR_UNSUPPORTED, "unknown option \"%s\" (listening on %s; known: %s)", u->options[i].key,
				u->text, *known ? known : "none");
	return 0;
}

int listen_open(struct event_base *base, const struct url *u, void (*ready)(void *), void *arg, struct listener **out,
	struct err *e)
{
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return err_sys(e, ENOMEM, "listening");
	*l = (struct listener){ .base = base, .fd = -1, .ready = ready, .arg = arg };
	int r;
	if (!strcmp(u->scheme, "socket"))
		r = check_options(u, "insecure", e) < 0 ? -1 : open_tcp(l, u, e);
	else if (!strcmp(u->scheme, "unix"))
		r = check_options(u, "", e) < 0 ? -1 : open_unix(l, u, e);
	else
		r = err_set(e, ERR_UNSUPPORTED, "cannot listen on %s:// (socket://, unix: and pty: can)", u->scheme);
	if (r < 0)
		goto fail;
	l->ev = event_new(base, l->fd, EV_READ, on_ready, l);
	if (!l->ev) {
		err_sys(e, ENOMEM, "listening");
		goto fail;
	}
	*out = l;
	return 0;
fail:
	listen_free(l);
	return -1;
}

void listen_free(struct listener *l)
{
	if (!l)
		return;
	if (l->ev)
		event_free(l->ev);
	if (l->fd >= 0)
		close(l->fd);
	if (l->path)
		unlink(l->path);
	free(l->path);
	free(l);
}

int listen_accept(struct listener *l, struct port **out, struct err *e)
{
	struct sockaddr_storage a = { 0 };
	socklen_t size = sizeof a;
	char name[80] = "unix client", url[sizeof l->url];
	bool loopback;
	int fd = accept4(l->fd, (struct sockaddr *)&a, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			return 2;
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == ENETDOWN
			|| errno == EHOSTUNREACH || errno == ENETUNREACH)
			return 0;
		return err_sys(e, errno, "accepting on %s", l->url);
	}
	if (a.ss_family == AF_INET || a.ss_family == AF_INET6) {
		address_text(&a, name, &loopback);
		snprintf(url, sizeof url, "socket://%s", name);
	} else
		snprintf(url, sizeof url, "%s", l->url);
	*out = socket_accepted(l->base, fd, url, name, e);
	return *out ? 1 : -1;
}

int listen_watch(struct listener *l, struct err *e)
{
	return event_add(l->ev, NULL) < 0 ? err_set(e, ERR_SYSTEM, "%s: cannot watch", l->url) : 0;
}

const char *listen_url(const struct listener *l)
{
	return l->url;
}
