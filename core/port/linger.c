// SPDX-License-Identifier: MIT
// linger.c: see linger.h.
#include "port/linger.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <asm/termbits.h>
#include <unistd.h>

enum { LOOK_MS = 20, GIVE_UP = 30 * 1000 / LOOK_MS, GIVE_UP_SOCKET = 5 * 1000 / LOOK_MS };

struct late_close {
	struct event *timer;
	int fd, looks;                       /* looks: that are left */
	bool socket;
};

/* Of a socket: not acknowledged (SIOCOUTQ is the same number). */
static int unsent(int fd)
{
	int n;
	return ioctl(fd, TIOCOUTQ, &n) == 0 ? n : 0;
}

/* Bytes that nobody reads would make the close of a TCP connection a reset, and that throws away what is still on
 * its way to the other end. */
static void drop_received(int fd)
{
	for (int i = 0; i < 16 && recv(fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) > 0; i++)
		;
}

static void close_now(struct late_close *l)
{
	if (l->socket)
		drop_received(l->fd);
	close(l->fd);
	event_free(l->timer);
	free(l);
}

static void look(evutil_socket_t none, short what, void *arg)
{
	(void)none, (void)what;
	struct late_close *l = arg;
	bool sent = !unsent(l->fd);
	if (l->socket && !sent)
		drop_received(l->fd);
	if (!sent && --l->looks > 0)
		return;
	if (!sent && !l->socket)
		ioctl(l->fd, TCFLSH, TCOFLUSH);
	close_now(l);
}

static int find_late(const struct event_base *base, const struct event *ev, void *found)
{
	(void)base;
	if (event_get_callback(ev) != look)
		return 0;
	*(struct late_close **)found = event_get_callback_arg(ev);
	return 1;
}

void linger_end(struct event_base *base)
{
	struct late_close *l;
	for (;;) {
		l = NULL;
		event_base_foreach_event(base, find_late, &l);
		if (!l)
			return;
		close_now(l);
	}
}

static void close_late(struct event_base *base, int fd, bool socket)
{
	struct timeval every = { 0, LOOK_MS * 1000 };
	struct late_close *l = unsent(fd) ? calloc(1, sizeof *l) : NULL;
	if (l && (l->timer = event_new(base, -1, EV_PERSIST, look, l))) {
		l->fd = fd;
		l->socket = socket;
		l->looks = socket ? GIVE_UP_SOCKET : GIVE_UP;
		if (event_add(l->timer, &every) == 0)
			return;
		event_free(l->timer);
	}
	free(l);
	close(fd);
}

void linger_close(struct event_base *base, int fd)
{
	close_late(base, fd, false);
}

void linger_close_socket(struct event_base *base, int fd)
{
	shutdown(fd, SHUT_WR);
	drop_received(fd);
	close_late(base, fd, true);
}
