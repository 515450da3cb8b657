// SPDX-License-Identifier: MIT
// linger.c: see linger.h.
#include "port/linger.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <asm/termbits.h>
#include <unistd.h>

enum { LOOK_MS = 20, GIVE_UP = 30 * 1000 / LOOK_MS };

struct late_close {
	struct event *timer;
	int fd, looks;
};

static int unsent(int fd)
{
	int n;
	return ioctl(fd, TIOCOUTQ, &n) == 0 ? n : 0;
}

static void close_now(struct late_close *l)
{
	close(l->fd);
	event_free(l->timer);
	free(l);
}

static void look(evutil_socket_t none, short what, void *arg)
{
	(void)none, (void)what;
	struct late_close *l = arg;
	bool sent = !unsent(l->fd);
	if (!sent && ++l->looks < GIVE_UP)
		return;
	if (!sent)
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

void linger_close(struct event_base *base, int fd)
{
	struct timeval every = { 0, LOOK_MS * 1000 };
	struct late_close *l = unsent(fd) ? calloc(1, sizeof *l) : NULL;
	if (l && (l->timer = event_new(base, -1, EV_PERSIST, look, l))) {
		l->fd = fd;
		if (event_add(l->timer, &every) == 0)
			return;
		event_free(l->timer);
	}
	free(l);
	close(fd);
}
