// SPDX-License-Identifier: MIT
// exec.c: exec:COMMAND runs `/bin/sh -c COMMAND` in a session of its own, on a
// raw pty that is its controlling terminal: no echo, every byte as it is.  When
// the shell ends, the port is closed ("exited with status 3") after the last
// byte that it wrote.  close() sends SIGHUP to the process group; what is still
// there half a second later, or when the port is freed, gets SIGKILL.  The child
// is always reaped.
#include "port/exec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/pty.h"

enum { GRACE_MS = 500, NAME_MOST = 60 };

extern char **environ;

struct exec {
	struct pty y;                        /* first */
	pid_t pid;                           /* 0: none, or reaped */
	int pidfd;
	bool hung;                           /* no more can be read */
	struct event ended;                  /* pidfd, and after close the time of grace */
};

static struct exec *of(struct port *p) { return (struct exec *)p; }

/* ---- the child's end --------------------------------------------------------------------- */

static void reap(struct exec *x, siginfo_t *how)
{
	*how = (siginfo_t){ 0 };
	waitid(P_PIDFD, (id_t)x->pidfd, how, WEXITED);
	event_del(&x->ended);
	close(x->pidfd);
	x->pid = 0;
}

static void end_now(struct exec *x)
{
	siginfo_t how;
	if (!x->pid)
		return;
	kill(-x->pid, SIGKILL);
	reap(x, &how);
}

static void describe(const struct port *p, const siginfo_t *how, struct err *why)
{
	err_set(why, ERR_CLOSED, "%s: ", p->name);
	if (how->si_code != CLD_EXITED)
		err_add(why, "ended by signal %d (%s)", how->si_status, strsignal(how->si_status));
	else {
		err_add(why, "exited with status %d", how->si_status);
		why->ended = how->si_status + 1;
	}
	if (how->si_code == CLD_EXITED && how->si_status == 127)
		err_add(why, " (no such command)");
}

/* For messages: of a long command its beginning. */
static char *short_name(const char *url)
{
	size_t n = strcspn(url, "\n");
	if (n == strlen(url) && n <= NAME_MOST)
		return strdup(url);
	if (n > NAME_MOST)
		n = NAME_MOST;
	char *name = malloc(n + sizeof "...");
	if (name)
		strcpy(mempcpy(name, url, n), "...");
	return name;
}

/* The child has ended: what it wrote comes first. */
static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct exec *x = arg;
	struct port *p = &x->y.f.port;
	siginfo_t how;
	struct err why;
	if (!x->hung)
		fdport_pump(p);
	if (p->throttled)                        /* again when the reader has made room */
		return;
	reap(x, &how);
	describe(p, &how, &why);
	p->eof = !p->cfg.reconnect;              /* a proper end, for lines() */
	port_lost(p, &why);
}

/* EIO: the session's leader is about to end, which hangs up the pty; on_ended follows. */
static void input_ended(struct fdport *f, int sys)
{
	(void)sys;
	((struct exec *)f)->hung = true;
}

static void exec_throttle(struct port *p, bool on)
{
	struct exec *x = of(p);
	if (!x->hung)
		fdport_throttle(p, on);
	if (!on && x->pid)
		event_add(&x->ended, NULL);
}

/* ---- open -------------------------------------------------------------------------------- */

static int spawn_shell(const char *command, const char *tty, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t all, none;
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setsigmask(&how, &none);
	/* The first terminal that a session's leader opens becomes its own. */
	int r = posix_spawn_file_actions_addopen(&files, 0, tty, O_RDWR, 0);
	for (int fd = 1; fd <= 2 && r == 0; fd++)
		r = posix_spawn_file_actions_adddup2(&files, 0, fd);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (r == 0)
		r = posix_spawn(pid, "/bin/sh", &files, &how, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return r;
}

static int watch(struct exec *x, struct err *e)
{
	struct port *p = &x->y.f.port;
	x->pidfd = pidfd_open(x->pid, 0);
	if (x->pidfd < 0) {
		err_sys(e, errno, "watching %s", p->url.rest);
		kill(-x->pid, SIGKILL);
		waitpid(x->pid, NULL, 0);
		x->pid = 0;
		return -1;
	}
	event_assign(&x->ended, p->base, x->pidfd, EV_READ, on_ended, x);
	if (event_add(&x->ended, NULL) == 0)
		return 0;
	end_now(x);
	return err_set(e, ERR_SYSTEM, "watching %s: no memory", p->url.rest);
}

static int exec_open(struct port *p, struct err *e)
{
	struct exec *x = of(p);
	end_now(x);                              /* the one before, when it is run again */
	if (!*p->url.rest)
		return err_set(e, ERR_UNSUPPORTED, "%s: the command is missing: exec:COMMAND", p->url.text);
	if (pty_attach(&x->y, e) < 0)
		return -1;
	x->y.f.ended = input_ended;
	x->hung = false;
	free(p->name);
	p->name = short_name(p->url.text);
	int r = spawn_shell(p->url.rest, x->y.tty, &x->pid);
	if (r == 0 && watch(x, e) == 0)
		return 0;
	if (r) {
		x->pid = 0;
		err_sys(e, r, "running %s", p->url.rest);
	}
	pty_close(p);
	return -1;
}

/* ---- close ------------------------------------------------------------------------------- */

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	end_now(arg);                            /* ended: for its group; or the time is over */
}

static void exec_close(struct port *p)
{
	struct exec *x = of(p);
	pty_close(p);
	if (!x->pid)
		return;
	kill(-x->pid, SIGHUP);
	kill(-x->pid, SIGCONT);
	event_del(&x->ended);
	event_assign(&x->ended, p->base, x->pidfd, EV_READ, on_grace, x);
	event_add(&x->ended, &(struct timeval){ 0, GRACE_MS * 1000 });
}

/* Nobody will run the loop for it any more: waits out the grace here. */
static void exec_free(struct port *p)
{
	struct exec *x = of(p);
	if (x->pid)
		poll(&(struct pollfd){ .fd = x->pidfd, .events = POLLIN }, 1, GRACE_MS);
	end_now(x);
}

const struct port_ops exec_ops = {
	.name = "exec", .size = sizeof(struct exec), .open = exec_open, .close = exec_close, .free = exec_free,
	.write = fdport_write, .throttle = exec_throttle, .pump = fdport_pump, .in_waiting = fdport_in_waiting,
	.out_waiting = pty_out_waiting, .drain = pty_drain, .flush = pty_flush,
};
