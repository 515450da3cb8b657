// SPDX-License-Identifier: MIT
// lqueue.c: rig.queue(): values from tasks to tasks, first in, first out.  Also
// what locks are made of.  The values are in the userdata's user value.
#include <math.h>
#include <stdbool.h>

#include "bind/bind.h"
#include "sched/wait.h"

struct queue {
	lua_Integer first, last;             /* indices in the table; empty: first > last */
	lua_Integer limit;                   /* push waits above; 0 none */
	lua_Integer promised;                /* values that belong to takers who were woken and have not run yet */
	lua_Integer reserved;                /* places that belong to givers likewise */
	struct waitlist takers, givers;
};

static int push_values(lua_State *L)
{
	return lua_getiuservalue(L, 1, 1);
}

static int count(const struct queue *q)
{
	return (int)(q->last - q->first + 1);
}

static bool has_place(const struct queue *q)
{
	return !q->limit || count(q) + q->reserved < q->limit;
}

/* A woken task takes its turn even if it is cancelled meanwhile. */
static void wake_next(struct queue *q)
{
	if (count(q) > q->promised && waitlist_wake(&q->takers))
		q->promised++;
	if (has_place(q) && waitlist_wake(&q->givers))
		q->reserved++;
}

static int push_now(lua_State *L, struct queue *q)
{
	push_values(L);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, q->last + 1);
	q->last++;
	wake_next(q);
	lua_settop(L, 1);
	return 1;
}

static int timed_out(lua_State *L, const char *text)
{
	raise_text(L, ERR_TIMEOUT, text);
}

static int pushed(lua_State *L, int status, lua_KContext ctx)
{
	struct queue *q = (struct queue *)ctx;
	if (status == WAKE_TIMEOUT)
		return timed_out(L, "push: the queue stayed full");
	q->reserved--;
	return push_now(L, q);
}

/* lua: queue = queue:push(value[, timeout]) */
static int lqueue_push(lua_State *L)
{
	struct queue *q = bind_self(L, 1, "a queue");
	double timeout = bind_seconds(L, 3, INFINITY);
	if (lua_isnoneornil(L, 2))
		raise_argument(L, 2, "a value (not nil)");
	if (has_place(q))
		return push_now(L, q);
	lua_settop(L, 2);
	return task_wait_in(L, &q->givers, deadline_after(timeout), pushed, (lua_KContext)q);
}

static int pop_now(lua_State *L, struct queue *q)
{
	push_values(L);
	lua_rawgeti(L, -1, q->first);
	lua_pushnil(L);
	lua_rawseti(L, -3, q->first++);
	if (count(q) == 0)
		q->first = 1, q->last = 0;
	wake_next(q);
	return 1;
}

static int popped(lua_State *L, int status, lua_KContext ctx)
{
	struct queue *q = (struct queue *)ctx;
	if (status == WAKE_TIMEOUT)
		return timed_out(L, "pop: the queue stayed empty");
	q->promised--;
	return pop_now(L, q);
}

/* lua: value = queue:pop([timeout]) */
static int lqueue_pop(lua_State *L)
{
	struct queue *q = bind_self(L, 1, "a queue");
	double timeout = bind_seconds(L, 2, INFINITY);
	if (count(q) > q->promised)              /* nobody overtakes those who waited */
		return pop_now(L, q);
	lua_settop(L, 1);
	return task_wait_in(L, &q->takers, deadline_after(timeout), popped, (lua_KContext)q);
}

static int lqueue_len(lua_State *L)
{
	lua_pushinteger(L, count(bind_self(L, 1, "a queue")));
	return 1;
}

/* lua: queue = core.queue([limit])   push waits while `limit` values are in it */
static int lqueue_new(lua_State *L)
{
	lua_Integer limit = lua_isnoneornil(L, 1) ? 0 : bind_integer(L, 1, 1, 1 << 30, "a limit of 1 or more");
	struct queue *q = lua_newuserdatauv(L, sizeof *q, 1);
	*q = (struct queue){ .first = 1, .limit = limit };
	luaL_setmetatable(L, "moonrig.Queue");
	lua_newtable(L);
	lua_setiuservalue(L, -2, 1);
	return 1;
}

void open_queue(lua_State *L)
{
	static const luaL_Reg methods[] = { { "push", lqueue_push }, { "pop", lqueue_pop }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__len", lqueue_len }, { NULL, NULL } };
	bind_class(L, "moonrig.Queue", methods, meta);
	lua_pop(L, 1);
	lua_pushcfunction(L, lqueue_new);
	lua_setfield(L, -2, "queue");
}
