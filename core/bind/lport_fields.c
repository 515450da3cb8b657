// SPDX-License-Identifier: MIT
// lport_fields.c: the properties of a port: p.baudrate, p.rts = true, p.in_waiting.
// A name maps to a number in one table; reading and assigning switch on it.
#include <math.h>
#include <string.h>

#include "base/distance.h"
#include "bind/lport.h"

enum field {
	F_BAUDRATE = 1, F_BYTESIZE, F_PARITY, F_STOPBITS, F_XONXOFF, F_RTSCTS, F_DSRDTR, F_LOW_LATENCY, F_RS485,
	F_TIMEOUT, F_WRITE_TIMEOUT, F_INTER_BYTE_TIMEOUT, F_EXCLUSIVE, F_EOL, F_RECONNECT, F_WINDOW,
	F_OUTPUT_DELAY, F_OUTPUT_LINE_DELAY,
	F_DTR, F_RTS, F_BREAK_CONDITION,
	F_CTS, F_DSR, F_RI, F_CD,
	F_IN_WAITING, F_OUT_WAITING, F_URL, F_NAME, F_IS_OPEN, F_LOST, F_ERRORS,
	F_SIGNATURE,
};

static const struct { const char *name; enum field field; unsigned setting; } fields[] = {
	{ "baudrate", F_BAUDRATE, SET_BAUDRATE }, { "bytesize", F_BYTESIZE, SET_BYTESIZE },
	{ "parity", F_PARITY, SET_PARITY }, { "stopbits", F_STOPBITS, SET_STOPBITS },
	{ "xonxoff", F_XONXOFF, SET_XONXOFF }, { "rtscts", F_RTSCTS, SET_RTSCTS }, { "dsrdtr", F_DSRDTR, SET_DSRDTR },
	{ "low_latency", F_LOW_LATENCY, SET_LOW_LATENCY }, { "rs485", F_RS485, SET_RS485 },
	{ "timeout", F_TIMEOUT, 0 }, { "write_timeout", F_WRITE_TIMEOUT, 0 },
	{ "inter_byte_timeout", F_INTER_BYTE_TIMEOUT, 0 }, { "exclusive", F_EXCLUSIVE, SET_EXCLUSIVE }, { "eol", F_EOL, 0 },
	{ "reconnect", F_RECONNECT, 0 }, { "window", F_WINDOW, 0 },
	{ "output_delay", F_OUTPUT_DELAY, 0 }, { "output_line_delay", F_OUTPUT_LINE_DELAY, 0 },
	{ "dtr", F_DTR, 0 }, { "rts", F_RTS, 0 },
	{ "break_condition", F_BREAK_CONDITION, 0 }, { "cts", F_CTS, 0 }, { "dsr", F_DSR, 0 }, { "ri", F_RI, 0 },
	{ "cd", F_CD, 0 }, { "in_waiting", F_IN_WAITING, 0 }, { "out_waiting", F_OUT_WAITING, 0 }, { "url", F_URL, 0 },
	{ "name", F_NAME, 0 }, { "is_open", F_IS_OPEN, 0 }, { "lost", F_LOST, 0 },
	{ "errors", F_ERRORS, 0 }, { "signature", F_SIGNATURE, 0 },
};

enum { FIELDS = sizeof fields / sizeof *fields };

void lport_push_fields(lua_State *L)
{
	lua_createtable(L, 0, FIELDS);
	for (int i = 0; i < FIELDS; i++) {
		lua_pushinteger(L, i);
		lua_setfield(L, -2, fields[i].name);
	}
}

/* Other libraries' words for what we have. */
static const struct { const char *theirs, *ours; } other_words[] = {
	{ "reset_input_buffer", "flush_input" }, { "reset_output_buffer", "flush_output" }, { "flush", "drain" },
	{ "read_all", "read_some" }, { "recv", "read_some" }, { "send", "write" }, { "baud", "baudrate" },
};

/* The name in the table at index that is most like this one, if it is much like it. */
static const char *most_like(lua_State *L, int index, const char *name, const char *best, int *nearest)
{
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		const char *key = lua_tostring(L, -2);
		int d = distance(name, key);
		if (d < *nearest) {
			*nearest = d;
			best = key;
		}
	}
	return best;
}

/* upvalues: fields, and methods where those are meant too */
static int unknown(lua_State *L, const char *what, bool methods)
{
	struct err e;
	if (lua_type(L, 2) != LUA_TSTRING)
		raise_argument(L, 2, "the name of a field");
	const char *name = lua_tostring(L, 2), *best = NULL;
	int nearest = (int)(strlen(name) / 3) + 1;
	best = most_like(L, lua_upvalueindex(3), name, best, &nearest);
	if (methods)
		best = most_like(L, lua_upvalueindex(4), name, best, &nearest);
	for (unsigned i = 0; i < sizeof other_words / sizeof *other_words; i++)
		if (!strcmp(name, other_words[i].theirs))
			best = other_words[i].ours;
	err_set(&e, ERR_UNSUPPORTED, "a port has no %s \"%s\"", what, name);
	if (best)
		err_add(&e, "; it has \"%s\"", best);
	raise_err(L, &e);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void push_rs485(lua_State *L, const struct rs485 *r)
{
	if (!r->on) {
		lua_pushboolean(L, 0);
		return;
	}
	lua_createtable(L, 0, 5);
	lua_pushboolean(L, r->rts_level_for_tx), lua_setfield(L, -2, "rts_level_for_tx");
	lua_pushboolean(L, r->rts_level_for_rx), lua_setfield(L, -2, "rts_level_for_rx");
	lua_pushboolean(L, r->loopback), lua_setfield(L, -2, "loopback");
	lua_pushnumber(L, r->delay_before_tx), lua_setfield(L, -2, "delay_before_tx");
	lua_pushnumber(L, r->delay_before_rx), lua_setfield(L, -2, "delay_before_rx");
}

static int push_errors(lua_State *L, struct lport *lp)
{
	struct port_errors n;
	struct err e;
	if (port_get_errors(lp->port, &n, &e) < 0)
		return lport_fail(L, lp, "errors", &e);
	lua_createtable(L, 0, 4);
	lua_pushinteger(L, (lua_Integer)n.parity), lua_setfield(L, -2, "parity");
	lua_pushinteger(L, (lua_Integer)n.framing), lua_setfield(L, -2, "framing");
	lua_pushinteger(L, (lua_Integer)n.overrun), lua_setfield(L, -2, "overrun");
	lua_pushinteger(L, (lua_Integer)n.breaks), lua_setfield(L, -2, "breaks");
	return 1;
}

static int means_nothing(lua_State *L, struct lport *lp, const char *name)
{
	struct err e;
	err_set(&e, ERR_UNSUPPORTED, "%s: %s means nothing on a %s port", lp->port->url.text, name, lp->port->ops->name);
	return lport_fail(L, lp, name, &e);
}

static int push_input(lua_State *L, struct lport *lp, unsigned bit, const char *name)
{
	struct err e;
	unsigned values;
	if (!lp->port->ops->get_signals)
		return means_nothing(L, lp, name);
	if (port_get_signals(lp->port, &values, &e) < 0)
		return lport_fail(L, lp, name, &e);
	if (lp->port->taps)
		port_tap(lp->port, &(struct tap_event){ .kind = TAP_GET_SIGNAL, .signal = bit, .number = !!(values & bit) });
	lua_pushboolean(L, (int)(values & bit));
	return 1;
}

static int push_output(lua_State *L, struct lport *lp, unsigned bit, const char *name)
{
	struct port *p = lp->port;
	if (!p->ops->set_signals)
		return means_nothing(L, lp, name);
	struct err e;
	unsigned ignored;
	if (port_get_signals(p, &ignored, &e) < 0 && e.code == ERR_UNSUPPORTED)      /* a driver without signals */
		return lport_fail(L, lp, name, &e);
	lua_pushboolean(L, (int)(p->outputs & bit));
	return 1;
}

/* What came before the end may still be there to be read, and others may be reading it: nothing is taken. */
static int push_lost(lua_State *L, struct port *p)
{
	port_pump(p);
	if (p->why)
		lua_pushstring(L, p->why->text);
	else
		lua_pushnil(L);
	return 1;
}

/* Who polls must learn that nothing will come any more. */
static int push_in_waiting(lua_State *L, struct lport *lp)
{
	struct err e;
	struct port *p = lp->port;
	size_t n = port_in_waiting(p);
	if (!n && (p->eof || p->state == PORT_CLOSED)) {
		port_why(p, &e);
		return lport_fail(L, lp, "in_waiting", &e);
	}
	lua_pushinteger(L, (lua_Integer)n);
	return 1;
}

/* Asked when it is wanted first, which takes a round trip. */
static int push_signature(lua_State *L, struct lport *lp)
{
	struct err e;
	struct port *p = lp->port;
	if (!p->ops->signature)
		return means_nothing(L, lp, "signature");
	if (!p->ops->signature(p) && p->ops->ask_signature)
		return lport_sign(L, lport_idle(L, "signature"), port_ask_signature(p, &e), &e);
	lua_pushstring(L, p->ops->signature(p));
	return 1;
}

static int push_out_waiting(lua_State *L, struct lport *lp)
{
	struct err e;
	size_t n;
	if (port_out_waiting(lp->port, &n, &e) < 0)
		return lport_fail(L, lp, "out_waiting", &e);
	lua_pushinteger(L, (lua_Integer)n);
	return 1;
}

static int push_setting(lua_State *L, const struct config *c, enum field f)
{
	switch (f) {
	case F_BAUDRATE: lua_pushinteger(L, c->line.baudrate); break;
	case F_BYTESIZE: lua_pushinteger(L, c->line.bytesize); break;
	case F_PARITY: lua_pushlstring(L, &c->line.parity, 1); break;
	case F_STOPBITS:
		if (c->line.stopbits == 1.5)
			lua_pushnumber(L, 1.5);
		else
			lua_pushinteger(L, (lua_Integer)c->line.stopbits);
		break;
	case F_XONXOFF: lua_pushboolean(L, c->line.xonxoff); break;
	case F_RTSCTS: lua_pushboolean(L, c->line.rtscts); break;
	case F_DSRDTR: lua_pushboolean(L, c->line.dsrdtr); break;
	case F_LOW_LATENCY: lua_pushboolean(L, c->line.low_latency); break;
	case F_RS485: push_rs485(L, &c->line.rs485); break;
	case F_TIMEOUT: lua_pushnumber(L, c->timeout); break;
	case F_WRITE_TIMEOUT: lua_pushnumber(L, c->write_timeout); break;
	case F_INTER_BYTE_TIMEOUT:
		if (c->inter_byte_timeout > 0)
			lua_pushnumber(L, c->inter_byte_timeout);
		else
			lua_pushnil(L);
		break;
	case F_EXCLUSIVE: lua_pushboolean(L, c->exclusive); break;
	case F_EOL: lua_pushlstring(L, c->eol, c->eol_size); break;
	case F_RECONNECT: lua_pushboolean(L, c->reconnect); break;
	case F_WINDOW: lua_pushinteger(L, (lua_Integer)c->window); break;
	case F_OUTPUT_DELAY: lua_pushnumber(L, c->output_delay); break;
	case F_OUTPUT_LINE_DELAY: lua_pushnumber(L, c->output_line_delay); break;
	default: lua_pushnil(L);
	}
	return 1;
}

/* upvalues: metatable, false (no twin), fields, methods */
int lport_index(lua_State *L)
{
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(4)) != LUA_TNIL)
		return 1;
	struct lport *lp = lport_self(L);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(3)) != LUA_TNUMBER)
		return unknown(L, "field or method", true);
	lua_Integer i = lua_tointeger(L, -1);
	enum field f = fields[i].field;
	const char *name = fields[i].name;
	struct port *p = lp->port;
	if (!p) {
		if (f == F_IS_OPEN)
			return lua_pushboolean(L, 0), 1;
		raise_text(L, ERR_CLOSED, "the port is closed");
	}
	switch (f) {
	case F_DTR: return push_output(L, lp, SIGNAL_DTR, name);
	case F_RTS: return push_output(L, lp, SIGNAL_RTS, name);
	case F_BREAK_CONDITION: return lua_pushboolean(L, p->break_on), 1;
	case F_CTS: return push_input(L, lp, SIGNAL_CTS, name);
	case F_DSR: return push_input(L, lp, SIGNAL_DSR, name);
	case F_RI: return push_input(L, lp, SIGNAL_RI, name);
	case F_CD: return push_input(L, lp, SIGNAL_CD, name);
	case F_IN_WAITING: return push_in_waiting(L, lp);
	case F_OUT_WAITING: return push_out_waiting(L, lp);
	case F_URL: return lua_pushstring(L, p->url.text), 1;
	case F_NAME: return lua_pushstring(L, p->name), 1;
	case F_IS_OPEN: return lua_pushboolean(L, p->state == PORT_OPEN || p->state == PORT_LOST), 1;
	case F_LOST: return push_lost(L, p);
	case F_ERRORS: return push_errors(L, lp);
	case F_SIGNATURE: return push_signature(L, lp);
	default: break;
	}
	if (fields[i].setting & ~p->ops->settings)
		return means_nothing(L, lp, name);
	if (fields[i].setting & SET_LINE)
		port_refresh(p);
	return push_setting(L, &p->cfg, f);
}

/* ---- assigning --------------------------------------------------------------------------- */

static int set_break(lua_State *L, struct lport *lp)
{
	struct err e;
	struct port *p = lp->port;
	bool on = lua_toboolean(L, 3);
	port_end_timed(p);
	int r = on ? port_send_break(p, INFINITY, &e) : port_set_break(p, false, &e);
	if (r >= 0 && p->taps)
		port_tap(p, &(struct tap_event){ .kind = TAP_BREAK, .number = on });
	return lport_conclude(L, lp, "break_condition", r, p->cfg.write_timeout, &e);
}

/* upvalues: metatable, false (no twin), fields */
int lport_newindex(lua_State *L)
{
	struct err e;
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(3)) != LUA_TNUMBER)
		return unknown(L, "field", false);
	lua_Integer i = lua_tointeger(L, -1);
	enum field f = fields[i].field;
	const char *name = fields[i].name;
	struct lport *lp = lport_idle(L, name);
	if (f >= F_CTS) {
		err_set(&e, ERR_UNSUPPORTED, "%s can only be read", name);
		return lport_fail(L, lp, name, &e);
	}
	if (f == F_BREAK_CONDITION)
		return set_break(L, lp);
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, 2);
	if (f == F_INTER_BYTE_TIMEOUT && lua_isnil(L, 3))
		lua_pushinteger(L, 0);
	else
		lua_pushvalue(L, 3);
	if (lua_isnil(L, -1)) {
		err_set(&e, ERR_UNSUPPORTED, "%s: expected a value, got nil", name);
		return lport_fail(L, lp, name, &e);
	}
	lua_rawset(L, -3);
	return lport_assign(L, lp, lua_gettop(L), name);
}
