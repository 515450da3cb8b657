// SPDX-License-Identifier: MIT
// ltap.c: the taps of spy:// and record: around a port that Lua opens (a scheme written in Lua), and the name of
// such a port.  For a port that C opens, life.c does all this by itself.  The taps belong to the userdata until a
// port has them.  And captures, which keep the traffic of any port that is open.
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/lport.h"
#include "port/scheme.h"
#include "port/spy.h"

static const char CLASS[] = "moonrig.taps", CAPTURE[] = "moonrig.capture";

struct ltaps {
	struct tap *first;
};

static int ltaps_gc(lua_State *L)
{
	struct ltaps *taps = lua_touserdata(L, 1);
	while (taps->first) {
		struct tap *next = taps->first->next;
		taps->first->free(taps->first);
		taps->first = next;
	}
	return 0;
}

static void push_inside(lua_State *L, struct url *u)
{
	lua_pushstring(L, u->text);
	lua_createtable(L, 0, (int)u->count);
	for (unsigned i = 0; i < u->count; i++) {
		lua_pushlstring(L, u->options[i].value, u->options[i].size);
		lua_setfield(L, -2, u->options[i].key);
	}
}

/* lua: inner_url, inner_options, taps = core.unwrap(url[, options])   of spy://URL or record:FILE?url=URL */
static int ltap_unwrap(lua_State *L)
{
	struct url u, inner;
	struct err e = { 0 };
	if (lua_type(L, 1) != LUA_TSTRING)
		raise_argument(L, 1, "a URL");
	lua_settop(L, 2);
	struct ltaps *taps = lua_newuserdatauv(L, sizeof *taps, 0);
	*taps = (struct ltaps){ 0 };
	luaL_setmetatable(L, CLASS);
	if (url_parse(&u, lua_tostring(L, 1), &e) < 0)
		raise_err(L, &e);
	bind_options(L, 2, &u);
	const struct scheme *s = scheme_find(u.scheme);
	int r = s && s->resolve ? s->resolve(&u, &inner, &taps->first, &e) :
		err_set(&e, ERR_UNSUPPORTED, "%s: there is no URL inside", u.text);
	url_clear(&u);
	if (r < 0)
		raise_err(L, &e);
	push_inside(L, &inner);
	url_clear(&inner);
	lua_rotate(L, -3, 2);
	return 3;
}

static void attach(struct port *p, struct tap *t)
{
	t->next = NULL;
	port_add_tap(p, t);
	t->see(t, p, &(struct tap_event){ .kind = TAP_OPEN });
}

/* lua: core.attach(port, taps)   from here on they see what passes */
static int ltap_attach(lua_State *L)
{
	struct lport *lp = luaL_testudata(L, 1, "moonrig.Port");
	struct ltaps *taps = luaL_testudata(L, 2, CLASS);
	if (!lp || !lp->port)
		raise_argument(L, 1, "an open port");
	if (!taps)
		raise_argument(L, 2, "taps");
	while (taps->first) {
		struct tap *t = taps->first;
		taps->first = t->next;
		attach(lp->port, t);
	}
	return 0;
}

/* lua: core.name(port, url)   what an end of a pair stands for, in messages and as port.url */
static int ltap_name(lua_State *L)
{
	struct lport *lp = luaL_testudata(L, 1, "moonrig.Port");
	if (!lp || !lp->port)
		raise_argument(L, 1, "an open port");
	char *text = strdup(luaL_checkstring(L, 2)), *name = text ? strdup(text) : NULL;
	if (!name) {
		free(text);
		raise_text(L, ERR_SYSTEM, "out of memory");
	}
	free(lp->port->url.text);
	free(lp->port->name);
	lp->port->url.text = text;
	lp->port->name = name;
	return 0;
}

/* ---- captures ----------------------------------------------------------------------------- */

static struct capture *capture_self(lua_State *L)
{
	return *(struct capture **)bind_self(L, 1, "a capture");
}

/* lua: capture = core.capture(limit)   of that many bytes at most; raises permission, system */
static int ltap_capture(lua_State *L)
{
	struct err e = { 0 };
	lua_Integer limit = luaL_checkinteger(L, 1);
	struct capture **c = lua_newuserdatauv(L, sizeof *c, 0);
	*c = capture_new((uint64_t)limit, &e);
	if (!*c)
		raise_err(L, &e);
	luaL_setmetatable(L, CAPTURE);
	return 1;
}

/* lua: capture:tap(port)   takes what passes there from now on */
static int capture_tap(lua_State *L)
{
	struct err e = { 0 };
	struct capture *c = capture_self(L);
	struct lport *lp = luaL_testudata(L, 2, "moonrig.Port");
	if (!lp || !lp->port)
		raise_argument(L, 2, "an open port");
	struct tap *t = spy_capture(c, &e);
	if (!t)
		raise_err(L, &e);
	attach(lp->port, t);
	return 0;
}

/* lua: capture:pause(whether)   takes nothing meanwhile */
static int capture_pause(lua_State *L)
{
	capture_self(L)->paused = lua_toboolean(L, 2);
	return 0;
}

/* lua: why | nil = capture:problem()   why it is not complete */
static int capture_problem(lua_State *L)
{
	struct capture *c = capture_self(L);
	if (c->sys)
		lua_pushstring(L, strerror(c->sys));
	else if (c->full)
		lua_pushfstring(L, "it has reached %f MiB", (double)c->limit / 1048576);
	else
		lua_pushnil(L);
	return 1;
}

/* lua: s = capture:bytes()   all of the file */
static int capture_bytes(lua_State *L)
{
	struct capture *c = capture_self(L);
	luaL_Buffer b;
	size_t size = c->fd < 0 ? 0 : (size_t)c->size, done = 0;
	char *to = luaL_buffinitsize(L, &b, size);
	while (done < size) {
		ssize_t n = capture_read(c, to + done, size - done, done);
		if (n <= 0)
			raise_text(L, ERR_SYSTEM, "the traffic that was kept cannot be read");
		done += (size_t)n;
	}
	luaL_pushresultsize(&b, done);
	return 1;
}

/* lua: capture:close()   its file is gone */
static int capture_end(lua_State *L)
{
	capture_close(capture_self(L));
	return 0;
}

static int capture_gc(lua_State *L)
{
	struct capture **c = lua_touserdata(L, 1);
	if (*c)
		capture_release(*c);
	*c = NULL;
	return 0;
}

static const luaL_Reg capture_methods[] = {
	{ "tap", capture_tap }, { "pause", capture_pause }, { "problem", capture_problem }, { "bytes", capture_bytes },
	{ "close", capture_end }, { NULL, NULL },
};
static const luaL_Reg capture_meta[] = { { "__gc", capture_gc }, { NULL, NULL } };

void open_tap(lua_State *L)
{
	luaL_newmetatable(L, CLASS);
	lua_pushcfunction(L, ltaps_gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	lua_pushcfunction(L, ltap_unwrap);
	lua_setfield(L, -2, "unwrap");
	lua_pushcfunction(L, ltap_attach);
	lua_setfield(L, -2, "attach");
	lua_pushcfunction(L, ltap_name);
	lua_setfield(L, -2, "name");
	bind_class(L, CAPTURE, capture_methods, capture_meta);
	lua_pop(L, 1);
	lua_pushcfunction(L, ltap_capture);
	lua_setfield(L, -2, "capture");
}
