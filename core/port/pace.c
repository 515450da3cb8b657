// SPDX-License-Identifier: MIT
// pace.c: writes slowly, for devices without flow control: a pause after each byte (option output_delay) and
// after each line (output_line_delay), as tio's options of these names.  Bytes are offered to the transport one at a
// time, or a line at a time; in between, a write takes nothing.
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "port/port.h"

struct pace {
	struct event *timer;
	double next;                         /* nothing is written before */
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	port_writable(arg);
}

static int wait_until_next(struct port *p, double now, struct err *e)
{
	struct timeval t = clock_interval(p->pace->next - now);
	return event_add(p->pace->timer, &t) < 0 ? err_set(e, ERR_SYSTEM, "%s: cannot start a timer", p->name) : 0;
}

/* How many of n bytes may go at once. */
static size_t portion(const struct port *p, const char *data, size_t n)
{
	if (p->cfg.output_delay > 0)
		return 1;
	const char *end = memchr(data, p->cfg.eol[p->cfg.eol_size - 1], n);
	return end ? (size_t)(end - data) + 1 : n;
}

static double pause_after(const struct port *p, char last)
{
	bool line = last == p->cfg.eol[p->cfg.eol_size - 1];
	return p->cfg.output_delay + (line ? p->cfg.output_line_delay : 0);
}

ssize_t pace_write(struct port *p, const void *data, size_t n, struct err *e)
{
	if (!p->pace) {
		p->pace = calloc(1, sizeof *p->pace);
		if (!p->pace || !(p->pace->timer = event_new(p->base, -1, 0, on_timer, p)))
			return err_set(e, ERR_SYSTEM, "%s: out of memory", p->name);
	}
	double now = clock_now();
	if (now < p->pace->next)
		return wait_until_next(p, now, e);
	ssize_t w = p->ops->write(p, data, portion(p, data, n), e);
	if (w > 0)
		p->pace->next = now + pause_after(p, ((const char *)data)[w - 1]);
	return w;
}

void pace_free(struct port *p)
{
	if (p->pace && p->pace->timer)
		event_free(p->pace->timer);
	free(p->pace);
	p->pace = NULL;
}
