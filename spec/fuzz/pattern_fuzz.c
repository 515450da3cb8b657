// SPDX-License-Identifier: MIT
// pattern_fuzz.c: feeds core/base/pattern.c with patterns and inputs that libFuzzer thinks up.
// Input: a byte (length of the pattern), the pattern, a byte (how to cut), the subject.
// A growing search must give at each cut what a fresh one gives on the same bytes, and
// that must be what Lua's own string.find gives.
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"

/* string.find tries all ways; with few repeats and short subjects that stays quick. */
enum { ORACLE_REPEATS = 4, ORACLE_BYTES = 40 };

static bool oracle_is_quick(const char *pat, size_t patlen, size_t len)
{
	int repeats = 0;
	for (size_t i = 0; i < patlen; i++)
		repeats += pat[i] && strchr("*+-?", pat[i]) != NULL;
	return repeats <= ORACLE_REPEATS && len <= ORACLE_BYTES;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void compare_capture(lua_State *L, int at, const char *data, size_t begin, size_t end)
{
	if (end == PATTERN_POSITION) {
		must(lua_isinteger(L, at) && lua_tointeger(L, at) == (lua_Integer)begin + 1);
		return;
	}
	size_t n;
	const char *text = lua_tolstring(L, at, &n);
	must(lua_type(L, at) == LUA_TSTRING && n == end - begin && memcmp(text, data + begin, n) == 0);
}

static void compare_with_lua(lua_State *L, const char *pat, size_t patlen, const char *data, size_t len, int found,
	const struct pattern_match *m, const struct err *e)
{
	lua_settop(L, 0);
	lua_getglobal(L, "string");
	lua_getfield(L, -1, "find");
	lua_replace(L, 1);
	lua_pushlstring(L, data, len);
	lua_pushlstring(L, pat, patlen);
	if (lua_pcall(L, 2, LUA_MULTRET, 0)) {
		const char *text = lua_tostring(L, -1);
		must(strcmp(text, "pattern too complex") == 0 || (found < 0 && strcmp(text, e->text) == 0));
	} else if (found == 0) {
		must(lua_isnil(L, 1));
	} else if (found > 0) {
		must(lua_gettop(L) == (int)m->captures + 2);
		must(lua_tointeger(L, 1) == (lua_Integer)m->begin + 1 && lua_tointeger(L, 2) == (lua_Integer)m->end);
		for (unsigned k = 0; k < m->captures; k++)
			compare_capture(L, (int)k + 3, data, m->capture[k].begin, m->capture[k].end);
	}
}

static void must_equal(int found, const struct pattern_match *a, const struct pattern_match *b)
{
	if (found == 0) {
		must(a->resume == b->resume);
		return;
	}
	must(a->begin == b->begin && a->end == b->end && a->open == b->open && a->captures == b->captures);
	for (unsigned k = 0; k < a->captures; k++)
		must(a->capture[k].begin == b->capture[k].begin && a->capture[k].end == b->capture[k].end);
}

/* At each cut the bytes stand in memory of exactly their size, so that reading past them is seen. */
static void compare_growing(const char *pat, size_t patlen, bool plain, const char *data, size_t len, unsigned cut)
{
	struct err e;
	struct pattern *p = pattern_new(pat, patlen, plain, &e);
	int found = 0;
	for (size_t n = cut % 3; p && found == 0 && n <= len; n += 1 + cut % 32) {
		struct pattern_match grown, fresh;
		char *part = malloc(n);
		if (n > 0)
			memcpy(part, data, n);
		found = pattern_search(p, part, n, &grown, &e);
		int again = pattern_find(pat, patlen, plain, part, n, 0, &fresh, &e);
		must(found < 0 || again < 0 || found == again);
		if (found >= 0 && again >= 0)
			must_equal(found, &grown, &fresh);
		free(part);
	}
	pattern_free(p);
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
	static lua_State *L;
	if (!L) {
		L = luaL_newstate();
		luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
	}
	if (size < 2 || size > 150)
		return 0;
	size_t patlen = input[0] % (size - 1);
	const char *pat = (const char *)input + 1, *data = pat + patlen + 1;
	unsigned cut = input[1 + patlen];
	size_t len = size - 2 - patlen;
	struct pattern_match m;
	struct err e = { 0 };
	int found = pattern_find(pat, patlen, false, data, len, 0, &m, &e);
	if (oracle_is_quick(pat, patlen, len))
		compare_with_lua(L, pat, patlen, data, len, found, &m, &e);
	compare_growing(pat, patlen, cut & 128, data, len, cut);
	return 0;
}
