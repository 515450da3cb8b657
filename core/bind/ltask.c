// SPDX-License-Identifier: MIT
// ltask.c: tasks for Lua: spawn, join, cancel, sleep, now, deadline.  Groups and
// locks are made of these in lua/moonrig/task.lua.
#include <math.h>

#include "bind/bind.h"
#include "sched/loop.h"
#include "sched/task.h"

/* lua: task = core.spawn(fn, ...) */
static int ltask_spawn(lua_State *L)
{
	if (!lua_isfunction(L, 1))
		raise_argument(L, 1, "a function");
	task_spawn(L, loop_of(L), lua_gettop(L) - 1);
	return 1;
}

static int slept(lua_State *L, int status, lua_KContext ctx)
{
	(void)L, (void)status, (void)ctx;
	return 0;
}

/* lua: core.sleep(seconds) */
static int ltask_sleep(lua_State *L)
{
	if (lua_isnoneornil(L, 1))
		raise_argument(L, 1, "seconds");
	return task_sleep(L, deadline_after(bind_seconds(L, 1, 0)), slept, 0);
}

/* lua: seconds = core.now()   monotonic */
static int ltask_now(lua_State *L)
{
	lua_pushnumber(L, (double)now_ns() / 1e9);
	return 1;
}

/* lua: seconds = core.time()   UTC since 1970, with microseconds */
static int ltask_time(lua_State *L)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	lua_pushnumber(L, (double)t.tv_sec + (double)(t.tv_nsec / 1000) / 1e6);
	return 1;
}

/* ---- deadline ---------------------------------------------------------------------------- */

/* stack: the limit to go back to (nil: it was not changed), results or error */
static int deadline_ended(lua_State *L, int status, lua_KContext ctx)
{
	(void)ctx;
	struct task *t = task_of(L);
	if (!lua_isnil(L, 1))
		t->limit = lua_tointeger(L, 1);
	t->limit_hit = false;
	if (status != LUA_OK && status != LUA_YIELD)
		return lua_error(L);
	return lua_gettop(L) - 1;
}

/* lua: ... = core.deadline(seconds, fn, ...) */
static int ltask_deadline(lua_State *L)
{
	double seconds = bind_seconds(L, 1, INFINITY);
	if (!lua_isfunction(L, 2))
		raise_argument(L, 2, "a function");
	task_check_can_wait(L);
	struct task *t = task_of(L);
	int64_t limit = deadline_after(seconds);
	bool earlier = limit < t->limit;
	if (earlier)
		lua_pushinteger(L, t->limit);
	else
		lua_pushnil(L);
	lua_replace(L, 1);
	if (earlier)
		t->limit = limit;
	int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, deadline_ended);
	return deadline_ended(L, status, 0);
}

/* ---- methods ----------------------------------------------------------------------------- */

static struct task *self(lua_State *L)
{
	struct task *t = task_at(L, 1);
	if (!t)
		raise_argument(L, 1, "a task");
	return t;
}

static int take_result(lua_State *L, struct task *t)
{
	t->joined = true;
	loop_forgive(t->loop, t);
	int n = task_results(L, t);
	if (!t->failed)
		return n;
	if (is_error(L, -1, ERR_CANCELLED))
		task_check_can_wait(L);          /* both were cancelled: raise our own, or it would hit our teardown */
	return lua_error(L);
}

static int joined(lua_State *L, int status, lua_KContext ctx)
{
	struct task *t = (struct task *)ctx;
	if (t->state == TASK_DEAD)
		return take_result(L, t);
	(void)status;
	raise_text(L, ERR_TIMEOUT, "join: the task has not ended within the timeout");
}

/* lua: ... = task:join([timeout])   its results, or its error raised here */
static int ltask_join(lua_State *L)
{
	struct task *t = self(L);
	double timeout = bind_seconds(L, 2, INFINITY);
	if (t->state == TASK_DEAD)
		return take_result(L, t);
	if (t == task_of(L))
		raise_text(L, ERR_UNSUPPORTED, "join: a task cannot wait for its own end");
	return task_wait_in(L, &t->joiners, deadline_after(timeout), joined, (lua_KContext)t);
}

/* lua: task = task:cancel([reason]) */
static int ltask_cancel(lua_State *L)
{
	struct task *t = self(L);
	if (!lua_isnoneornil(L, 2) && !lua_isstring(L, 2))
		raise_argument(L, 2, "a reason (a string)");
	task_cancel(t, lua_isnoneornil(L, 2) ? "the task was cancelled" : lua_tostring(L, 2));
	lua_settop(L, 1);
	return 1;
}

/* lua: "running" | "waiting" | "ready" | "failed" | "done" = task:status() */
static int ltask_status(lua_State *L)
{
	static const char *const names[] = { "ready", "running", "waiting", "done" };
	struct task *t = self(L);
	lua_pushstring(L, t->failed ? "failed" : names[t->state]);
	return 1;
}

static int ltask_tostring(lua_State *L)
{
	lua_pushfstring(L, "task: %p", lua_touserdata(L, 1));
	return 1;
}

/* lua: reason = core.cancelled()   why the running task was cancelled, or nil; also when the script caught that error */
static int ltask_cancelled(lua_State *L)
{
	struct task *t = task_of(L);
	if (!t || !t->cancel_seen)
		return 0;
	lua_pushstring(L, t->reason);
	return 1;
}

/* lua: task = core.current()   the running one; nil in a coroutine of the user's own */
static int ltask_current(lua_State *L)
{
	struct task *t = task_of(L);
	if (!t)
		return 0;
	task_push(L, t);
	return 1;
}

/* lua: core.steady()   from here on Ctrl-C does not interrupt the running task, which tears down; cancel() does */
static int ltask_steady(lua_State *L)
{
	struct task *t = task_of(L);
	if (t)
		t->steady = true;
	return 0;
}

/* lua: core.teardown_budget(seconds)   after a second Ctrl-C */
static int ltask_teardown_budget(lua_State *L)
{
	loop_of(L)->budget = bind_seconds(L, 1, TEARDOWN_BUDGET);
	return 0;
}

void open_task(lua_State *L)
{
	static const luaL_Reg functions[] = { { "spawn", ltask_spawn }, { "sleep", ltask_sleep }, { "now", ltask_now },
		{ "time", ltask_time }, { "deadline", ltask_deadline },
		{ "cancelled", ltask_cancelled }, { "current", ltask_current },
		{ "steady", ltask_steady }, { "teardown_budget", ltask_teardown_budget }, { NULL, NULL } };
	static const luaL_Reg methods[] = { { "join", ltask_join }, { "cancel", ltask_cancel }, { "status", ltask_status },
		{ NULL, NULL } };
	luaL_setfuncs(L, functions, 0);
	task_class(L);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, ltask_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pop(L, 1);
}
