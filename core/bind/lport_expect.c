// SPDX-License-Identifier: MIT
// lport_expect.c: expect(pattern | {patterns}[, timeout | options]): waits until
// the input matches a Lua pattern and takes everything up to the end of the
// match.  Each arrival is searched once (base/pattern.h).  Of several patterns
// the match that begins first wins, then the one listed first.
#include <math.h>
#include <string.h>

#include "base/pattern.h"
#include "bind/lport.h"

enum { PATTERNS_MOST = 64 };
static const char CLASS[] = "moonrig.patterns";

struct patterns {                            /* a userdata on the reader's stack: freed whatever happens */
	unsigned count;
	bool list;                           /* the script gave a list: the index is a result too */
	unsigned winner;
	struct pattern_match match;
	struct pattern *pattern[];
};

static int patterns_gc(lua_State *L)
{
	struct patterns *x = lua_touserdata(L, 1);
	for (unsigned i = 0; i < x->count; i++)
		pattern_free(x->pattern[i]);
	x->count = 0;
	return 0;
}

static int look_patterns(struct request *r, const char *data, size_t size, struct err *e)
{
	struct patterns *x = r->patterns;
	struct pattern_match m;
	bool found = false;
	for (unsigned i = 0; i < x->count; i++) {
		int there = pattern_search(x->pattern[i], data, size, &m, e);
		if (there < 0)
			return -1;
		if (there && (!found || m.begin < x->match.begin)) {
			x->match = m;
			x->winner = i;
			found = true;
		}
	}
	if (found) {
		r->take = x->match.end;
		return 1;
	}
	if (size > r->window)
		return err_set(e, ERR_PROTOCOL, "expect: no match within %zu bytes (option window); the bytes are still there",
			r->window);
	return 0;
}

void lport_patterns_restart(struct request *r)
{
	struct patterns *x = r->patterns;
	for (unsigned i = 0; x && i < x->count; i++)
		pattern_restart(x->pattern[i], 0);
}

int lport_push_captures(lua_State *L, struct lport *lp)
{
	struct patterns *x = lp->request.patterns;
	const struct pattern_match *m = &x->match;
	struct port *p = lp->port;
	const char *data = p->rx.mem ? buf_data(&p->rx) : "";
	int n = 0;
	luaL_checkstack(L, (int)m->captures + 3, "too many captures");
	if (x->list)
		lua_pushinteger(L, x->winner + 1), n++;
	if (m->captures == 0)
		lua_pushlstring(L, data + m->begin, m->end - m->begin), n++;
	for (unsigned i = 0; i < m->captures; i++, n++) {
		size_t begin = m->capture[i].begin, end = m->capture[i].end;
		if (end == PATTERN_POSITION)
			lua_pushinteger(L, (lua_Integer)begin + 1);
		else
			lua_pushlstring(L, data + begin, end - begin);
	}
	port_consume(p, lp->request.take);
	return n;
}

static void add_pattern(lua_State *L, struct patterns *x, int index, bool plain)
{
	struct err e;
	size_t n;
	if (lua_type(L, index) != LUA_TSTRING)
		raise_argument(L, 2, "a pattern or a list of patterns");
	const char *text = lua_tolstring(L, index, &n);
	if (n == 0)
		raise_argument(L, 2, "a pattern that is not empty");
	struct pattern *p = pattern_new(text, n, plain, &e);
	if (!p) {
		struct err named;
		err_set(&named, ERR_UNSUPPORTED, "expect: pattern \"%s\": %s", text, e.text);
		raise_err(L, &named);
	}
	x->pattern[x->count++] = p;
}

/* Leaves the userdata on the stack. */
static struct patterns *new_patterns(lua_State *L, bool plain)
{
	bool list = lua_istable(L, 2);
	lua_Integer n = list ? luaL_len(L, 2) : 1;
	if (n < 1 || n > PATTERNS_MOST)
		raise_argument(L, 2, "a pattern, or a list of 1 to 64 patterns");
	struct patterns *x = lua_newuserdatauv(L, sizeof *x + (size_t)n * sizeof x->pattern[0], 0);
	*x = (struct patterns){ .list = list };
	luaL_setmetatable(L, CLASS);
	if (!list) {
		add_pattern(L, x, 2, plain);
		return x;
	}
	for (lua_Integer i = 1; i <= n; i++) {
		lua_geti(L, 2, i);
		add_pattern(L, x, -1, plain);
		lua_pop(L, 1);
	}
	return x;
}

struct options { double timeout; bool plain; size_t window; };

static void read_options(lua_State *L, struct lport *lp, struct options *o)
{
	*o = (struct options){ lp->port ? lp->port->cfg.timeout : 0, false, lp->port ? lp->port->cfg.window : 0 };
	if (!lua_istable(L, 3)) {
		o->timeout = bind_seconds(L, 3, o->timeout);
		return;
	}
	for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
		const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
		if (!strcmp(key, "timeout"))
			o->timeout = bind_seconds(L, lua_gettop(L), o->timeout);
		else if (!strcmp(key, "plain"))
			o->plain = lua_toboolean(L, -1);
		else if (!strcmp(key, "window"))
			o->window = (size_t)bind_integer(L, lua_gettop(L), 1, 1 << 30, "a window of 1 byte or more");
		else {
			struct err e;
			err_set(&e, ERR_UNSUPPORTED, "expect: unknown option \"%s\" (known: timeout plain window)", key);
			raise_err(L, &e);
		}
	}
}

/* lua: captures... | index, captures... = port:expect(pattern | patterns[, timeout | {timeout=, plain=, window=}]) */
static int lport_expect(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_self(L);
	struct options o;
	lua_settop(L, 3);
	read_options(L, lp, &o);
	struct patterns *x = new_patterns(L, o.plain);
	if (lport_free_for(lp, &lp->reader, "expect", &e) < 0)
		return lport_fail(L, lp, "expect", &e);
	lp->request = (struct request){ .op = "expect", .look = look_patterns, .patterns = x, .window = o.window };
	lua_pushnumber(L, o.timeout);
	return lport_read(L, lp);
}

void lport_patterns_class(lua_State *L)
{
	luaL_newmetatable(L, CLASS);
	lua_pushcfunction(L, patterns_gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
}

const luaL_Reg lport_expect_methods[] = { { "expect", lport_expect }, { NULL, NULL } };
