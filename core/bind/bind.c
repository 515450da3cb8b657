// SPDX-License-Identifier: MIT
// bind.c: see bind.h.
#include "bind/bind.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/url.h"
#include "base/version.h"
#include "bind/embed.h"
#include "sched/loop.h"
#include "sched/wait.h"

/* ---- classes, arguments ------------------------------------------------------------------ */

void bind_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
	luaL_newmetatable(L, name);
	lua_newtable(L);
	lua_pushvalue(L, -2);
	luaL_setfuncs(L, methods, 1);
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, -1);
	luaL_setfuncs(L, meta, 1);
}

void *bind_self(lua_State *L, int arg, const char *what)
{
	void *self = lua_touserdata(L, arg);
	if (self && lua_getmetatable(L, arg)) {
		int same = lua_rawequal(L, -1, lua_upvalueindex(1));
		lua_pop(L, 1);
		if (same)
			return self;
	}
	raise_argument(L, arg, what);
}

double bind_seconds(lua_State *L, int arg, double if_nil)
{
	if (lua_isnoneornil(L, arg))
		return if_nil;
	double d = lua_tonumber(L, arg);
	if (lua_type(L, arg) != LUA_TNUMBER || isnan(d) || d < 0)
		raise_argument(L, arg, "seconds (0 or more; math.huge waits for ever)");
	return d;
}

const char *bind_bytes(lua_State *L, int arg, size_t *n)
{
	if (!lua_isstring(L, arg))
		raise_argument(L, arg, "a string");
	return lua_tolstring(L, arg, n);
}

lua_Integer bind_integer(lua_State *L, int arg, lua_Integer min, lua_Integer max, const char *what)
{
	int ok;
	lua_Integer n = lua_tointegerx(L, arg, &ok);
	if (!ok || lua_type(L, arg) != LUA_TNUMBER || n < min || n > max)
		raise_argument(L, arg, what);
	return n;
}

/* ---- option tables ----------------------------------------------------------------------- */

static int is_text_only(const char *key)
{
	return !strcmp(key, "eol") || !strcmp(key, "parity");
}

/* The value on top of the stack as the URL would have it: true, 9600 (also for 9600.0), text. */
static void option(lua_State *L, struct url *u, const char *key)
{
	struct err e;
	int r, type = lua_type(L, -1);
	size_t size;
	if (is_text_only(key) && type != LUA_TSTRING)
		r = err_set(&e, ERR_UNSUPPORTED, "option %s: expected a string, got %s", key, luaL_typename(L, -1));
	else if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
		r = err_set(&e, ERR_UNSUPPORTED, "option %s: expected a string, number or boolean, got %s", key,
			luaL_typename(L, -1));
	else {
		int whole;
		lua_Integer n = lua_tointegerx(L, -1, &whole);
		if (whole && type == LUA_TNUMBER)
			lua_pushinteger(L, n);
		else
			lua_pushvalue(L, -1);
		const char *text = luaL_tolstring(L, -1, &size);
		r = url_option(u, key, text, size, &e);
		lua_pop(L, 2);
	}
	if (r < 0) {
		url_clear(u);
		raise_err(L, &e);
	}
}

static void option_table(lua_State *L, struct url *u, const char *outer)
{
	struct err e;
	char key[80];
	option((lua_pushboolean(L, 1), L), u, outer);
	lua_pop(L, 1);
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING) {
			url_clear(u);
			err_set(&e, ERR_UNSUPPORTED, "option %s: its table has a key that is not a name", outer);
			raise_err(L, &e);
		}
		snprintf(key, sizeof key, "%s.%s", outer, lua_tostring(L, -2));
		option(L, u, key);
	}
}

void bind_options(lua_State *L, int index, struct url *u)
{
	if (lua_isnoneornil(L, index))
		return;
	if (!lua_istable(L, index)) {
		url_clear(u);
		raise_argument(L, index, "a table of options");
	}
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING) {
			url_clear(u);
			raise_text(L, ERR_UNSUPPORTED, "options: a key is not a name; write {baudrate = 115200}");
		}
		if (lua_istable(L, -1))
			option_table(L, u, lua_tostring(L, -2));
		else
			option(L, u, lua_tostring(L, -2));
	}
}

/* ---- the module -------------------------------------------------------------------------- */

/* core.error{code=, message=, ...}: gives the table the class of error objects, and the script's line */
static int core_error(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	push_where(L);
	lua_setfield(L, 1, "where");
	luaL_setmetatable(L, "moonrig.error");
	return 1;
}

/* core.is_terminal(fd) */
static int core_is_terminal(lua_State *L)
{
	lua_pushboolean(L, isatty((int)bind_integer(L, 1, 0, 1 << 20, "a file descriptor")));
	return 1;
}

/* core.writable(fd, seconds): can some be written within that time, or will an error be told?  Nothing else goes on
 * meanwhile. */
static int core_writable(lua_State *L)
{
	struct pollfd p = { .fd = (int)bind_integer(L, 1, 0, 1 << 20, "a file descriptor"), .events = POLLOUT };
	int64_t ends = now_ns() + bind_integer(L, 2, 0, 60, "seconds") * 1000000000;
	int n;
	do {
		int64_t left = ends - now_ns();
		n = poll(&p, 1, left > 0 ? (int)(left / 1000000) + 1 : 0);
	} while (n < 0 && errno == EINTR);
	lua_pushboolean(L, n != 0);
	return 1;
}

int luaopen_moonrig_core(lua_State *L)
{
	lua_newtable(L);
	lua_pushliteral(L, MOONRIG_VERSION);
	lua_setfield(L, -2, "version");
	lua_pushfstring(L, "libevent %s, %s", loop_library(), LUA_RELEASE);
	lua_setfield(L, -2, "libraries");
	lua_pushcfunction(L, core_error);
	lua_setfield(L, -2, "error");
	lua_pushcfunction(L, core_is_terminal);
	lua_setfield(L, -2, "is_terminal");
	lua_pushcfunction(L, core_writable);
	lua_setfield(L, -2, "writable");
	open_codec(L);
	open_task(L);
	open_queue(L);
	open_port(L);
	open_listen(L);
	open_bridge(L);
	open_service(L);
	open_tap(L);
	open_list(L);
	open_store(L);
	open_key(L);
	return 1;
}

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct embedded *)element)->name);
}

static int searcher(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct embedded *m = bsearch(name, embedded_modules, embedded_count, sizeof *m, by_name);
	if (!m) {
		lua_pushfstring(L, "no module '%s' inside moonrig", name);
		return 1;
	}
	if (luaL_loadbufferx(L, (const char *)m->code, m->size, m->name, "b") != LUA_OK)
		return lua_error(L);
	lua_pushfstring(L, "inside moonrig: %s", name);
	return 2;
}

void bind_searcher(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, luaopen_moonrig_core);
	lua_setfield(L, -2, "moonrig.core");
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "searchers");
	lua_Integer n = luaL_len(L, -1);
	for (lua_Integer i = n; i >= 2; i--) {               /* after preload, before the path */
		lua_geti(L, -1, i);
		lua_seti(L, -2, i + 1);
	}
	lua_pushcfunction(L, searcher);
	lua_seti(L, -2, 2);
	lua_pop(L, 3);
}
