// SPDX-License-Identifier: MIT
// llisten.c: the Listener class: accept() waits for the next client and gives a
// Port.  rig.listen (lua/moonrig/listen.lua) runs a handler for each.
#include <math.h>

#include "bind/bind.h"
#include "serve/listen.h"
#include "sched/loop.h"
#include "sched/wait.h"

struct llistener {
	struct listener *listener;           /* NULL: closed */
	struct waiter waiter;
	int64_t deadline;
};

static void on_ready(void *arg)
{
	waiter_wake(&((struct llistener *)arg)->waiter);
}

static int accept_step(lua_State *L, int status, lua_KContext ctx)
{
	struct llistener *ll = (struct llistener *)ctx;
	struct port *p;
	struct err e = { 0 };
	if (!ll->listener)
		raise_text(L, ERR_CLOSED, "accept: the listener is closed");
	int r = listen_accept(ll->listener, &p, &e);
	if (r == 1) {
		lport_push(L, p);
		return 1;
	}
	if (r < 0 || (r == 0 && listen_watch(ll->listener, &e) < 0))
		raise_err(L, &e);
	if (status == WAKE_TIMEOUT)
		raise_text(L, ERR_TIMEOUT, "accept: nobody connected in time");
	return task_wait(L, &ll->waiter, ll->deadline, accept_step, ctx);
}

/* lua: port = listener:accept([timeout]) */
static int llisten_accept(lua_State *L)
{
	struct llistener *ll = bind_self(L, 1, "a listener");
	ll->deadline = deadline_after(bind_seconds(L, 2, INFINITY));
	if (ll->waiter.task)
		raise_text(L, ERR_BUSY, "accept: another task accepts here");
	return accept_step(L, WAKE_READY, (lua_KContext)ll);
}

/* lua: listener:close()   idempotent */
static int llisten_close(lua_State *L)
{
	struct llistener *ll = bind_self(L, 1, "a listener");
	listen_free(ll->listener);
	ll->listener = NULL;
	waiter_wake(&ll->waiter);
	return 0;
}

/* lua: url = listener:url()   with the real port number */
static int llisten_url(lua_State *L)
{
	struct llistener *ll = bind_self(L, 1, "a listener");
	if (!ll->listener)
		raise_text(L, ERR_CLOSED, "url: the listener is closed");
	lua_pushstring(L, listen_url(ll->listener));
	return 1;
}

/* lua: listener = core.listen(url[, options]) */
static int llisten_open(lua_State *L)
{
	struct url u;
	struct err e;
	if (lua_type(L, 1) != LUA_TSTRING)
		raise_argument(L, 1, "a URL");
	if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2))
		raise_argument(L, 2, "a table of options");
	lua_settop(L, 2);
	struct llistener *ll = lua_newuserdatauv(L, sizeof *ll, 0);
	*ll = (struct llistener){ 0 };
	luaL_setmetatable(L, "moonrig.Listener");
	if (url_parse(&u, lua_tostring(L, 1), &e) < 0)
		raise_err(L, &e);
	bind_options(L, 2, &u);
	int r = listen_open(loop_of(L)->base, &u, on_ready, ll, &ll->listener, &e);
	url_clear(&u);
	if (r < 0)
		raise_err(L, &e);
	return 1;
}

void open_listen(lua_State *L)
{
	static const luaL_Reg methods[] = { { "accept", llisten_accept }, { "close", llisten_close }, { "url", llisten_url },
		{ NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", llisten_close }, { "__close", llisten_close }, { NULL, NULL } };
	bind_class(L, "moonrig.Listener", methods, meta);
	lua_pop(L, 1);
	lua_pushcfunction(L, llisten_open);
	lua_setfield(L, -2, "listen");
}
