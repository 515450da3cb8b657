// SPDX-License-Identifier: MIT
// tapfile.c: see tapfile.h.
#include "port/tapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t microseconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int tapfile_open(struct tapfile *f, const char *path, struct err *e)
{
	*f = (struct tapfile){ .fd = STDERR_FILENO };
	f->start = microseconds(CLOCK_MONOTONIC);
	f->epoch = microseconds(CLOCK_REALTIME);
	if (!path)
		return 0;
	/* A FIFO that nobody reads is an error and does not hold up the program. */
	f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (f->fd < 0)
		return err_sys(e, errno, "cannot write %s", path);
	fcntl(f->fd, F_SETFL, fcntl(f->fd, F_GETFL) & ~O_NONBLOCK);
	f->path = strdup(path);
	if (!f->path) {
		tapfile_close(f);
		return err_sys(e, ENOMEM, "cannot write %s", path);
	}
	return 0;
}

uint64_t tapfile_clock(const struct tapfile *f)
{
	return microseconds(CLOCK_MONOTONIC) - f->start;
}

static void give_up(struct tapfile *f, int sys)
{
	fprintf(stderr, "moonrig: %s: %s; nothing more is written to it\n", f->path ? f->path : "stderr", strerror(sys));
	if (f->path)
		close(f->fd);
	f->fd = -1;
}

void tapfile_write(struct tapfile *f, struct buf *text, int failed)
{
	while (text->len > 0 && f->fd >= 0) {
		ssize_t n = write(f->fd, buf_data(text), text->len);
		if (n >= 0)
			buf_consume(text, (size_t)n);
		else if (errno != EINTR)
			give_up(f, errno);
	}
	if (failed && f->fd >= 0)
		give_up(f, ENOMEM);
	buf_consume(text, text->len);
}

void tapfile_close(struct tapfile *f)
{
	if (f->fd >= 0 && f->fd != STDERR_FILENO)
		close(f->fd);
	f->fd = -1;
	free(f->path);
	f->path = NULL;
}

static bool is_own(const char *const *own, const char *key)
{
	while (*own && strcmp(*own, key) != 0)
		own++;
	return *own != NULL;
}

int tapfile_inner(struct url *inner, const struct url *outer, const char *text, const char *const *own, struct err *e)
{
	struct url others = { 0 };
	int r = -1;
	if (!text || !*text)
		return err_set(e, ERR_UNSUPPORTED, "%s: the URL of the port is missing", outer->text);
	for (unsigned i = 0; i < outer->count; i++) {
		const struct option *o = &outer->options[i];
		if (!is_own(own, o->key) && url_option(&others, o->key, o->value, o->size, e) < 0)
			goto done;
	}
	r = url_inner(inner, &others, text, e);
done:
	url_clear(&others);
	return r;
}
