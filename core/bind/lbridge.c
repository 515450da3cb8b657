// SPDX-License-Identifier: MIT
// lbridge.c: the Bridge class: a device joined to clients (serve/bridge.c), for lua/moonrig/bridge.lua.
#include <math.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/lport.h"
#include "sched/loop.h"
#include "serve/bridge.h"

struct lbridge {
	struct bridge *bridge;               /* NULL: closed */
	struct waiter waiter;                /* for its end */
};

static const char CLASS[] = "moonrig.Bridge";

static struct lbridge *self(lua_State *L)
{
	return bind_self(L, 1, "a bridge");
}

static struct bridge *open_self(lua_State *L)
{
	struct lbridge *lb = self(L);
	if (!lb->bridge)
		raise_text(L, ERR_CLOSED, "the bridge is closed");
	return lb->bridge;
}

static void on_end(void *arg)
{
	waiter_wake(&((struct lbridge *)arg)->waiter);
}

/* ---- making ------------------------------------------------------------------------------- */

static double number_field(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	double d = lua_tonumber(L, -1);
	lua_pop(L, 1);
	return d;
}

static bool flag_field(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	bool on = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return on;
}

static enum bridge_policy policy_field(lua_State *L)
{
	static const char *const names[] = { "writer", "shared", "kick", NULL };
	lua_getfield(L, 1, "policy");
	int i = luaL_checkoption(L, -1, "writer", names);
	lua_pop(L, 1);
	return (enum bridge_policy)i;
}

/* lua: bridge = core.bridge{name=, policy=, clients=, queue=, stall=, gap=, hold=, quiet=, line={baudrate=...}}
 * The library has checked the values. */
static int lbridge_new(lua_State *L)
{
	struct config line;
	struct url u;
	struct err e;
	if (!lua_istable(L, 1))
		raise_argument(L, 1, "a table");
	lua_settop(L, 1);
	struct bridge_options o = { .policy = policy_field(L), .clients = (unsigned)number_field(L, "clients"),
		.queue = (size_t)number_field(L, "queue"), .stall = number_field(L, "stall"), .gap = number_field(L, "gap"),
		.hold = flag_field(L, "hold"), .quiet = flag_field(L, "quiet") };
	if (url_parse(&u, "bridge:", &e) < 0)
		raise_err(L, &e);
	lua_getfield(L, 1, "line");
	bind_options(L, 2, &u);
	config_init(&line);
	int r = 0;
	for (unsigned i = 0; i < u.count && r >= 0; i++)
		r = config_option(&line, &u.options[i], &e);
	url_clear(&u);
	if (r < 0)
		raise_err(L, &e);
	lua_getfield(L, 1, "name");
	o.name = lua_tostring(L, -1);
	struct lbridge *lb = lua_newuserdatauv(L, sizeof *lb, 0);
	*lb = (struct lbridge){ 0 };
	luaL_setmetatable(L, CLASS);
	lb->bridge = bridge_new(loop_of(L)->base, &o, &line.line);
	if (!lb->bridge)
		raise_text(L, ERR_SYSTEM, "bridge: out of memory");
	lb->bridge->ended = on_end;
	lb->bridge->arg = lb;
	return 1;
}

/* lua: bridge:close()   idempotent */
static int lbridge_close(lua_State *L)
{
	struct lbridge *lb = self(L);
	bridge_free(lb->bridge);
	lb->bridge = NULL;
	waiter_wake(&lb->waiter);
	return 0;
}

/* lua: bridge:attach(port)   takes the port over: it is closed for the script */
static int lbridge_attach(lua_State *L)
{
	struct bridge *b = open_self(L);
	struct port *p = lport_give_up(L, 2);
	if (b->device) {
		port_free(p);
		raise_text(L, ERR_BUSY, "attach: the bridge has a device");
	}
	bridge_attach(b, p);
	return 0;
}

/* lua: bridge:log(path)   the traffic, to a file; called again it opens the file anew */
static int lbridge_log(lua_State *L)
{
	struct err e;
	struct bridge *b = open_self(L);
	if (lua_type(L, 2) != LUA_TSTRING)
		raise_argument(L, 2, "a path");
	if (bridge_log(b, lua_tostring(L, 2), &e) < 0)
		raise_err(L, &e);
	return 0;
}

/* lua: url = bridge:listen(url[, options])   with the real port number */
static int lbridge_listen(lua_State *L)
{
	struct url u;
	struct err e;
	struct bridge *b = open_self(L);
	if (lua_type(L, 2) != LUA_TSTRING)
		raise_argument(L, 2, "a URL");
	lua_settop(L, 3);
	if (url_parse(&u, lua_tostring(L, 2), &e) < 0)
		raise_err(L, &e);
	bind_options(L, 3, &u);
	const char *url = bridge_listen(b, &u, &e);
	url_clear(&u);
	if (!url)
		raise_err(L, &e);
	lua_pushstring(L, url);
	return 1;
}

/* lua: bridge:unlisten([url])   ends that listener, or all; clients stay */
static int lbridge_unlisten(lua_State *L)
{
	struct bridge *b = open_self(L);
	if (lua_isnoneornil(L, 2))
		bridge_stop_listening(b);
	else
		bridge_unlisten(b, luaL_checkstring(L, 2));
	return 0;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static int wait_step(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	struct lbridge *lb = (struct lbridge *)ctx;
	if (!lb->bridge || lb->bridge->over)
		return 0;
	return task_wait(L, &lb->waiter, NO_DEADLINE, wait_step, ctx);
}

/* lua: bridge:wait()   until the device is closed for good, or the bridge is */
static int lbridge_wait(lua_State *L)
{
	struct lbridge *lb = self(L);
	if (lb->waiter.task)
		raise_text(L, ERR_BUSY, "join: another task waits for the bridge");
	return wait_step(L, WAKE_READY, (lua_KContext)lb);
}

/* lua: n = bridge:unsent()   bytes that are still to be moved */
static int lbridge_unsent(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)bridge_unsent(open_self(L)));
	return 1;
}

/* ---- status ------------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *name, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, name);
}

static void push_client(lua_State *L, const struct client *c)
{
	lua_createtable(L, 0, 10);
	set_text(L, "name", c->port->name);
	set_text(L, "url", c->port->url.text);
	set_text(L, "role", c->ended ? "ended" : c->may_write ? "writer" : "observer");
	set_integer(L, "received", c->port->taken);
	set_integer(L, "sent", c->port->given);
	set_integer(L, "queued", c->out.len);
	lua_pushnumber(L, c->came);
	lua_setfield(L, -2, "since");
	if (c->port->ops->signature && c->port->ops->signature(c->port))
		set_text(L, "signature", c->port->ops->signature(c->port));
}

static void push_clients(lua_State *L, const struct bridge *b)
{
	lua_Integer n = 0;
	lua_newtable(L);
	for (const struct client *c = b->clients; c; c = c->next)
		if (!c->gone && c->present) {
			push_client(L, c);
			lua_rawseti(L, -2, ++n);
		}
}

static void push_signals(lua_State *L, const struct bridge *b)
{
	unsigned all = b->line.outputs | b->line.inputs;
	static const char *const names[] = { "dtr", "rts", "cts", "dsr", "ri", "cd" };
	lua_createtable(L, 0, 6);
	for (int i = 0; i < (b->no_signals ? 2 : 6); i++)
		set_flag(L, names[i], all & 1u << i);
}

/* lua: table = bridge:status() */
static int lbridge_status(lua_State *L)
{
	char settings[32];
	struct err why;
	struct bridge *b = open_self(L);
	struct port *d = b->device;
	bridge_look(b);
	lua_createtable(L, 0, 12);
	set_text(L, "name", b->name);
	set_text(L, "state", !d ? "opening" : b->over ? "closed" : d->state == PORT_OPEN ? "open" : d->state == PORT_LOST ? "lost" : "closed");
	if (d && (b->over || d->state != PORT_OPEN)) {
		port_why(d, &why);
		set_text(L, "reason", why.text);
	}
	if (d)
		set_text(L, "device", d->name);
	settings_text(&b->line.settings, settings);
	set_text(L, "settings", settings);
	set_text(L, "flow_control", b->line.settings.rtscts ? "rtscts" : b->line.settings.xonxoff ? "xonxoff" :
		b->line.settings.dsrdtr ? "dsrdtr" : "none");
	set_flag(L, "break_condition", b->line.break_on);
	push_signals(L, b);
	lua_setfield(L, -2, "signals");
	set_integer(L, "received", d ? d->taken : 0);
	set_integer(L, "sent", d ? d->given : 0);
	set_integer(L, "unread", b->thrown_away);
	push_clients(L, b);
	lua_setfield(L, -2, "clients");
	return 1;
}

void open_bridge(lua_State *L)
{
	static const luaL_Reg methods[] = { { "attach", lbridge_attach }, { "log", lbridge_log }, { "listen", lbridge_listen },
		{ "unlisten", lbridge_unlisten }, { "wait", lbridge_wait }, { "unsent", lbridge_unsent },
		{ "status", lbridge_status }, { "close", lbridge_close }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", lbridge_close }, { "__close", lbridge_close }, { NULL, NULL } };
	bind_class(L, CLASS, methods, meta);
	lua_pop(L, 1);
	lua_pushcfunction(L, lbridge_new);
	lua_setfield(L, -2, "bridge");
}
