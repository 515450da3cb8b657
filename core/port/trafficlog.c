// SPDX-License-Identifier: MIT
// trafficlog.c: see trafficlog.h.
#include "port/trafficlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hexdump.h"
#include "base/log.h"

enum { HEAD = 96 };

struct trafficlog {
	struct tap tap;
	char *path;
	int fd;                              /* -1: it could not be written */
	struct buf text;
};

static int open_file(struct trafficlog *t, struct err *e)
{
	int fd = open(t->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return err_sys(e, errno, "cannot write %s", t->path);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = fd;
	return 0;
}

/* "2026-11-27T18:20:31.123456Z TX   " */
static void put_head(char head[HEAD], const char *label)
{
	struct timespec now;
	struct tm tm;
	char date[24];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(head, HEAD, "%s.%06ldZ %-4.16s ", date, now.tv_nsec / 1000, label);
}

static void write_out(struct trafficlog *t)
{
	while (t->text.len && t->fd >= 0) {
		ssize_t n = write(t->fd, buf_data(&t->text), t->text.len);
		if (n >= 0)
			buf_consume(&t->text, (size_t)n);
		else if (errno != EINTR) {
			log_warning("%s: %s; nothing more is written to it", t->path, strerror(errno));
			close(t->fd);
			t->fd = -1;
		}
	}
	buf_consume(&t->text, t->text.len);
}

static void put_words(struct trafficlog *t, const char *label, const char *text)
{
	char head[HEAD];
	put_head(head, label);
	if (buf_append(&t->text, head, strlen(head)) == 0 && buf_append(&t->text, text, strlen(text)) == 0)
		buf_append(&t->text, "\n", 1);
	write_out(t);
}

static void put_bytes(struct trafficlog *t, const char *label, const struct tap_event *ev)
{
	char head[HEAD];
	put_head(head, label);
	hexdump_rows(&t->text, head, ev->data, ev->size);
	write_out(t);
}

static void put_signals(struct trafficlog *t, unsigned levels)
{
	static const char *const names[] = { "DTR", "RTS", "CTS", "DSR", "RI", "CD" };
	char text[40] = "on:";
	for (int i = 0; i < 6; i++)
		if (levels & 1u << i)
			strcat(strcat(text, " "), names[i]);
	put_words(t, "SIG", text);
}

static void see(struct tap *tap, struct port *p, const struct tap_event *ev)
{
	struct trafficlog *t = (struct trafficlog *)tap;
	char text[64];
	switch (ev->kind) {
	case TAP_RX: put_bytes(t, "RX", ev); break;
	case TAP_TX: put_bytes(t, "TX", ev); break;
	case TAP_BREAK: put_words(t, "BRK", ev->number ? "on" : "off"); break;
	case TAP_SEND_BREAK:
		snprintf(text, sizeof text, "%g s", ev->seconds);
		put_words(t, "BRK", text);
		break;
	case TAP_SET_SIGNAL:
		snprintf(text, sizeof text, "%s %s", ev->signal == SIGNAL_DTR ? "DTR" : "RTS", ev->number ? "on" : "off");
		put_words(t, "SIG", text);
		break;
	case TAP_SIGNALS: put_signals(t, (unsigned)ev->number); break;
	case TAP_SETTINGS: case TAP_OPEN:
		settings_text(&p->cfg.line, text);
		put_words(t, ev->kind == TAP_OPEN ? "OPEN" : "SET", p->ops->settings ? text : p->name ? p->name : "");
		break;
	case TAP_FLUSH_INPUT: put_words(t, "PURG", "received"); break;
	case TAP_FLUSH_OUTPUT: put_words(t, "PURG", "unsent"); break;
	case TAP_LOST: put_words(t, "LOST", p->why ? p->why->text : ""); break;
	case TAP_CLOSE: put_words(t, "CLSE", ""); break;
	default: break;
	}
}

static void free_log(struct tap *tap)
{
	struct trafficlog *t = (struct trafficlog *)tap;
	if (t->fd >= 0)
		close(t->fd);
	buf_clear(&t->text);
	free(t->path);
	free(t);
}

struct tap *trafficlog_new(const char *path, struct err *e)
{
	struct trafficlog *t = calloc(1, sizeof *t);
	if (t) {
		t->tap = (struct tap){ .see = see, .free = free_log };
		t->fd = -1;
		t->path = strdup(path);
	}
	if (!t || !t->path) {
		free(t);
		err_sys(e, ENOMEM, "%s", path);
		return NULL;
	}
	if (open_file(t, e) == 0)
		return &t->tap;
	free_log(&t->tap);
	return NULL;
}

int trafficlog_reopen(struct tap *tap, struct err *e)
{
	return open_file((struct trafficlog *)tap, e);
}

void trafficlog_say(struct tap *tap, const char *text)
{
	put_words((struct trafficlog *)tap, "NOTE", text);
}
