// SPDX-License-Identifier: MIT
// pty.c: pty:[LINK] makes a pseudo-terminal, gives it a name in the file system
// when LINK is there, and holds the master: programs that want a serial port
// open the slave (field `name`, or LINK).  A slave descriptor stays open here, so
// that clients may come and go: the port never ends, and what is written before
// anybody listens waits in the kernel (some 13 KiB; then the writer waits).
// A pty has no modem signals, no break, no pace and always 8 data bits, no parity;
// the other settings are those of the slave, which clients change: as read, so in force.
#include "port/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "port/ptyserve.h"
#include "port/termios2.h"

/* ---- making ------------------------------------------------------------------------------ */

/* The slave, in raw mode: a new one, or one after a hang-up, is as for a login: with echo. */
static int open_slave(const char *name)
{
	struct termios t;
	int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		if (tcsetattr(fd, TCSANOW, &t) == 0)
			return fd;
	}
	int sys = errno;
	close(fd);
	errno = sys;
	return -1;
}

int pty_attach(struct pty *y, struct err *e)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return err_sys(e, errno, "making a pty");
	if (grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, y->tty, sizeof y->tty) != 0 ||
		(y->slave = open_slave(y->tty)) < 0) {
		err_sys(e, errno, "making a pty");
		close(master);
		return -1;
	}
	if (fdport_attach(&y->f, master, master, e) == 0)
		return 0;
	close(y->slave);
	close(master);
	return -1;
}

/* ---- the link ---------------------------------------------------------------------------- */

/* Removes a link of ours whose pty is gone: not there any more, or the new one itself. */
static int remove_stale(const char *link, const char *tty, struct err *e)
{
	char target[64];
	struct stat st;
	ssize_t n = readlink(link, target, sizeof target - 1);
	if (n < 0)
		return err_set(e, ERR_BUSY, "pty:%s: a file of that name is there; choose another name or remove it", link);
	target[n] = 0;
	if (strncmp(target, "/dev/pts/", 9) != 0)
		return err_set(e, ERR_BUSY, "pty:%s: a link to %s is there; choose another name or remove it", link, target);
	if (strcmp(target, tty) != 0 && stat(target, &st) == 0)
		return err_set(e, ERR_BUSY, "pty:%s: in use: it stands for %s, which exists; end the program that made it, or "
			"remove the link if that is gone", link, target);
	return unlink(link) < 0 ? err_sys(e, errno, "pty:%s: replacing the link of an earlier run", link) : 0;
}

static int make_link(struct pty *y, const char *link, struct err *e)
{
	struct stat st;
	if (lstat(link, &st) == 0 && remove_stale(link, y->tty, e) < 0)
		return -1;
	if (symlink(y->tty, link) < 0)
		return err_sys(e, errno, "pty:%s: making the link", link);
	y->link = strdup(link);
	return 0;
}

/* Unless somebody has put something else there. */
static void remove_link(struct pty *y)
{
	char target[sizeof y->tty + 1];
	ssize_t n = y->link ? readlink(y->link, target, sizeof target) : -1;
	if (n > 0 && (size_t)n == strlen(y->tty) && !memcmp(target, y->tty, (size_t)n))
		unlink(y->link);
	free(y->link);
	y->link = NULL;
}

/* ---- operations -------------------------------------------------------------------------- */

/* A client that had the slave as its controlling terminal ended: that hangs up every slave descriptor, also ours. */
static void hung_up(struct fdport *f, int sys)
{
	struct pty *y = (struct pty *)f;
	struct err e;
	int slave = sys == EIO ? open_slave(y->tty) : -1;
	if (slave >= 0) {
		close(y->slave);
		y->slave = slave;
		ptyserve_again(y);
		if (event_add(&f->rd, NULL) == 0)
			return;
	}
	err_sys(&e, sys, "%s", f->port.name);
	port_lost(&f->port, &e);
}

struct tty pty_tty(const struct pty *y)
{
	return (struct tty){ .fd = y->slave, .name = y->tty, .driver = "pty" };
}

static int pty_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	struct tty t = pty_tty((struct pty *)p);
	return termios2_set(&t, s, mask, e);
}

static void pty_refresh(struct port *p)
{
	struct tty t = pty_tty((struct pty *)p);
	termios2_get(&t, &p->cfg.line, NULL);
}

static int pty_open(struct port *p, struct err *e)
{
	struct pty *y = (struct pty *)p;
	if (pty_attach(y, e) < 0)
		return -1;
	y->f.ended = hung_up;
	free(p->name);
	p->name = strdup(y->tty);
	if ((p->cfg.given & SET_LINE) && pty_set(p, &p->cfg.line, SET_LINE, e) < 0)
		goto fail;
	if (!*p->url.rest || make_link(y, p->url.rest, e) == 0)
		return 0;
fail:
	pty_close(p);
	return -1;
}

void pty_close(struct port *p)
{
	struct pty *y = (struct pty *)p;
	if (!y->f.attached)
		return;
	ptyserve_end(y);
	remove_link(y);
	close(y->slave);
	fdport_close(p);
}

/* What clients have not read yet.  poll() makes the kernel hand it over to where FIONREAD counts. */
int pty_out_waiting(struct port *p, size_t *n, struct err *e)
{
	struct pty *y = (struct pty *)p;
	int k = 0;
	poll(&(struct pollfd){ .fd = y->slave, .events = POLLIN }, 1, 0);
	if (ioctl(y->slave, FIONREAD, &k) < 0)
		return err_sys(e, errno, "out_waiting of %s", p->name);
	*n = k > 0 ? (size_t)k : 0;
	return 0;
}

/* There is no wire: what the kernel took is sent. */
int pty_drain(struct port *p, struct err *e)
{
	(void)p, (void)e;
	return 0;
}

int pty_flush(struct port *p, int which, struct err *e)
{
	struct pty *y = (struct pty *)p;
	if (which == FLUSH_OUTPUT && tcflush(y->slave, TCIFLUSH) < 0)
		return err_sys(e, errno, "flush_output of %s", p->name);
	return 0;
}

const struct port_ops pty_ops = {
	.name = "pty", .size = sizeof(struct pty), .settings = SET_FRAMING | SET_XONXOFF | SET_RTSCTS, .set = pty_set,
	.refresh = pty_refresh, .open = pty_open, .close = pty_close, .write = fdport_write,
	.throttle = fdport_throttle, .pump = fdport_pump, .in_waiting = fdport_in_waiting,
	.out_waiting = pty_out_waiting, .drain = pty_drain, .flush = pty_flush, .proceed = ptyserve_proceed,
	.answered = ptyserve_answered, .line_changed = ptyserve_line_changed,
};
