// SPDX-License-Identifier: MIT
// lcodec.c: moonrig.core.codec, the pure functions of base and proto for Lua: bytes in, values
// out.  The library uses some of them; specs and fuzzers feed the others.
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "base/pattern.h"

/* Pushes begin, end and the captures as string.find does: how many. */
static int push_match(lua_State *L, const char *data, const struct pattern_match *m)
{
	luaL_checkstack(L, (int)m->captures + 2, "too many captures");
	lua_pushinteger(L, (lua_Integer)m->begin + 1);
	lua_pushinteger(L, (lua_Integer)m->end);
	for (unsigned k = 0; k < m->captures; k++) {
		size_t begin = m->capture[k].begin, end = m->capture[k].end;
		if (end == PATTERN_POSITION)
			lua_pushinteger(L, (lua_Integer)begin + 1);
		else
			lua_pushlstring(L, data + begin, end - begin);
	}
	return (int)m->captures + 2;
}

/* Offset from 0 of a position as string functions take it. */
static size_t check_init(lua_State *L, int arg, size_t len)
{
	lua_Integer init = luaL_optinteger(L, arg, 1);
	if (init > 0)
		return (size_t)init - 1;
	return init < 0 && (size_t)-init <= len ? len - (size_t)-init : 0;
}

// lua: begin, end, captures... = pattern_find(data, pattern, init, plain)    or nil, resume
static int codec_pattern_find(lua_State *L)
{
	size_t len, patlen;
	const char *data = luaL_checklstring(L, 1, &len);
	const char *pat = luaL_checklstring(L, 2, &patlen);
	size_t init = check_init(L, 3, len);
	struct pattern_match m;
	struct err e = { 0 };
	int found = pattern_find(pat, patlen, lua_toboolean(L, 4), data, len, init, &m, &e);
	if (found < 0)
		return luaL_error(L, "%s", e.text);
	if (found)
		return push_match(L, data, &m);
	lua_pushnil(L);
	lua_pushinteger(L, (lua_Integer)m.resume + 1);
	return 2;
}

/* The search of a growing input: used is the number of pieces that it took to find it. */
static int search_pieces(struct pattern *p, const char *data, const size_t *ends, size_t pieces, size_t *used,
	struct pattern_match *m, struct err *e)
{
	int found = 0;
	for (*used = 0; *used < pieces && !found; ++*used)
		found = pattern_search(p, data, ends[*used], m, e);
	return found;
}

// lua: used, open, begin, end, captures... = pattern_feed(pieces, pattern, plain)    or nil, resume
static int codec_pattern_feed(lua_State *L)
{
	size_t patlen, len = 0, used = 0;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *pat = luaL_checklstring(L, 2, &patlen);
	bool plain = lua_toboolean(L, 3);
	size_t pieces = lua_rawlen(L, 1);
	size_t *ends = lua_newuserdatauv(L, (pieces + 1) * sizeof *ends, 0);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (size_t i = 0; i < pieces; i++) {
		lua_rawgeti(L, 1, (lua_Integer)i + 1);
		len += lua_rawlen(L, -1);
		ends[i] = len;
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	const char *data = lua_tostring(L, -1);
	struct pattern_match m = { 0 };
	struct err e = { 0 };
	struct pattern *p = pattern_new(pat, patlen, plain, &e);
	int found = p ? search_pieces(p, data, ends, pieces, &used, &m, &e) : -1;
	pattern_free(p);
	if (found < 0)
		return luaL_error(L, "%s", e.text);
	if (!found) {
		lua_pushnil(L);
		lua_pushinteger(L, (lua_Integer)m.resume + 1);
		return 2;
	}
	lua_pushinteger(L, (lua_Integer)used);
	lua_pushboolean(L, m.open);
	return 2 + push_match(L, data, &m);
}

static const luaL_Reg functions[] = {
	{ "pattern_feed", codec_pattern_feed },
	{ "pattern_find", codec_pattern_find },
	{ NULL, NULL },
};

/* Adds `codec` to the table on top. */
void open_codec(lua_State *L)
{
	luaL_newlib(L, functions);
	lua_setfield(L, -2, "codec");
}
