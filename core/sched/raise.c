// SPDX-License-Identifier: MIT
// raise.c: see raise.h.
#include "sched/raise.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

static const char CLASS[] = "moonrig.error";

int in_library(lua_State *L, lua_Debug *ar)
{
	lua_getinfo(L, "Sl", ar);
	return !strncmp(ar->source, "@lua/moonrig/", 13);
}

void push_where(lua_State *L)
{
	lua_Debug ar;
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		if (!in_library(L, &ar) && ar.currentline > 0) {
			lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
			return;
		}
	}
	lua_pushnil(L);
}

static void push_object(lua_State *L, enum err_code code, const char *text)
{
	lua_createtable(L, 0, 6);
	lua_pushstring(L, err_name(code));
	lua_setfield(L, -2, "code");
	lua_pushstring(L, text);
	lua_setfield(L, -2, "message");
	push_where(L);
	lua_setfield(L, -2, "where");
	luaL_setmetatable(L, CLASS);
}

void push_error(lua_State *L, const struct err *e)
{
	push_object(L, e->code, e->text);
	if (e->sys) {
		lua_pushinteger(L, e->sys);
		lua_setfield(L, -2, "errno");
	}
	if (e->ended) {
		lua_pushinteger(L, e->ended - 1);
		lua_setfield(L, -2, "status");
	}
}

int raise_err(lua_State *L, const struct err *e)
{
	push_error(L, e);
	lua_error(L);
	__builtin_unreachable();
}

int raise_text(lua_State *L, enum err_code code, const char *text)
{
	push_object(L, code, text);
	lua_error(L);
	__builtin_unreachable();
}

/* The key in the table on top of the stack under which the function at index stands, or NULL.  Pops the table. */
static const char *key_of(lua_State *L, int function)
{
	const char *key = NULL;
	if (lua_istable(L, -1))
		for (lua_pushnil(L); !key && lua_next(L, -2); lua_pop(L, 1))
			if (lua_rawequal(L, -1, function))
				key = lua_tostring(L, -2);
	lua_settop(L, function);
	return key;
}

/* What the running C function is called, also by who got at it through pcall.  method: its first argument is not
 * counted. */
static const char *function_name(lua_State *L, bool *method)
{
	lua_Debug ar = { 0 };
	const char *name = NULL;
	*method = false;
	if (!lua_getstack(L, 0, &ar))
		return "call";
	lua_getinfo(L, "nf", &ar);
	int function = lua_gettop(L);
	if (lua_isuserdata(L, 1) && (luaL_getmetafield(L, 1, "methods") || luaL_getmetafield(L, 1, "__index")))
		name = key_of(L, function);
	*method = name || (ar.namewhat && !strcmp(ar.namewhat, "method"));
	if (!name && luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE) && lua_getfield(L, -1, "moonrig.core")) {
		lua_replace(L, -2);
		name = key_of(L, function);
	}
	lua_settop(L, function - 1);
	return name ? name : ar.name ? ar.name : "call";
}

int raise_argument(lua_State *L, int arg, const char *what)
{
	struct err e;
	bool method, shows_text = lua_type(L, arg) == LUA_TSTRING;
	const char *type = luaL_typename(L, arg);
	const char *value = shows_text || lua_type(L, arg) == LUA_TNUMBER ? lua_tostring(L, arg) : NULL;
	const char *name = function_name(L, &method);
	err_set(&e, ERR_UNSUPPORTED, "%s: argument %d: expected %s, got %s", name, method && arg > 1 ? arg - 1 : arg, what,
		type);
	if (value)
		err_add(&e, shows_text ? " \"%.40s\"" : " %.40s", value);
	raise_err(L, &e);
}

int is_error(lua_State *L, int index, enum err_code code)
{
	if (!lua_istable(L, index) || !lua_getmetatable(L, index))
		return 0;
	luaL_getmetatable(L, CLASS);
	int same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	if (!same)
		return 0;
	lua_getfield(L, index, "code");
	const char *is = lua_tostring(L, -1);
	same = is && !strcmp(is, err_name(code));
	lua_pop(L, 1);
	return same;
}

static int error_tostring(lua_State *L)
{
	lua_getfield(L, 1, "where");
	lua_getfield(L, 1, "message");
	if (lua_isstring(L, 2) && lua_isstring(L, 3))
		lua_pushfstring(L, "%s: %s", lua_tostring(L, 2), lua_tostring(L, 3));
	else
		luaL_tolstring(L, 3, NULL);
	return 1;
}

/* "failed: " .. err */
static int error_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

void raise_open(lua_State *L)
{
	luaL_newmetatable(L, CLASS);
	lua_pushcfunction(L, error_concat);
	lua_setfield(L, -2, "__concat");
	lua_pushcfunction(L, error_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, "moonrig.error");
	lua_setfield(L, -2, "__name");
	lua_pop(L, 1);
}
