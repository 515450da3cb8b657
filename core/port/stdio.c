// SPDX-License-Identifier: MIT
// stdio.c: stdio: reads standard input and writes standard output: a keyboard
// and screen, pipes or files.  A terminal is put in raw mode (every key comes at
// once, also Ctrl-C; no echo; output passes as it is; option raw=false leaves it)
// and is as before after close, which also every way out of the program does.
// A program that the shell has put behind loses its input when somebody types
// there, and is not stopped by that (SIGTTIN) in the middle of what it does.
// Descriptors of its own are used, so that those of other programs on the same
// terminal or pipe do not become non-blocking.
#include "port/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "port/fdport.h"

struct stdio {
	struct fdport f;                     /* first */
	bool raw;                            /* `before` is to be restored */
	struct termios before;
	int flags[2];                        /* of a shared description that we made non-blocking; -1: not */
	void (*on_ttin)(int);                /* what SIGTTIN did before */
};

/* ---- descriptors ------------------------------------------------------------------------- */

/* Files and /dev/null are always ready and cannot be watched. */
static bool can_be_watched(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	bool can = ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 || errno != EPERM;
	if (ep >= 0)
		close(ep);
	return can;
}

/* Opens what fd 0 or 1 stands for a second time, non-blocking; where that cannot be, shares it. */
static int own_descriptor(struct stdio *s, int fd, bool watched, struct err *e)
{
	char path[32] = "/proc/self/fd/0";
	path[14] = (char)('0' + fd);
	s->flags[fd] = -1;
	int own = watched ? open(path, (fd ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	if (own >= 0)
		return own;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return err_sys(e, errno, "stdio: standard %s", fd ? "output" : "input");
	int flags = fcntl(own, F_GETFL);
	if (watched && !(flags & O_NONBLOCK)) {
		s->flags[fd] = flags;
		fcntl(own, F_SETFL, flags | O_NONBLOCK);
	}
	return own;
}

static void give_back(struct stdio *s, int fd, int own)
{
	if (s->flags[fd] >= 0)
		fcntl(own, F_SETFL, s->flags[fd]);
}

/* ---- the terminal ------------------------------------------------------------------------ */

static bool same_terminal(int a, int b)
{
	struct stat x, y;
	return isatty(b) && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_rdev == y.st_rdev;
}

static int make_raw(struct stdio *s, int in, struct err *e)
{
	struct termios t;
	if (tcgetattr(in, &t) < 0)
		return 0;                        /* not a terminal */
	if (flock(in, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, ERR_BUSY, "stdio: another stdio: has the terminal");
	s->before = t;
	cfmakeraw(&t);
	if (!same_terminal(in, 1))
		t.c_oflag = s->before.c_oflag;   /* somebody else writes there */
	if (tcsetattr(in, TCSANOW, &t) < 0)
		return err_sys(e, errno, "stdio: putting the terminal in raw mode");
	s->raw = true;
	return 0;
}

/* ---- operations -------------------------------------------------------------------------- */

static int stdio_open(struct port *p, struct err *e)
{
	struct stdio *s = (struct stdio *)p;
	const char *option = url_get(&p->url, "raw");
	bool raw = true;
	if (*p->url.rest)
		return err_set(e, ERR_UNSUPPORTED, "%s: stdio: has no address; write stdio:", p->url.text);
	if (option && value_bool("raw", option, &raw, e) < 0)
		return -1;
	s->f.rd_ready = !can_be_watched(0);
	s->f.wr_ready = !can_be_watched(1);
	int in = own_descriptor(s, 0, !s->f.rd_ready, e);
	if (in < 0)
		return -1;
	int out = own_descriptor(s, 1, !s->f.wr_ready, e);
	free(p->name);
	p->name = strdup("stdio");
	s->f.gone = "the end of the input";
	if (out >= 0 && (!raw || make_raw(s, in, e) == 0) && fdport_attach(&s->f, in, out, e) == 0) {
		s->on_ttin = signal(SIGTTIN, SIG_IGN);
		return 0;
	}
	if (s->raw)
		tcsetattr(in, TCSANOW, &s->before);
	give_back(s, 0, in);
	close(in);
	if (out >= 0) {
		give_back(s, 1, out);
		close(out);
	}
	return -1;
}

static void stdio_close(struct port *p)
{
	struct stdio *s = (struct stdio *)p;
	if (!s->f.attached)
		return;
	if (s->raw)
		tcsetattr(s->f.rfd, TCSANOW, &s->before);
	s->raw = false;
	signal(SIGTTIN, s->on_ttin);
	give_back(s, 0, s->f.rfd);
	give_back(s, 1, s->f.wfd);
	fdport_close(p);
}

/* Only a terminal knows. */
static int stdio_out_waiting(struct port *p, size_t *n, struct err *e)
{
	if (isatty(((struct fdport *)p)->wfd))
		return fdport_out_waiting(p, n, e);
	*n = 0;
	return 0;
}

static const char *const own_options[] = { "raw", NULL };

const struct port_ops stdio_ops = {
	.name = "stdio", .size = sizeof(struct stdio), .options = own_options, .open = stdio_open, .close = stdio_close,
	.write = fdport_write, .throttle = fdport_throttle, .pump = fdport_pump, .in_waiting = fdport_in_waiting,
	.out_waiting = stdio_out_waiting,
};
