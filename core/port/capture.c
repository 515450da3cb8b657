// SPDX-License-Identifier: MIT
// capture.c: see capture.h.
#include "port/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAST_PACKET = 256 };

/* Not every file system makes files without a name. */
static int open_unnamed(const char *folder, struct err *e)
{
	char path[4096];
	int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof path, "%s/moonrig.XXXXXX", folder) >= (int)sizeof path)
		return err_sys(e, ENAMETOOLONG, "cannot keep traffic in %s", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "cannot keep traffic in %s", folder);
	unlink(path);
	return fd;
}

struct capture *capture_new(uint64_t limit, struct err *e)
{
	const char *folder = getenv("TMPDIR");
	struct capture *c = calloc(1, sizeof *c);
	if (!c) {
		err_sys(e, ENOMEM, "cannot keep traffic");
		return NULL;
	}
	*c = (struct capture){ .users = 1, .limit = limit };
	c->fd = open_unnamed(folder && *folder ? folder : "/tmp", e);
	if (c->fd >= 0)
		return c;
	free(c);
	return NULL;
}

struct capture *capture_hold(struct capture *c)
{
	c->users++;
	return c;
}

void capture_release(struct capture *c)
{
	if (--c->users > 0)
		return;
	capture_close(c);
	free(c);
}

void capture_close(struct capture *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

bool capture_is_on(const struct capture *c)
{
	return c->fd >= 0 && !c->paused && !c->full && !c->sys;
}

bool capture_has_room(const struct capture *c, size_t n)
{
	return c->size + n + LAST_PACKET <= c->limit;
}

void capture_write(struct capture *c, struct buf *text, int failed)
{
	while (text->len > 0 && !c->sys) {
		ssize_t n = pwrite(c->fd, buf_data(text), text->len, (off_t)c->size);
		if (n >= 0) {
			buf_consume(text, (size_t)n);
			c->size += (uint64_t)n;
		} else if (errno != EINTR) {
			c->sys = errno;
		}
	}
	if (failed && !c->sys)
		c->sys = ENOMEM;
	buf_consume(text, text->len);
}

ssize_t capture_read(const struct capture *c, void *to, size_t n, uint64_t offset)
{
	return pread(c->fd, to, n, (off_t)offset);
}
