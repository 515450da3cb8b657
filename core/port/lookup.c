// SPDX-License-Identifier: MIT
// lookup.c: see lookup.h.  A cancelled lookup is freed by whoever ends last:
// the thread (it cannot be stopped inside getaddrinfo) or the loop.
#include "port/lookup.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
	char *host, *port;
	int fd;                              /* eventfd: the thread is done */
	struct event *ev;
	void (*done)(void *, struct addrinfo *, const struct err *);
	void *arg;
	pthread_mutex_t lock;
	int owners;                          /* thread and loop */
	int status, sys;                     /* of getaddrinfo */
	struct addrinfo *found;
};

static void leave(struct lookup *l)
{
	pthread_mutex_lock(&l->lock);
	int left = --l->owners;
	pthread_mutex_unlock(&l->lock);
	if (left)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	if (l->fd >= 0)
		close(l->fd);
	pthread_mutex_destroy(&l->lock);
	free(l->host);
	free(l->port);
	free(l);
}

static int ask(const char *host, const char *port, int flags, struct addrinfo **found)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
	return getaddrinfo(host, port, &hints, found);
}

static void *run(void *arg)
{
	struct lookup *l = arg;
	l->status = ask(l->host, l->port, AI_ADDRCONFIG, &l->found);
	if (l->status == EAI_NONAME || l->status == EAI_ADDRFAMILY)      /* loopback only machines */
		l->status = ask(l->host, l->port, 0, &l->found);
	l->sys = errno;
	uint64_t one = 1;
	if (write(l->fd, &one, sizeof one) < 0)
		l->sys = errno;
	leave(l);
	return NULL;
}

static void answered(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct lookup *l = arg;
	struct err e = { 0 };
	struct addrinfo *found = l->found;
	l->found = NULL;
	if (l->status)
		err_set(&e, ERR_NOT_FOUND, "host \"%s\": %s", l->host,
			l->status == EAI_SYSTEM ? strerror(l->sys) : gai_strerror(l->status));
	void (*done)(void *, struct addrinfo *, const struct err *) = l->done;
	void *to = l->arg;
	lookup_cancel(l);
	done(to, found, &e);
}

static int run_thread(struct lookup *l)
{
	sigset_t all, old;
	pthread_t thread;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);        /* signals belong to the loop */
	int r = pthread_create(&thread, NULL, run, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_detach(thread);
	return r;
}

int lookup_start(struct event_base *base, const char *host, const char *port, struct addrinfo **found,
	void (*done)(void *, struct addrinfo *, const struct err *), void *arg, struct lookup **out, struct err *e)
{
	if (ask(host, port, AI_NUMERICHOST, found) == 0)
		return 0;
	struct lookup *l = calloc(1, sizeof *l);
	if (!l)
		return err_sys(e, ENOMEM, "looking up %s", host);
	pthread_mutex_init(&l->lock, NULL);
	l->owners = 1;
	l->done = done;
	l->arg = arg;
	l->host = strdup(host);
	l->port = strdup(port);
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->ev = l->fd < 0 ? NULL : event_new(base, l->fd, EV_READ, answered, l);
	if (!l->host || !l->port || !l->ev || event_add(l->ev, NULL) < 0)
		goto fail;
	l->owners = 2;
	errno = run_thread(l);
	if (errno) {
		l->owners = 1;
		goto fail;
	}
	*out = l;
	return 1;
fail:
	err_sys(e, errno, "looking up %s", host);
	lookup_cancel(l);
	return -1;
}

void lookup_cancel(struct lookup *l)
{
	if (l->ev)
		event_free(l->ev);
	l->ev = NULL;
	leave(l);
}
