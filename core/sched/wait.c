// SPDX-License-Identifier: MIT
// wait.c: see wait.h.
#include "sched/wait.h"

#include <lauxlib.h>
#include <math.h>
#include <time.h>

#include "sched/loop.h"
#include "sched/raise.h"
#include "sched/task.h"

enum { ALONE_MOST = 1000, STREAK_MOST = 1000 };

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int64_t deadline_after(double seconds)
{
	if (!(seconds < 9e9))
		return NO_DEADLINE;
	return now_ns() + (int64_t)(seconds * 1e9);
}

void task_check_can_wait(lua_State *L)
{
	struct task *t = task_of(L);
	if (!t)
		raise_text(L, ERR_UNSUPPORTED, "cannot wait inside a coroutine of your own (coroutine.wrap or create): it would "
			"yield to your code, not to the scheduler; call this outside of it, or use rig.spawn");
	if (!lua_isyieldable(L))
		raise_text(L, ERR_UNSUPPORTED, "cannot wait here: Lua cannot pause inside require, table.sort, string.gsub, "
			"tostring, load or a __gc handler; do the waiting before or after it");
	if (t->cancelled) {
		t->cancelled = t->limit_hit = false;
		raise_text(L, ERR_CANCELLED, t->reason);
	}
	if (t->limit_hit) {
		t->limit_hit = false;
		raise_text(L, ERR_TIMEOUT, "the deadline has passed");
	}
}

/* Back from the yield: errors at the wait point come from here. */
static int resumed(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	struct task *t = (struct task *)ctx;
	if (t->loop->running != t)
		raise_text(L, ERR_UNSUPPORTED, "a task that waits was resumed with coroutine.resume; only the program does that");
	if (t->wake == WAKE_CANCEL || t->limit_hit)
		task_check_can_wait(L);
	return t->k(L, (int)t->wake, t->ctx);
}

static int park(lua_State *L, struct task *t, int64_t deadline, lua_KFunction k, lua_KContext ctx)
{
	t->k = k;
	t->ctx = ctx;
	task_park(t, deadline);
	return lua_yieldk(L, 0, (lua_KContext)t, resumed);
}

int task_sleep(lua_State *L, int64_t deadline, lua_KFunction k, lua_KContext ctx)
{
	task_check_can_wait(L);
	return park(L, task_of(L), deadline, k, ctx);
}

int task_wait(lua_State *L, struct waiter *w, int64_t deadline, lua_KFunction k, lua_KContext ctx)
{
	task_check_can_wait(L);
	struct task *t = task_of(L);
	w->task = t;
	t->place = w;
	return park(L, t, deadline, k, ctx);
}

int task_wait_in(lua_State *L, struct waitlist *l, int64_t deadline, lua_KFunction k, lua_KContext ctx)
{
	task_check_can_wait(L);
	struct task *t = task_of(L);
	t->line = l;
	t->before = l->last;
	t->after = NULL;
	if (l->last)
		l->last->after = t;
	else
		l->first = t;
	l->last = t;
	return park(L, t, deadline, k, ctx);
}

bool task_alone(lua_State *L)
{
	struct task *t = task_of(L);
	return t && t->loop->all == t && !t->all_next && !t->loop->ready && ++t->loop->alone % ALONE_MOST;
}

bool task_had_its_turn(lua_State *L)
{
	struct task *t = task_of(L);
	return t && ++t->streak > STREAK_MOST && lua_isyieldable(L);
}

void waiter_wake(struct waiter *w)
{
	if (w->task)
		task_wake(w->task, WAKE_READY);
}

int waitlist_wake(struct waitlist *l)
{
	if (!l->first)
		return 0;
	task_wake(l->first, WAKE_READY);
	return 1;
}
