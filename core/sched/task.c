// SPDX-License-Identifier: MIT
// task.c: see task.h.
#include "sched/task.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "sched/loop.h"
#include "sched/raise.h"

static const char CLASS[] = "moonrig.Task";

enum { UV_THREAD = 1, UV_TRACEBACK = 2 };

/* ---- the timer: lazily armed ------------------------------------------------------------- */

/* A wait costs no timer call while the timer is set to fire no later than needed: when it fires
 * early it is set again.  So a query loop with a timeout of 5 s touches it once in 5 s. */
static void arm(struct task *t, int64_t when, int64_t now)
{
	int64_t us = when > now ? (when - now + 999) / 1000 : 0;
	struct timeval tv = { us / 1000000, us % 1000000 };
	t->armed = when;
	evtimer_add(&t->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct task *t = arg;
	t->armed = NO_DEADLINE;
	if (t->state != TASK_WAITING || t->deadline == NO_DEADLINE)
		return;
	int64_t now = now_ns();
	if (t->deadline > now + 500000) {
		arm(t, t->deadline, now);
		return;
	}
	if (t->deadline == t->limit)
		t->limit_hit = true, t->limit = NO_DEADLINE;
	task_wake(t, WAKE_TIMEOUT);
}

void task_deadline(struct task *t, int64_t deadline)
{
	t->deadline = deadline < t->limit ? deadline : t->limit;
	if (t->deadline < t->armed)
		arm(t, t->deadline, now_ns());
}

/* ---- parking and waking ------------------------------------------------------------------ */

void task_park(struct task *t, int64_t deadline)
{
	t->state = TASK_WAITING;
	task_deadline(t, deadline);
}

static void leave_place(struct task *t)
{
	if (t->place)
		t->place->task = NULL;
	t->place = NULL;
}

static void leave_line(struct task *t)
{
	struct waitlist *l = t->line;
	if (!l)
		return;
	if (t->before)
		t->before->after = t->after;
	else
		l->first = t->after;
	if (t->after)
		t->after->before = t->before;
	else
		l->last = t->before;
	t->line = NULL;
}

/* The place stays taken until the task has run: what it waits for is noted there, and a task that runs before it
 * would write over that.  A cancelled one does not look at it any more. */
void task_wake(struct task *t, enum wake why)
{
	if (t->state != TASK_WAITING)
		return;
	leave_line(t);
	if (why == WAKE_CANCEL)
		leave_place(t);
	t->wake = why;
	t->state = TASK_READY;
	loop_ready(t->loop, t);
}

void task_cancel(struct task *t, const char *reason)
{
	if (t->cancel_seen || t->state == TASK_DEAD)
		return;
	t->cancel_seen = t->cancelled = true;
	snprintf(t->reason, sizeof t->reason, "%s", reason);
	task_wake(t, WAKE_CANCEL);
}

void task_cancel_hook(lua_State *L, lua_Debug *ar)
{
	struct task *t = loop_of(L)->running;
	if (in_library(L, ar))
		return;
	lua_sethook(L, NULL, 0, 0);
	if (t && t->cancelled) {
		t->cancelled = false;
		raise_text(L, ERR_CANCELLED, t->reason);
	}
}

static void cancel_at_next_line(struct task *t)
{
	if (t->cancelled)
		lua_sethook(t->L, task_cancel_hook, LUA_MASKLINE, 0);
}

void task_cancel_soon(struct task *t, const char *reason)
{
	task_cancel(t, reason);
	cancel_at_next_line(t);
}

/* ---- the body ---------------------------------------------------------------------------- */

bool task_was_cancelled(const struct task *t, lua_State *L, int error)
{
	return t->cancel_seen && is_error(L, error, ERR_CANCELLED);
}

static int handler(lua_State *L)
{
	struct task *t = task_of(L);
	if (task_was_cancelled(t, L, 1) || lua_rawgetp(L, LUA_REGISTRYINDEX, t) != LUA_TUSERDATA) {
		lua_settop(L, 1);
		return 1;
	}
	luaL_traceback(L, L, NULL, 1);
	lua_setiuservalue(L, -2, UV_TRACEBACK);
	lua_settop(L, 1);
	return 1;
}

static int body_ended(lua_State *L, int status, lua_KContext ctx)
{
	struct task *t = (struct task *)ctx;
	t->failed = status != LUA_OK && status != LUA_YIELD;
	return lua_gettop(L) - 1;
}

/* [function, arguments...] on the stack */
static int body(lua_State *L)
{
	struct task *t = task_of(L);
	lua_pushcfunction(L, handler);
	lua_insert(L, 1);
	int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, (lua_KContext)t, body_ended);
	return body_ended(L, status, (lua_KContext)t);
}

static void ended(struct task *t, int results)
{
	lua_State *L = t->loop->L;
	t->state = TASK_DEAD;
	t->arguments = results;
	evtimer_del(&t->timer);
	while (t->joiners.first) {
		t->joined = true;
		waitlist_wake(&t->joiners);
	}
	loop_ended(t->loop, t);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, t);
}

void task_resume(struct task *t)
{
	int results, first = t->arguments;
	leave_place(t);
	t->state = TASK_RUNNING;
	t->streak = 0;
	t->loop->running = t;
	t->arguments = 0;
	int status = lua_resume(t->L, t->loop->L, first, &results);
	t->loop->running = NULL;
	if (status == LUA_YIELD) {
		if (t->state == TASK_RUNNING) {          /* a bare coroutine.yield(): give way once */
			lua_pop(t->L, results);
			t->state = TASK_READY;
			cancel_at_next_line(t);
			loop_ready(t->loop, t);
		}
		return;
	}
	if (status != LUA_OK) {                          /* no memory inside the handler */
		t->failed = true;
		results = 1;
	}
	ended(t, results);
}

/* ---- making, reading ---------------------------------------------------------------------- */

struct task *task_spawn(lua_State *L, struct loop *loop, int n)
{
	struct task *t = lua_newuserdatauv(L, sizeof *t, 2);
	*t = (struct task){ .loop = loop, .state = TASK_DEAD, .joined = true };
	luaL_setmetatable(L, CLASS);
	lua_State *T = lua_newthread(L);
	if (!lua_checkstack(T, n + 4))
		raise_text(L, ERR_SYSTEM, "spawn: too many arguments");
	lua_setiuservalue(L, -2, UV_THREAD);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, t);
	lua_insert(L, -n - 2);                           /* below function and arguments */
	lua_pushcfunction(T, body);
	lua_xmove(L, T, n + 1);
	*(struct task **)lua_getextraspace(T) = t;
	t->L = T;
	t->arguments = n + 1;
	t->armed = t->deadline = t->limit = NO_DEADLINE;
	t->joined = false;
	evtimer_assign(&t->timer, loop->base, on_timer, t);
	t->state = TASK_READY;
	loop_began(loop, t);
	loop_ready(loop, t);
	return t;
}

struct task *task_at(lua_State *L, int index)
{
	return luaL_testudata(L, index, CLASS);
}

int task_results(lua_State *L, struct task *t)
{
	int n = t->arguments;
	if (!t->L || !lua_checkstack(t->L, 1) || !lua_checkstack(L, n + 1))
		return 0;
	int base = lua_gettop(t->L) - n;
	for (int i = 1; i <= n; i++) {
		lua_pushvalue(t->L, base + i);
		lua_xmove(t->L, L, 1);
	}
	return n;
}

/* error, task -> text */
static int describe(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	if (lua_getiuservalue(L, 2, UV_TRACEBACK) == LUA_TSTRING)
		lua_pushfstring(L, "%s\n%s", lua_tostring(L, -2), lua_tostring(L, -1));
	else
		lua_pop(L, 1);
	return 1;
}

char *task_describe(struct task *t)
{
	lua_State *L = t->loop->L;
	lua_pushcfunction(L, describe);
	lua_pushvalue(t->L, -1);
	lua_xmove(t->L, L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, t);
	lua_pcall(L, 2, 1, 0);                           /* __tostring is the script's */
	const char *text = lua_tostring(L, -1);
	char *copy = strdup(text ? text : "an error object that has no text");
	lua_pop(L, 1);
	return copy;
}

static int task_gc(lua_State *L)
{
	struct task *t = lua_touserdata(L, 1);
	if (t->loop && event_initialized(&t->timer))
		evtimer_del(&t->timer);
	if (t->loop)
		loop_collected(t->loop, t);
	return 0;
}

/* The main task may be older than the class. */
void task_push(lua_State *L, struct task *t)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, t);
	luaL_setmetatable(L, CLASS);
}

void task_class(lua_State *L)
{
	luaL_newmetatable(L, CLASS);
	lua_pushcfunction(L, task_gc);
	lua_setfield(L, -2, "__gc");
}
