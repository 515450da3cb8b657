// SPDX-License-Identifier: MIT
// lport_line.c: set, signals, break, pulse, drain, flush: what concerns the line
// and not the bytes.  What takes time is the port's one pending operation.
#include <string.h>

#include "bind/lport.h"
#include "sched/task.h"

/* ---- pending operations ------------------------------------------------------------------ */

/* The operation is over: true; false: it goes on, or has failed, and *result is to be returned. */
static bool is_over(lua_State *L, struct lport *lp, int status, lua_KFunction again, int *result)
{
	struct port *p = lp->port;
	struct err e;
	const char *op = lua_tostring(L, -1);
	if (p->pending && p->state == PORT_OPEN) {
		if (status != WAKE_TIMEOUT) {
			*result = task_wait(L, &lp->op, lp->op_deadline, again, (lua_KContext)lp);
			return false;
		}
		const char *what = p->ops->awaits ? p->ops->awaits(p) : NULL;
		err_set(&e, ERR_TIMEOUT, "%s: %s did not finish in time%s%s", p->name, op, what ? ": " : "", what ? what : "");
		port_abandon(p);
		*result = lport_fail(L, lp, op, &e);
		return false;
	}
	if (!p->result && p->state == PORT_OPEN)
		return true;
	if (p->result)
		e = *p->result;
	else
		port_why(p, &e);
	*result = lport_fail(L, lp, op, &e);
	return false;
}

static int op_ended(lua_State *L, int status, lua_KContext ctx)
{
	int result;
	if (!is_over(L, (struct lport *)ctx, status, op_ended, &result))
		return result;
	lua_settop(L, 1);
	return 1;
}

static int wait_for_end(lua_State *L, struct lport *lp, const char *op, double timeout, lua_KFunction k)
{
	lua_pushstring(L, op);
	lp->op_deadline = deadline_after(timeout);
	return task_wait(L, &lp->op, lp->op_deadline, k, (lua_KContext)lp);
}

int lport_conclude(lua_State *L, struct lport *lp, const char *op, int r, double timeout, struct err *e)
{
	if (r < 0)
		return lport_fail(L, lp, op, e);
	if (r == 1)
		return wait_for_end(L, lp, op, timeout, op_ended);
	lua_settop(L, 1);
	return 1;
}

static int signed_at_last(lua_State *L, int status, lua_KContext ctx)
{
	int result;
	struct lport *lp = (struct lport *)ctx;
	if (!is_over(L, lp, status, signed_at_last, &result))
		return result;
	lua_pushstring(L, lp->port->ops->signature(lp->port));
	return 1;
}

int lport_sign(lua_State *L, struct lport *lp, int r, struct err *e)
{
	if (r < 0)
		return lport_fail(L, lp, "signature", e);
	if (r == 1)
		return wait_for_end(L, lp, "signature", lp->port->cfg.timeout, signed_at_last);
	lua_pushstring(L, lp->port->ops->signature(lp->port));
	return 1;
}

struct lport *lport_idle(lua_State *L, const char *op)
{
	struct err e;
	struct lport *lp = lport_self(L);
	if (lport_free_for(lp, &lp->op, op, &e) < 0)
		lport_fail(L, lp, op, &e);
	if (lp->port->pending)                           /* who waited for it was cancelled */
		port_abandon(lp->port);
	return lp;
}

/* lua: port = port:drain([timeout])   until all is sent */
static int lport_drain(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_idle(L, "drain");
	double timeout = bind_seconds(L, 2, lp->port->cfg.write_timeout);
	task_check_can_wait(L);
	return lport_conclude(L, lp, "drain", port_drain(lp->port, &e), timeout, &e);
}

/* What takes `seconds` by itself, and may have to wait for unsent bytes before: no wait is for ever. */
static double bounded(const struct lport *lp, double seconds)
{
	double more = lp->port->cfg.write_timeout;
	return seconds + (more > 1 ? more : 1);
}

/* lua: port = port:send_break([seconds])   0.25 s */
static int lport_send_break(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_idle(L, "send_break");
	double seconds = bind_seconds(L, 2, 0.25);
	if (seconds > 3600)
		raise_argument(L, 2, "seconds, at most 3600");
	task_check_can_wait(L);
	port_end_timed(lp->port);
	return lport_conclude(L, lp, "send_break", port_send_break(lp->port, seconds, &e), bounded(lp, seconds), &e);
}

static unsigned signal_bit(const char *name)
{
	static const char *const names[] = { "dtr", "rts", "cts", "dsr", "ri", "cd" };
	for (unsigned i = 0; name && i < 6; i++)
		if (!strcmp(name, names[i]))
			return 1u << i;
	return 0;
}

/* lua: port = port:pulse("dtr" | "rts", seconds[, level])   to `level` (the other one), then back */
static int lport_pulse(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_idle(L, "pulse");
	unsigned bit = lua_type(L, 2) == LUA_TSTRING ? signal_bit(lua_tostring(L, 2)) : 0;
	if (bit != SIGNAL_DTR && bit != SIGNAL_RTS)
		raise_argument(L, 2, "\"dtr\" or \"rts\"");
	double seconds = bind_seconds(L, 3, 0.1);
	task_check_can_wait(L);
	port_end_timed(lp->port);
	unsigned level = lua_isnoneornil(L, 4) ? ~lp->port->outputs & bit : lua_toboolean(L, 4) ? bit : 0;
	return lport_conclude(L, lp, "pulse", port_pulse(lp->port, bit, level, seconds, &e), bounded(lp, seconds), &e);
}

static int flush(lua_State *L, int which, const char *op)
{
	struct err e;
	struct lport *lp = lport_idle(L, op);
	return lport_conclude(L, lp, op, port_flush(lp->port, which, &e), lp->port->cfg.timeout, &e);
}

/* lua: port = port:flush_input()   throws received bytes away */
static int lport_flush_input(lua_State *L)
{
	return flush(L, FLUSH_INPUT, "flush_input");
}

/* lua: port = port:flush_output()   throws unsent bytes away */
static int lport_flush_output(lua_State *L)
{
	return flush(L, FLUSH_OUTPUT, "flush_output");
}

static int suspend(lua_State *L, bool on, const char *op)
{
	struct err e;
	struct lport *lp = lport_idle(L, op);
	return lport_conclude(L, lp, op, port_suspend(lp->port, on, &e), lp->port->cfg.timeout, &e);
}

/* lua: port = port:suspend()   asks the other end to send nothing */
static int lport_suspend(lua_State *L)
{
	return suspend(L, true, "suspend");
}

/* lua: port = port:resume() */
static int lport_resume(lua_State *L)
{
	return suspend(L, false, "resume");
}

/* ---- set --------------------------------------------------------------------------------- */

/* Asked before anything is changed: all of it or nothing. */
static bool able_to_signal(struct port *p, unsigned outputs, struct err *e)
{
	unsigned ignored;
	if (!p->ops->set_signals)
		return port_set_signals(p, outputs, 0, e), false;
	return !p->ops->get_signals || port_get_signals(p, &ignored, e) == 0 || e->code != ERR_UNSUPPORTED;
}

/* Puts a whole new configuration in force: local parts at once, the line in one step, outputs in one step. */
static int configure(lua_State *L, struct lport *lp, const struct config *c, const char *op)
{
	struct err e = { 0 };
	struct port *p = lp->port;
	unsigned differ = settings_differ(&c->line, &p->cfg.line) | (c->given & SET_LINE & ~p->ops->settings);
	unsigned outputs = (c->dtr >= 0 ? SIGNAL_DTR : 0u) | (c->rts >= 0 ? SIGNAL_RTS : 0u);
	unsigned levels = (c->dtr > 0 ? SIGNAL_DTR : 0u) | (c->rts > 0 ? SIGNAL_RTS : 0u);
	int r = 0;
	if (c->given & SET_EXCLUSIVE)
		return err_set(&e, ERR_UNSUPPORTED, "exclusive is set when a port is opened"), lport_fail(L, lp, op, &e);
	if (outputs && !able_to_signal(p, outputs, &e))
		return lport_fail(L, lp, op, &e);
	if (differ)
		r = port_set(p, &c->line, differ, &e);
	if (r < 0)
		return lport_fail(L, lp, op, &e);
	struct settings line = p->cfg.line;
	signed char dtr = p->cfg.dtr, rts = p->cfg.rts;
	unsigned given = p->cfg.given;
	p->cfg = *c;
	p->cfg.line = line;
	p->cfg.dtr = dtr;
	p->cfg.rts = rts;
	p->cfg.given = given | (c->given & SET_LINE);
	if (outputs) {
		port_end_timed(p);
		int s = port_set_signals(p, outputs, levels, &e);
		if (s < 0)
			return lport_fail(L, lp, op, &e);
		r |= s;
	}
	return lport_conclude(L, lp, op, r, p->cfg.timeout, &e);
}

int lport_assign(lua_State *L, struct lport *lp, int table, const char *op)
{
	struct err e = { 0 };
	struct url u;
	if (url_parse(&u, "set:", &e) < 0)
		return lport_fail(L, lp, op, &e);
	bind_options(L, table, &u);
	port_refresh(lp->port);
	struct config c = lp->port->cfg;
	c.dtr = c.rts = -1;
	c.given = 0;
	int r = 0;
	for (unsigned i = 0; i < u.count && r >= 0; i++) {
		r = config_option(&c, &u.options[i], &e);
		if (r == 0)
			r = err_set(&e, ERR_UNSUPPORTED, "set: unknown setting \"%s\"", u.options[i].key);
	}
	url_clear(&u);
	return r < 0 ? lport_fail(L, lp, op, &e) : configure(L, lp, &c, op);
}

/* lua: port = port:set{baudrate = 115200, rts = false, ...}   several at once */
static int lport_set(lua_State *L)
{
	struct lport *lp = lport_idle(L, "set");
	if (!lua_istable(L, 2))
		raise_argument(L, 2, "a table of settings");
	return lport_assign(L, lp, 2, "set");
}

/* ---- signals ----------------------------------------------------------------------------- */

static void push_signals(lua_State *L, unsigned now, unsigned changed)
{
	static const char *const names[] = { "cts", "dsr", "ri", "cd" };
	int n = 0;
	lua_createtable(L, 0, 5);
	lua_newtable(L);
	for (unsigned i = 0; i < 4; i++) {
		lua_pushboolean(L, (int)(now & (SIGNAL_CTS << i)));
		lua_setfield(L, -3, names[i]);
		if (changed & (SIGNAL_CTS << i)) {
			lua_pushstring(L, names[i]);
			lua_rawseti(L, -2, ++n);
		}
	}
	lua_setfield(L, -2, "changed");
}

/* The port has looked: for somebody who waits? */
void lport_news_signals(struct lport *lp)
{
	if (!lp->signals.task)
		port_watch_signals(lp->port, false, NULL);
	else if ((lp->port->signals ^ lp->signals_before) & lp->signals_mask)
		waiter_wake(&lp->signals);
}

static int signals_step(lua_State *L, int status, lua_KContext ctx)
{
	struct lport *lp = (struct lport *)ctx;
	struct port *p = lp->port;
	struct err e;
	unsigned changed = (p->signals ^ lp->signals_before) & lp->signals_mask;
	if (changed) {
		lp->signals_seen = p->signals;
		push_signals(L, p->signals, changed);
		return 1;
	}
	if (p->state != PORT_OPEN) {
		port_why(p, &e);
		return lport_fail(L, lp, "wait_signals", &e);
	}
	if (status == WAKE_TIMEOUT) {
		lport_timed_out(lp, "no change of the signals", lua_tonumber(L, -1), &e);
		return lport_fail(L, lp, "wait_signals", &e);
	}
	return task_wait(L, &lp->signals, lp->signals_deadline, signals_step, ctx);
}

static unsigned signals_argument(lua_State *L, int arg)
{
	unsigned mask = 0, inputs = SIGNAL_CTS | SIGNAL_DSR | SIGNAL_RI | SIGNAL_CD;
	if (lua_isnoneornil(L, arg))
		return inputs;
	if (lua_type(L, arg) == LUA_TSTRING)
		mask = signal_bit(lua_tostring(L, arg));
	else if (lua_istable(L, arg))
		for (lua_Integer i = 1; lua_geti(L, arg, i) != LUA_TNIL; i++) {
			unsigned bit = lua_type(L, -1) == LUA_TSTRING ? signal_bit(lua_tostring(L, -1)) : 0;
			mask = bit ? mask | bit : ~0u;
			lua_pop(L, 1);
		}
	if (!mask || mask & ~inputs)
		raise_argument(L, arg, "\"cts\", \"dsr\", \"ri\" or \"cd\", or a list of them");
	return mask;
}

/* lua: {cts=, dsr=, ri=, cd=, changed={name...}} = port:wait_signals([name | names[, timeout]]) */
static int lport_wait_signals(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_self(L);
	lua_settop(L, 3);
	unsigned mask = signals_argument(L, 2);
	double timeout = lport_timeout(L, lp, 3);
	if (lport_free_for(lp, &lp->signals, "wait_signals", &e) < 0)
		return lport_fail(L, lp, "wait_signals", &e);
	bool first = !lp->signals_mask;          /* a change between two calls is not lost */
	task_check_can_wait(L);
	if (port_watch_signals(lp->port, true, &e) < 0)
		return lport_fail(L, lp, "wait_signals", &e);
	lp->signals_mask = mask;
	lp->signals_before = first ? lp->port->signals : lp->signals_seen;
	lp->signals_seen = lp->port->signals;
	lp->signals_deadline = deadline_after(timeout);
	lua_pushnumber(L, timeout);
	if ((lp->port->signals ^ lp->signals_before) & mask)
		return signals_step(L, WAKE_READY, (lua_KContext)lp);
	return task_wait(L, &lp->signals, lp->signals_deadline, signals_step, (lua_KContext)lp);
}

const luaL_Reg lport_line_methods[] = {
	{ "drain", lport_drain }, { "send_break", lport_send_break }, { "pulse", lport_pulse },
	{ "flush_input", lport_flush_input }, { "flush_output", lport_flush_output }, { "set", lport_set },
	{ "suspend", lport_suspend }, { "resume", lport_resume }, { "wait_signals", lport_wait_signals }, { NULL, NULL },
};
