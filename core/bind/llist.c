// SPDX-License-Identifier: MIT
// llist.c: moonrig.core.list and its relatives: the serial ports of this
// machine as Lua tables.  They open nothing and never wait.  The last
// argument may be a table {sysfs=, dev=}: other roots, for fixtures.
#include <glob.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>

#include "bind/bind.h"
#include "port/hidraw.h"
#include "port/hwgrep.h"
#include "port/list.h"
#include "port/owner.h"

/* Holds the list, so that an error while tables are made frees it. */
static int free_list(lua_State *L)
{
	list_clear(luaL_checkudata(L, 1, "moonrig.list"));
	return 0;
}

static struct list *new_list(lua_State *L)
{
	struct list *l = lua_newuserdatauv(L, sizeof *l, 0);
	*l = (struct list){ .count = 0 };
	if (luaL_newmetatable(L, "moonrig.list")) {
		lua_pushcfunction(L, free_list);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return l;
}

static const char *text_field(lua_State *L, int table, const char *key)
{
	if (lua_getfield(L, table, key) == LUA_TNIL) {
		lua_pop(L, 1);
		return NULL;
	}
	const char *s = luaL_checkstring(L, -1);        /* stays on the stack, so that it lives */
	return s;
}

/* Reads the options at arg, a table or none. */
static struct list_roots roots_at(lua_State *L, int arg)
{
	struct list_roots r = { NULL, NULL };
	if (lua_isnoneornil(L, arg))
		return r;
	luaL_checktype(L, arg, LUA_TTABLE);
	r.sysfs = text_field(L, arg, "sysfs");
	r.dev = text_field(L, arg, "dev");
	return r;
}

static void set_text(lua_State *L, const char *key, const char *value)
{
	if (!value)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void push_port(lua_State *L, const struct list_port *p, int links)
{
	lua_createtable(L, 0, 14);
	set_text(L, "device", p->device);
	set_text(L, "name", p->name);
	set_text(L, "description", p->description);
	set_text(L, "hwid", p->hwid);
	set_text(L, "serial_number", p->serial_number);
	set_text(L, "location", p->location);
	set_text(L, "manufacturer", p->manufacturer);
	set_text(L, "product", p->product);
	set_text(L, "interface", p->interface);
	set_text(L, "driver", p->driver);
	set_text(L, "identity", p->identity);
	if (p->vid >= 0) {
		lua_pushinteger(L, p->vid);
		lua_setfield(L, -2, "vid");
		lua_pushinteger(L, p->pid);
		lua_setfield(L, -2, "pid");
	}
	if (!links)
		return;
	lua_createtable(L, (int)p->link_count, 0);
	for (size_t i = 0; i < p->link_count; i++) {
		lua_pushstring(L, p->links[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "links");
}

/* lua: ports = core.list([{pattern=, links=bool, sysfs=, dev=}])   in natural order */
static int llist_list(lua_State *L)
{
	struct list_roots roots = roots_at(L, 1);
	const char *pattern = NULL;
	int links = 0;
	if (lua_istable(L, 1)) {
		pattern = text_field(L, 1, "pattern");
		lua_getfield(L, 1, "links");
		links = lua_toboolean(L, -1);
	}
	struct list *l = new_list(L);
	struct err e;
	if (list_scan(l, &roots, &e) < 0 || (pattern && hwgrep_filter(l, pattern, &e) < 0) ||
		(links && list_links(l, &roots, &e) < 0))
		return raise_err(L, &e);
	lua_createtable(L, (int)l->count, 0);
	for (size_t i = 0; i < l->count; i++) {
		push_port(L, &l->ports[i], links);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* lua: port | nil = core.list_find(identity, location | nil[, roots]) */
static int llist_find(lua_State *L)
{
	const char *identity = luaL_checkstring(L, 1), *location = luaL_optstring(L, 2, NULL);
	struct list_roots roots = roots_at(L, 3);
	struct list *l = new_list(L);
	struct err e;
	if (list_scan(l, &roots, &e) < 0)
		return raise_err(L, &e);
	const struct list_port *p = list_find(l, identity, location);
	if (!p)
		return lua_pushnil(L), 1;
	push_port(L, p, 0);
	return 1;
}

/* lua: "; nearest: ..." = core.list_nearest(path[, roots]) */
static int llist_nearest(lua_State *L)
{
	char text[256];
	const char *path = luaL_checkstring(L, 1);
	struct list_roots roots = roots_at(L, 2);
	list_nearest(path, &roots, text, sizeof text);
	lua_pushstring(L, text);
	return 1;
}

/* lua: device, options, warning | nil = core.hwgrep(url[, roots]) */
static int llist_hwgrep(lua_State *L)
{
	char warning[HWGREP_WARNING];
	struct url u, device;
	struct err e;
	const char *text = luaL_checkstring(L, 1);
	struct list_roots roots = roots_at(L, 2);
	lua_newtable(L);
	if (url_parse(&u, text, &e) < 0)
		return raise_err(L, &e);
	int r = hwgrep_resolve(&u, &roots, &device, warning, &e);
	url_clear(&u);
	if (r < 0)
		return raise_err(L, &e);
	for (unsigned i = 0; i < device.count; i++) {
		lua_pushstring(L, device.options[i].value);
		lua_setfield(L, -2, device.options[i].key);
	}
	lua_pushstring(L, device.rest);
	lua_insert(L, -2);
	url_clear(&device);
	if (!*warning)
		return 2;
	lua_pushstring(L, warning);
	return 3;
}

/* lua: path = core.cp2110(rest[, roots])   the node that cp2110://rest means */
static int llist_cp2110(lua_State *L)
{
	char path[4096];
	struct err e;
	const char *rest = luaL_checkstring(L, 1);
	struct list_roots roots = roots_at(L, 2);
	if (hidraw_find(rest, &roots, path, sizeof path, &e) < 0)
		return raise_err(L, &e);
	lua_pushstring(L, path);
	return 1;
}

/* lua: text | nil = core.owner(device)   who has it open */
static int llist_owner(lua_State *L)
{
	char who[96];
	if (owner_find(luaL_checkstring(L, 1), who, sizeof who))
		lua_pushstring(L, who);
	else
		lua_pushnil(L);
	return 1;
}

/* lua: paths = core.glob(pattern)   those that are there, in order */
static int llist_glob(lua_State *L)
{
	glob_t found = { 0 };
	const char *pattern = luaL_checkstring(L, 1);
	lua_newtable(L);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			lua_pushstring(L, found.gl_pathv[i]);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
	globfree(&found);
	return 1;
}

/* lua: path | nil = core.real_path(path)   without links */
static int llist_real_path(lua_State *L)
{
	char path[PATH_MAX];
	lua_pushstring(L, realpath(luaL_checkstring(L, 1), path));
	return 1;
}

void open_list(lua_State *L)
{
	static const luaL_Reg functions[] = { { "list", llist_list }, { "list_find", llist_find },
		{ "list_nearest", llist_nearest }, { "hwgrep", llist_hwgrep }, { "cp2110", llist_cp2110 }, { "owner", llist_owner },
		{ "glob", llist_glob }, { "real_path", llist_real_path }, { NULL, NULL } };
	luaL_setfuncs(L, functions, 0);
}
