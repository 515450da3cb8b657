// SPDX-License-Identifier: MIT
// loop.c: see loop.h.  The pipe that a signal handler writes to, and the state
// it interrupts, are the only mutable globals outside main.c: a handler has no
// argument.
#include "sched/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sched/raise.h"
#include "sched/task.h"

static int signal_pipe[2] = { -1, -1 };
static struct loop *volatile interrupted;

static const char KEY;

static void end_grace(evutil_socket_t fd, short what, void *arg);

/* ---- interrupts -------------------------------------------------------------------------- */

/* A script that computes without waiting: raise at its next instruction. */
static void interrupt_hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	struct loop *l = loop_of(L);
	lua_sethook(L, NULL, 0, 0);
	if (l->running && l->running->cancelled) {
		l->running->cancelled = false;
		raise_text(L, ERR_CANCELLED, l->running->reason);
	}
}

static void on_signal(int sig)
{
	int saved = errno;
	char c = (char)sig;
	ssize_t n = write(signal_pipe[1], &c, 1);
	(void)n;
	struct loop *l = interrupted;
	struct task *t = l ? l->running : NULL;
	if (t && t == l->main && !t->cancel_seen) {      /* lua_sethook is safe in a handler (as lua.c does) */
		t->cancel_seen = t->cancelled = true;
		strcpy(t->reason, "interrupted");
		lua_sethook(t->L, interrupt_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
	}
	errno = saved;
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct loop *l = arg;
	l->gave_up = true;
}

static void on_interrupt(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct loop *l = arg;
	char c[16];
	for (ssize_t n; (n = read(fd, c, sizeof c)) > 0;)
		l->interrupts += (int)n;
	if (l->main)
		task_cancel(l->main, "interrupted");
	if (l->interrupts < 2 || evtimer_pending(l->give_up, NULL))
		return;
	fprintf(stderr, "\nmoonrig: cleaning up for at most %g s more (Ctrl-\\ ends at once)\n", l->budget);
	struct timeval t = { (long)l->budget, (long)((l->budget - (double)(long)l->budget) * 1e6) };
	evtimer_add(l->give_up, &t);
}

static int catch_signals(struct loop *l)
{
	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	interrupted = l;
	l->signals = event_new(l->base, signal_pipe[0], EV_READ | EV_PERSIST, on_interrupt, l);
	if (!l->signals || event_add(l->signals, NULL) < 0)
		return -1;
	struct sigaction a = { .sa_handler = on_signal };
	sigemptyset(&a.sa_mask);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* ---- making ------------------------------------------------------------------------------ */

struct loop *loop_new(lua_State *L)
{
	struct loop *l = calloc(1, sizeof *l);
	struct event_config *cfg = event_config_new();
	if (!l || !cfg)
		goto fail;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
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
	free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	interrupted = NULL;
	event_free(l->signals);
	event_free(l->grace);
	event_free(l->give_up);
	event_base_free(l->base);
	for (struct failure *f = l->failures, *next; f; f = next) {
		next = f->next;
		free(f->text);
		free(f);
	}
	free(l->fatal);
	free(l->main_traceback);
	free(l);
	close(signal_pipe[0]);
	close(signal_pipe[1]);
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
	if (!l->fatal)
		l->fatal = strdup(f->text);
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

static char *describe(struct task *t)
{
	lua_State *L = t->L;
	luaL_tolstring(L, -1, NULL);
	task_push_traceback(L, t);
	lua_pushfstring(L, "%s\n%s", lua_tostring(L, -2), lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
	char *text = strdup(lua_tostring(L, -1));
	lua_pop(L, 3);
	return text;
}

static void keep_failure(struct loop *l, struct task *t)
{
	struct failure *f = calloc(1, sizeof *f);
	char *text = describe(t);
	if (!f || !text) {
		free(f);
		l->fatal = text;
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
	if (t == l->main && t->failed) {
		task_push_traceback(t->L, t);
		l->main_traceback = lua_isstring(t->L, -1) ? strdup(lua_tostring(t->L, -1)) : NULL;
		lua_pop(t->L, 1);
	}
	if (t->failed && !t->joined && !is_error(t->L, -1, ERR_CANCELLED))
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
		task_resume(t);
		if (l->failures != before)               /* can anybody still join it? */
			lua_gc(l->L, LUA_GCCOLLECT, 0);
		t = next;
	}
}

static void turn(struct loop *l)
{
	event_base_loop(l->base, EVLOOP_ONCE | (l->ready ? EVLOOP_NONBLOCK : 0));
	run_ready(l);
}

void loop_run(struct loop *l, struct task *main)
{
	l->main = main;
	while (main->state != TASK_DEAD && !l->gave_up) {
		if (l->fatal)
			task_cancel(main, "a task failed");
		turn(l);
	}
	for (struct failure *f = l->failures; f; f = f->next)
		if (f->task)
			make_fatal(l, f);
	for (struct task *t = l->all; t; t = t->all_next)
		task_cancel(t, "the program ends");
	struct timeval t = { (long)l->budget, 0 };
	if (l->all && !evtimer_pending(l->give_up, NULL))
		evtimer_add(l->give_up, &t);
	while (l->all && !l->gave_up)
		turn(l);
	l->main = NULL;
}
