// SPDX-License-Identifier: MIT
// lport_write.c: write, write_line, query.  Bytes go straight to the transport;
// what it does not take now is offered again when it says so, and the task waits
// meanwhile: nothing is queued here.
#include <string.h>

#include "bind/lport.h"

enum { ARG_BYTES = 2 };                      /* where the bytes to write stand */
enum { SHORT_LINE = 256 };

/* Raises a timeout that says how many bytes went (field `written`). */
static int too_slow(lua_State *L, struct lport *lp, size_t size)
{
	struct err e;
	struct port *p = lp->port;
	const char *why = p->ops->awaits ? p->ops->awaits(p) : NULL;
	if (!why)
		why = "the other end does not take more";
	bool lost = p->state == PORT_LOST;
	err_set(&e, ERR_TIMEOUT, "%s: wrote %zu of %zu bytes in time%s%s", p->name, lp->written, size, lost ? "" : "; ",
		lost ? "" : why);
	lport_add_lost(lp, &e);
	push_error(L, &e);
	lua_pushliteral(L, "write");
	lua_setfield(L, -2, "op");
	lua_pushstring(L, lp->port->url.text);
	lua_setfield(L, -2, "url");
	lua_pushliteral(L, "");
	lua_setfield(L, -2, "received");
	lua_pushinteger(L, (lua_Integer)lp->written);
	lua_setfield(L, -2, "written");
	if (!lua_toboolean(L, lua_upvalueindex(2)))
		return lua_error(L);
	lua_pushnil(L);
	lua_insert(L, -2);
	return 2;
}

static int gave_way(lua_State *L, int status, lua_KContext ctx)
{
	(void)L, (void)status, (void)ctx;
	return 1;
}

/* ctx: the lport, with bit 0 set for a query */
static int write_step(lua_State *L, int status, lua_KContext ctx)
{
	struct lport *lp = (struct lport *)(ctx & ~(lua_KContext)1);
	struct err e;
	size_t size;
	const char *data = lua_tolstring(L, ARG_BYTES, &size);
	while (lp->written < size) {
		if (!lp->port) {
			err_set(&e, ERR_CLOSED, "write: the port is closed");
			return lport_fail(L, lp, "write", &e);
		}
		ssize_t n = port_write(lp->port, data + lp->written, size - lp->written, &e);
		if (n < 0)
			return lport_fail(L, lp, "write", &e);
		lp->written += (size_t)n;
		if (n > 0)
			continue;
		if (status == WAKE_TIMEOUT)
			return too_slow(L, lp, size);
		return task_wait(L, &lp->writer, lp->deadline, write_step, ctx);
	}
	if (ctx & 1)
		return lport_read_reply(L, lp, 3);
	lua_settop(L, 1);
	return task_had_its_turn(L) ? task_sleep(L, now_ns(), gave_way, ctx) : 1;
}

static int start(lua_State *L, struct lport *lp, double timeout, size_t went, int query)
{
	struct err e;
	if (lport_free_for(lp, &lp->writer, "write", &e) < 0)
		return lport_fail(L, lp, "write", &e);
	lp->written = went;
	lp->deadline = timeout < 1e9 ? deadline_after(timeout) : NO_DEADLINE;
	return write_step(L, WAKE_READY, (lua_KContext)lp | query);
}

/* A short line goes out without making a Lua string of text and eol first: how many bytes were taken. */
static size_t write_short(struct lport *lp, const char *text, size_t n)
{
	struct port *p = lp->port;
	char line[SHORT_LINE];
	struct err ignored;                  /* what failed here fails again in write_step */
	if (n + p->cfg.eol_size > sizeof line)
		return 0;
	memcpy(line, text, n);
	memcpy(line + n, p->cfg.eol, p->cfg.eol_size);
	ssize_t w = port_write(p, line, n + p->cfg.eol_size, &ignored);
	return w > 0 ? (size_t)w : 0;
}

/* Makes one string at ARG_BYTES of the arguments from 2 on; takes a last number as the timeout. */
static double gather(lua_State *L, struct lport *lp, bool eol)
{
	int top = lua_gettop(L);
	double timeout = lp->port ? lp->port->cfg.write_timeout : 0;
	if (top > 2 && lua_type(L, top) == LUA_TNUMBER) {
		timeout = bind_seconds(L, top, 0);
		lua_settop(L, --top);
	}
	for (int i = 2; i <= top || i == 2; i++)
		if (lua_type(L, i) != LUA_TSTRING)
			raise_argument(L, i, i > 2 ? "a string, or a timeout at the end" : "a string");
	if (eol && lp->port) {
		lua_pushlstring(L, lp->port->cfg.eol, lp->port->cfg.eol_size);
		top++;
	}
	lua_concat(L, top - 1);
	return timeout;
}

/* lua: port = port:write(bytes, ...[, timeout]) */
static int lport_write(lua_State *L)
{
	struct lport *lp = lport_self(L);
	return start(L, lp, gather(L, lp, false), 0, 0);
}

/* lua: port = port:write_line(text, ...[, timeout])   with the port's eol */
static int lport_write_line(lua_State *L)
{
	struct lport *lp = lport_self(L);
	return start(L, lp, gather(L, lp, true), 0, 0);
}

/* lua: line = port:query(text[, timeout])   write_line and read_line */
static int lport_query(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_self(L);
	if (lua_type(L, 2) != LUA_TSTRING)
		raise_argument(L, 2, "a string");
	double timeout = lport_timeout(L, lp, 3);
	if (lport_free_for(lp, &lp->reader, "query", &e) < 0)
		return lport_fail(L, lp, "query", &e);
	task_check_can_wait(L);
	lua_settop(L, 3);
	size_t n;
	const char *text = lua_tolstring(L, 2, &n);
	if (lport_free_for(lp, &lp->writer, "query", &e) < 0)
		return lport_fail(L, lp, "query", &e);
	size_t went = write_short(lp, text, n);
	if (went == n + lp->port->cfg.eol_size)
		return lport_read_reply(L, lp, 3);
	lua_pushvalue(L, 2);
	lua_pushlstring(L, lp->port->cfg.eol, lp->port->cfg.eol_size);
	lua_concat(L, 2);
	lua_replace(L, ARG_BYTES);
	return start(L, lp, timeout, went, 1);
}

const luaL_Reg lport_write_methods[] = {
	{ "write", lport_write }, { "write_line", lport_write_line }, { "query", lport_query }, { NULL, NULL },
};
