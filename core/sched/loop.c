// SPDX-License-Identifier: MIT
// loop.c: see loop.h.  The pipe that a signal handler writes to, and the state
// it interrupts, are the only mutable globals outside main.c: a handler has no
// argument.
#include "sched/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "sched/raise.h"
#include "sched/task.h"

static int signal_pipe[2] = { -1, -1 };
static struct loop *volatile interrupted;

/* Seconds of cleaning up after which the user is told what the program still does. */
enum { LONG_END = 2 };

/* Signals so close together are one press: timeout(1) sends two. */
#define ONE_PRESS 50000000ll

static const char KEY;

static void end_grace(evutil_socket_t fd, short what, void *arg);

/* ---- interrupts -------------------------------------------------------------------------- */

/* The reason that a run's record shows. */
static const char *reason_of(const struct loop *l)
{
	switch (l->signal) {
	case SIGTERM:
		return "interrupted by SIGTERM";
	case SIGHUP:
		return "interrupted by SIGHUP";
	case SIGPIPE:
		return "interrupted: nobody reads standard output";
	default:
		return "interrupted";
	}
}

/* A script that computes without waiting: the error comes at its next line, if it is still in the slice in
 * which the signal came.  Otherwise the loop has seen the signal meanwhile. */
static void interrupt_hook(lua_State *L, lua_Debug *ar)
{
	struct loop *l = loop_of(L);
	struct task *t = l->running;
	if (!t || t->steady || l->slice != l->interrupted_slice) {
		lua_sethook(L, NULL, 0, 0);
		return;
	}
	task_cancel(t, reason_of(l));
	task_cancel_hook(L, ar);
}

static void interrupt_running(struct loop *l)
{
	l->interrupted_slice = l->slice;
	lua_sethook(l->running->L, interrupt_hook, LUA_MASKLINE, 0);
}

static void start_ticking(void)
{
	struct itimerval t = { { 0, BUSY_TICK_US }, { 0, BUSY_TICK_US } };
	setitimer(ITIMER_REAL, &t, NULL);
}

/* Safe in a handler: write, poll, setitimer, clock_gettime, and lua_sethook (lua.c does the same). */
static void on_signal(int sig)
{
	int saved = errno;
	char c = (char)sig;
	struct loop *l = interrupted;
	if (l && (!l->interrupts || now_ns() > l->interrupted_at + ONE_PRESS)) {
		l->interrupted_at = now_ns();
		l->signal = sig;
		if (++l->interrupts == 1)
			start_ticking();
		else if (l->interrupts == 2)
			l->last_resort = l->interrupted_at + (int64_t)((l->budget + 2) * 1e9);
		if (l->running && l->running == l->main)
			interrupt_running(l);
		ssize_t n = write(signal_pipe[1], &c, 1);
		(void)n;
	}
	errno = saved;
}

/* After Ctrl-C, again and again.  A task that computes from one tick to the next holds up the others' teardown:
 * it is interrupted too.  The last resort is for a script that never waits, and hides its errors from itself. */
static void on_tick(int sig)
{
	(void)sig;
	int saved = errno;
	struct loop *l = interrupted;
	if (l && l->last_resort && now_ns() > l->last_resort) {
		static const char text[] = "moonrig: the script does not end; ending without it\n";
		ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
		(void)n;
		_exit(EXIT_ABORTED);
	}
	if (l && l->running && l->slice == l->ticked_slice)
		interrupt_running(l);
	if (l)
		l->ticked_slice = l->slice;
	errno = saved;
}

/* A write to who has gone: an error of that write.  But when nobody reads standard output any more
 * (moonrig ... | head), the program ends, as after Ctrl-C: print does not look at errors. */
static void on_broken_pipe(int sig)
{
	struct loop *l = interrupted;
	struct pollfd out = { .fd = STDOUT_FILENO };
	if (l && !l->interrupts && poll(&out, 1, 0) > 0 && (out.revents & POLLERR))
		on_signal(sig);
}

/* A file that may not get larger (ulimit -f) is an error of the write, as a full disk is. */
static void on_file_limit(int sig)
{
	(void)sig;
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct loop *l = arg;
	l->gave_up = true;
}

static void start_timer(struct event *timer, double seconds)
{
	struct timeval t = { (long)seconds, (long)((seconds - (double)(long)seconds) * 1e6) };
	evtimer_add(timer, &t);
}

/* Handlers, not SIG_IGN: a program that a script starts gets the defaults back.  A SIGHUP that is ignored
 * (nohup) stays so. */
static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction a = { .sa_handler = handler, .sa_flags = flags };
	sigemptyset(&a.sa_mask);
	sigaction(sig, &a, NULL);
}

/* A hangup that is caught is told apart by what is in the pipe. */
static void on_hangup(int sig)
{
	int saved = errno;
	char c = (char)sig;
	struct loop *l = interrupted;
	if (l && l->catches_hangup) {
		ssize_t n = write(signal_pipe[1], &c, 1);
		(void)n;
	} else
		on_signal(sig);
	errno = saved;
}

void loop_catch_hangup(struct loop *l)
{
	l->catches_hangup = true;
	handle(SIGHUP, on_hangup, SA_RESTART);
}

bool loop_take_hangup(struct loop *l)
{
	bool any = l->hangups > 0;
	l->hangups = 0;
	return any;
}

static void on_interrupt(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct loop *l = arg;
	char c[16];
	ssize_t n;
	bool interrupt = false;
	while ((n = read(fd, c, sizeof c)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			bool hangup = l->catches_hangup && c[i] == SIGHUP;
			l->hangups += hangup;
			interrupt = interrupt || !hangup;
		}
	if (l->hangups)
		waiter_wake(&l->hangup);
	if (!interrupt)
		return;
	if (l->main && l->main->state == TASK_READY)
		task_cancel_soon(l->main, reason_of(l));
	else if (l->main)
		task_cancel(l->main, reason_of(l));
	if (l->interrupts < 2 || evtimer_pending(l->give_up, NULL))
		return;
	fprintf(stderr, "\nmoonrig: cleaning up for at most %g s more (Ctrl-\\ ends at once)\n", l->budget);
	start_timer(l->give_up, l->budget);
}

static int catch_signals(struct loop *l)
{
	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	interrupted = l;
	l->signals = event_new(l->base, signal_pipe[0], EV_READ | EV_PERSIST, on_interrupt, l);
	if (!l->signals || event_add(l->signals, NULL) < 0)
		return -1;
	handle(SIGINT, on_signal, 0);
	handle(SIGTERM, on_signal, 0);
	struct sigaction hup;
	if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
		handle(SIGHUP, on_signal, 0);
	handle(SIGALRM, on_tick, SA_RESTART);
	handle(SIGPIPE, on_broken_pipe, SA_RESTART);
	handle(SIGXFSZ, on_file_limit, SA_RESTART);
	return 0;
}

/* ---- making ------------------------------------------------------------------------------ */

const char *loop_library(void)
{
	return event_get_version();
}

struct loop *loop_new(lua_State *L)
{
	struct loop *l = calloc(1, sizeof *l);
	struct event_config *cfg = event_config_new();
	if (!l || !cfg)
		goto fail;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);   /* else each timer is up to 4 ms late */
	l->L = L;
	l->budget = TEARDOWN_BUDGET;
	l->base = event_base_new_with_config(cfg);
	if (!l->base)
		goto fail;
	l->grace = evtimer_new(l->base, end_grace, l);
	l->give_up = evtimer_new(l->base, on_give_up, l);
	if (!l->grace || !l->give_up || catch_signals(l) < 0)
		goto fail;
	event_config_free(cfg);
	lua_pushlightuserdata(L, l);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &KEY);
	*(struct task **)lua_getextraspace(L) = NULL;
	return l;
fail:
	if (cfg)
		event_config_free(cfg);
	loop_free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	interrupted = NULL;
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	struct event *events[] = { l->signals, l->grace, l->give_up };
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (events[i])
			event_free(events[i]);
	if (l->base)
		event_base_free(l->base);
	for (struct failure *f = l->failures, *next; f; f = next) {
		next = f->next;
		free(f->text);
		free(f);
	}
	free(l->main_error);
	free(l);
	for (int i = 0; i < 2; i++) {
		if (signal_pipe[i] >= 0)
			close(signal_pipe[i]);
		signal_pipe[i] = -1;
	}
}

struct loop *loop_of(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &KEY);
	struct loop *l = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return l;
}

/* ---- ready and living tasks -------------------------------------------------------------- */

void loop_ready(struct loop *l, struct task *t)
{
	t->next = NULL;
	if (l->ready)
		l->ready_last->next = t;
	else
		l->ready = t;
	l->ready_last = t;
}

void loop_began(struct loop *l, struct task *t)
{
	t->all_prev = NULL;
	t->all_next = l->all;
	if (l->all)
		l->all->all_prev = t;
	l->all = t;
}

/* ---- errors that nobody took ------------------------------------------------------------- */

static void make_fatal(struct loop *l, struct failure *f)
{
	f->task = NULL;
	l->fatal = true;
	fprintf(stderr, "moonrig: a task failed and nobody joined it: %s\n", f->text);
}

bool loop_settle(struct loop *l)
{
	for (struct failure *f = l->failures; f; f = f->next)
		if (f->task)
			make_fatal(l, f);
	return l->fatal;
}

static void end_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct loop *l = arg;
	int64_t now = now_ns(), next = NO_DEADLINE;
	for (struct failure *f = l->failures; f; f = f->next) {
		if (f->task && f->until <= now)
			make_fatal(l, f);
		else if (f->task && f->until < next)
			next = f->until;
	}
	if (next != NO_DEADLINE) {
		int64_t us = (next - now) / 1000 + 1000;
		struct timeval t = { us / 1000000, us % 1000000 };
		evtimer_add(l->grace, &t);
	}
}

static void keep_failure(struct loop *l, struct task *t)
{
	struct failure *f = calloc(1, sizeof *f);
	char *text = task_describe(t);
	if (!f || !text) {
		free(f);
		free(text);
		fputs("moonrig: a task failed, and there is no memory to say how\n", stderr);
		l->fatal = true;
		return;
	}
	*f = (struct failure){ l->failures, t, text, deadline_after(JOIN_GRACE) };
	l->failures = f;
	end_grace(-1, 0, l);
}

void loop_ended(struct loop *l, struct task *t)
{
	if (t->all_prev)
		t->all_prev->all_next = t->all_next;
	else
		l->all = t->all_next;
	if (t->all_next)
		t->all_next->all_prev = t->all_prev;
	if (!t->failed || task_was_cancelled(t, t->L, -1))
		return;
	if (t == l->main)
		l->main_error = task_describe(t);
	else if (!t->joined)
		keep_failure(l, t);
}

void loop_collected(struct loop *l, struct task *t)
{
	for (struct failure *f = l->failures; f; f = f->next)
		if (f->task == t)
			make_fatal(l, f);
}

void loop_forgive(struct loop *l, struct task *t)
{
	for (struct failure **p = &l->failures; *p; p = &(*p)->next)
		if ((*p)->task == t) {
			struct failure *f = *p;
			*p = f->next;
			free(f->text);
			free(f);
			return;
		}
}

/* ---- running ----------------------------------------------------------------------------- */

/* A batch: tasks made ready meanwhile wait for the next one, after a look at the descriptors. */
static void run_ready(struct loop *l)
{
	struct task *t = l->ready;
	l->ready = NULL;
	while (t) {
		struct task *next = t->next;
		struct failure *before = l->failures;
		l->slice++;
		task_resume(t);
		if (l->failures != before)               /* can anybody still join it? */
			lua_gc(l->L, LUA_GCCOLLECT, 0);
		t = next;
	}
}

void loop_unwatched(struct loop *l, struct unwatched *u)
{
	u->next = l->unwatched;
	u->at = &l->unwatched;
	if (u->next)
		u->next->at = &u->next;
	l->unwatched = u;
}

void unwatched_cancel(struct unwatched *u)
{
	if (!u->at)
		return;
	*u->at = u->next;
	if (u->next)
		u->next->at = u->at;
	u->at = NULL;
}

static void watch_all(struct loop *l)
{
	while (l->unwatched) {
		struct unwatched *u = l->unwatched;
		unwatched_cancel(u);
		u->watch(u->arg);
	}
}

/* The only task waits for the only descriptor, and in the base there are only the signals and perhaps
 * the task's timer: the descriptor, else -1. */
static int only_descriptor(struct loop *l)
{
	struct task *t = l->all;
	struct unwatched *u = l->unwatched;
	if (!u || u->next || l->ready || !t || t->all_next || !t->place || t->place->source != u)
		return -1;
	int events = event_base_get_num_events(l->base, EVENT_BASE_COUNT_ADDED) - (t->armed != NO_DEADLINE);
	return events == 1 ? u->fd(u->arg) : -1;
}

/* For poll: -1 for ever, 0 when it has passed. */
static int milliseconds_until(int64_t when)
{
	int64_t left = (when - now_ns()) / 1000000 + 1;
	return when == NO_DEADLINE ? -1 : left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* Waits for it with poll(), which costs less than a descriptor in epoll.  False: there is more to do. */
static bool wait_directly(struct loop *l)
{
	struct pollfd fds[2] = { { .fd = only_descriptor(l), .events = POLLIN }, { signal_pipe[0], POLLIN, 0 } };
	if (fds[0].fd < 0)
		return false;
	int n = poll(fds, 2, milliseconds_until(l->all->armed));
	if (n > 0 && fds[0].revents)
		l->unwatched->readable(l->unwatched->arg);
	if (n <= 0 || fds[1].revents)                    /* a signal, or the timer */
		event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	return true;
}

static void turn(struct loop *l)
{
	if (wait_directly(l)) {
		run_ready(l);
		return;
	}
	watch_all(l);
	event_base_loop(l->base, EVLOOP_ONCE | (l->ready ? EVLOOP_NONBLOCK : 0));
	run_ready(l);
}

/* Somebody waits for a program that seems to have ended. */
static void on_long_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct loop *l = arg;
	int n = 0;
	for (struct task *t = l->all; t; t = t->all_next)
		n++;
	fprintf(stderr, "moonrig: the script has ended; %d task%s still clean%s up, for at most %g s (Ctrl-\\ ends at once)\n", n,
		n == 1 ? "" : "s", n == 1 ? "s" : "", l->budget);
}

void loop_run(struct loop *l, struct task *main)
{
	l->main = main;
	while (main->state != TASK_DEAD && !l->gave_up) {
		if (l->fatal)
			task_cancel(main, "a task failed");
		turn(l);
	}
	for (struct task *t = l->all; t; t = t->all_next)
		task_cancel(t, "the program ends");
	if (l->all && !evtimer_pending(l->give_up, NULL)) {
		start_timer(l->give_up, l->budget);
		event_base_once(l->base, -1, EV_TIMEOUT, on_long_end, l, &(struct timeval){ LONG_END, 0 });
	}
	while (l->all && !l->gave_up)
		turn(l);
	loop_settle(l);
	l->main = NULL;
}
