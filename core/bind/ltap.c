// SPDX-License-Identifier: MIT
// ltap.c: the taps of spy:// and record: around a port that Lua opens (a scheme written in Lua), and the name of
// such a port.  For a port that C opens, life.c does all this by itself.  The taps belong to the userdata until a
// port has them.
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/lport.h"
#include "port/scheme.h"

static const char CLASS[] = "moonrig.taps";

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
		t->next = NULL;
		port_add_tap(lp->port, t);
		t->see(t, lp->port, &(struct tap_event){ .kind = TAP_OPEN });
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
}
