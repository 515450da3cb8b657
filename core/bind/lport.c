// SPDX-License-Identifier: MIT
// lport.c: the Port class: opening, closing, errors, try_ twins.  The userdata
// is the sole owner of its struct port; while a task waits, the port is on that
// task's own stack, so it needs no reference.  See lport.h for the other files.
#include "bind/lport.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "port/pair.h"
#include "port/scheme.h"
#include "sched/loop.h"

static const char CLASS[] = "moonrig.Port";
static const char OPENING[] = "moonrig.opening";
enum { OPENING_TIME = 5 };                   /* seconds, where `timeout` is 0 */

/* ---- shared by the other files ----------------------------------------------------------- */

struct lport *lport_self(lua_State *L)
{
	return bind_self(L, 1, "a port");
}

enum { RECEIVED_MOST = 64 * 1024 };

static void push_failure(lua_State *L, struct lport *lp, const char *op, const struct err *e)
{
	push_error(L, e);
	lua_pushstring(L, op);
	lua_setfield(L, -2, "op");
	struct port *p = lp ? lp->port : NULL;
	if (!p)
		return;
	lua_pushstring(L, p->url.text);
	lua_setfield(L, -2, "url");
	lua_pushlstring(L, p->rx.len ? buf_data(&p->rx) : "", p->rx.len < RECEIVED_MOST ? p->rx.len : RECEIVED_MOST);
	lua_setfield(L, -2, "received");
}

int lport_fail(lua_State *L, struct lport *lp, const char *op, struct err *e)
{
	if (lua_toboolean(L, lua_upvalueindex(2))) {
		lua_pushnil(L);
		push_failure(L, lp, op, e);
		return 2;
	}
	push_failure(L, lp, op, e);
	return lua_error(L);
}

int lport_free_for(struct lport *lp, struct waiter *w, const char *op, struct err *e)
{
	if (!lp->port)
		return err_set(e, ERR_CLOSED, "%s: the port is closed", op);
	if (w->task && lp->port->state == PORT_CLOSED)
		return port_why(lp->port, e), -1;
	if (w->task)
		return err_set(e, ERR_BUSY, "%s: another task is busy with that on %s; one at a time", op, lp->port->url.text);
	return 0;
}

double lport_timeout(lua_State *L, struct lport *lp, int arg)
{
	return bind_seconds(L, arg, lp->port ? lp->port->cfg.timeout : 0);
}

void lport_timed_out(struct lport *lp, const char *what, double seconds, struct err *e)
{
	err_set(e, ERR_TIMEOUT, "%s: %s within %g s", lp->port->name ? lp->port->name : lp->port->url.text, what, seconds);
	lport_add_lost(lp, e);
}

void lport_add_lost(struct lport *lp, struct err *e)
{
	struct err why;
	if (lp->port->state != PORT_LOST)
		return;
	port_why(lp->port, &why);
	err_add(e, "; being re-opened, because %s", why.text);
}

static void on_news(void *arg, unsigned news)
{
	struct lport *lp = arg;
	if (news & (PORT_NEWS_READ | PORT_NEWS_CLOSED))
		lport_news_read(lp, news);
	if (news & (PORT_NEWS_WRITE | PORT_NEWS_CLOSED))
		waiter_wake(&lp->writer);
	if (news & PORT_NEWS_DONE)
		waiter_wake(&lp->op);
	if (news & PORT_NEWS_SIGNALS)
		lport_news_signals(lp);
	if (news & PORT_NEWS_CLOSED)
		waiter_wake(&lp->signals);
}

/* ---- open, close ------------------------------------------------------------------------- */

static struct lport *new_closed(lua_State *L)
{
	struct lport *lp = lua_newuserdatauv(L, sizeof *lp, 0);
	*lp = (struct lport){ 0 };
	luaL_setmetatable(L, CLASS);
	return lp;
}

static int unwatched_fd(void *arg)
{
	struct port *p = ((struct lport *)arg)->port;
	return p && p->state == PORT_OPEN && p->ops->descriptor ? p->ops->descriptor(p) : -1;
}

static void unwatched_readable(void *arg)
{
	struct port *p = ((struct lport *)arg)->port;
	p->ops->peek(p);
}

static void unwatched_watch(void *arg)
{
	struct lport *lp = arg;
	lp->reader.source = NULL;
	port_watch(lp->port);
}

/* Arrivals are watched from the loop's next real wait on. */
static void watch_later(lua_State *L, struct lport *lp)
{
	if (!lp->port->ops->watch)
		return;
	port_unwatch(lp->port);
	lp->unwatched = (struct unwatched){ .fd = unwatched_fd, .readable = unwatched_readable, .watch = unwatched_watch,
		.arg = lp };
	lp->reader.source = &lp->unwatched;
	loop_unwatched(loop_of(L), &lp->unwatched);
}

/* An open port, made without an owner. */
static void own(struct lport *lp, struct port *p)
{
	lp->port = p;
	p->news = on_news;
	p->news_arg = lp;
}

void lport_push(lua_State *L, struct port *p)
{
	struct lport *lp = new_closed(L);
	own(lp, p);
	watch_later(L, lp);
}

/* A cancel or a deadline while a port opens: it is given up at once, not when it is collected. */
static int opening_over(lua_State *L)
{
	struct port *p = (*(struct lport **)lua_touserdata(L, 1))->port;
	if (p && p->state == PORT_OPENING)
		port_close(p);
	return 0;
}

/* Marks the port on top of the stack, which is being opened, to be closed unless that goes well. */
static void guard_opening(lua_State *L, struct lport *lp)
{
	struct lport **guard = lua_newuserdatauv(L, sizeof *guard, 0);
	*guard = lp;
	luaL_setmetatable(L, OPENING);
	lua_insert(L, -2);
	lua_toclose(L, -2);
}

/* A timeout of 0 is about reading: nothing could be opened in no time. */
static double opening_time(const struct port *p)
{
	return p->cfg.timeout > 0 ? p->cfg.timeout : OPENING_TIME;
}

static int opened(lua_State *L, int status, lua_KContext ctx)
{
	struct lport *lp = (struct lport *)ctx;
	struct port *p = lp->port;
	if (p->state == PORT_OPEN) {
		watch_later(L, lp);
		return 1;
	}
	struct err e;
	port_why(p, &e);
	if (p->state == PORT_OPENING) {
		if (status != WAKE_TIMEOUT)
			return task_wait(L, &lp->op, lp->op_deadline, opened, ctx);
		const char *what = p->ops->awaits ? p->ops->awaits(p) : NULL;
		err_set(&e, ERR_TIMEOUT, "opening %s: %s within %g s", p->url.text, what ? what : "no answer", opening_time(p));
	}
	port_close(p);
	return lport_fail(L, lp, "open", &e);
}

static int open_failed(lua_State *L, const char *text, const struct err *e)
{
	bool twin = lua_toboolean(L, lua_upvalueindex(2));
	if (twin)
		lua_pushnil(L);
	push_failure(L, NULL, "open", e);
	lua_pushstring(L, text);
	lua_setfield(L, -2, "url");
	return twin ? 2 : lua_error(L);
}

static int begin_opening(lua_State *L, struct lport *lp, const char *text, struct err *e)
{
	struct url u;
	if (url_parse(&u, text, e) < 0)
		return -1;
	bind_options(L, 2, &u);
	return port_open(loop_of(L)->base, &u, on_news, lp, &lp->port, e);
}

/* lua: port = core.open(url[, options]); nil, err = core.try_open(...) */
static int lport_open(lua_State *L)
{
	struct err e = { 0 };
	size_t n;
	if (lua_type(L, 1) != LUA_TSTRING)
		raise_argument(L, 1, "a URL");
	const char *text = lua_tolstring(L, 1, &n);
	if (strlen(text) != n)
		raise_argument(L, 1, "a URL without a zero byte");
	if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2))
		raise_argument(L, 2, "a table of options");
	lua_settop(L, 2);
	struct lport *lp = new_closed(L);
	int r = begin_opening(L, lp, text, &e);
	if (r < 0 && (e.code == ERR_BUSY || e.sys == EMFILE || e.sys == ENFILE)) {
		lua_gc(L, LUA_GCCOLLECT, 0);     /* by a port that the script has dropped, perhaps */
		r = begin_opening(L, lp, text, &e);
	}
	if (r < 0)
		return open_failed(L, text, &e);
	if (r == 0) {
		watch_later(L, lp);
		return 1;
	}
	guard_opening(L, lp);
	lp->op_deadline = deadline_after(opening_time(lp->port));
	return task_wait(L, &lp->op, lp->op_deadline, opened, (lua_KContext)lp);
}

/* lua: port:close()   idempotent; the waiting tasks get `closed` */
static int lport_close(lua_State *L)
{
	struct lport *lp = lport_self(L);
	if (lp->port)
		port_close(lp->port);
	return 0;
}

struct port *lport_give_up(lua_State *L, int arg)
{
	struct lport *lp = luaL_testudata(L, arg, CLASS);
	struct port *p = lp ? lp->port : NULL;
	if (!p || p->state == PORT_CLOSED)
		raise_argument(L, arg, "an open port");
	if (lp->reader.task || lp->writer.task || lp->op.task || lp->signals.task)
		raise_text(L, ERR_BUSY, "another task is busy with the port");
	unwatched_cancel(&lp->unwatched);
	lp->reader.source = NULL;
	lp->port = NULL;
	p->news = NULL;
	return p;
}

static int lport_gc(lua_State *L)
{
	struct lport *lp = lport_self(L);
	struct port *p = lp->port;
	unwatched_cancel(&lp->unwatched);
	lp->port = NULL;
	port_free(p);
	return 0;
}

static int lport_tostring(lua_State *L)
{
	struct lport *lp = lport_self(L);
	if (lp->port)
		lua_pushfstring(L, "port: %s%s", lp->port->url.text, lp->port->state == PORT_CLOSED ? " (closed)" : "");
	else
		lua_pushliteral(L, "port (closed)");
	return 1;
}

/* lua: near, far = core.pair([options]) */
static int lport_pair(lua_State *L)
{
	struct port *a, *b;
	struct err e;
	struct url options;
	lua_settop(L, 1);
	struct lport *near = new_closed(L), *far = new_closed(L);
	if (url_parse(&options, "pair:", &e) < 0)
		raise_err(L, &e);
	bind_options(L, 1, &options);
	int r = pair_new(loop_of(L)->base, &options, &a, &b, &e);
	url_clear(&options);
	if (r < 0)
		raise_err(L, &e);
	own(near, a);
	own(far, b);
	return 2;
}

/* lua: names = core.schemes() */
static int lport_schemes(lua_State *L)
{
	int n = 0;
	lua_newtable(L);
	for (const struct scheme *s = scheme_table(); s->name; s++) {
		lua_pushstring(L, s->name);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* ---- the class --------------------------------------------------------------------------- */

static const char *const twins[] = { "read", "read_some", "read_line", "read_until", "expect", "query", NULL };

/* upvalues of a method: the metatable, and whether it is a try_ twin */
static void add_methods(lua_State *L, const luaL_Reg *list)
{
	char name[40];
	for (; list->name; list++) {
		for (int twin = 0; twin < 2; twin++) {
			bool wanted = !twin;
			for (const char *const *t = twins; twin && *t; t++)
				wanted = wanted || !strcmp(*t, list->name);
			if (!wanted)
				continue;
			lua_pushvalue(L, -2);
			lua_pushboolean(L, twin);
			lua_pushcclosure(L, list->func, 2);
			snprintf(name, sizeof name, "%s%s", twin ? "try_" : "", list->name);
			lua_setfield(L, -2, name);
		}
	}
}

static void set_index(lua_State *L)
{
	lua_pushvalue(L, -2);
	lua_pushboolean(L, 0);
	lport_push_fields(L);
	lua_rotate(L, -4, 3);                        /* metatable, false, fields, methods */
	lua_pushcclosure(L, lport_index, 4);
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, -1);
	lua_pushboolean(L, 0);
	lport_push_fields(L);
	lua_pushcclosure(L, lport_newindex, 3);
	lua_setfield(L, -2, "__newindex");
}

void open_port(lua_State *L)
{
	static const luaL_Reg life[] = { { "close", lport_close }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", lport_gc }, { "__close", lport_close }, { "__tostring", lport_tostring },
		{ NULL, NULL } };
	lport_patterns_class(L);
	luaL_newmetatable(L, OPENING);
	lua_pushcfunction(L, opening_over);
	lua_setfield(L, -2, "__close");
	lua_pop(L, 1);
	luaL_newmetatable(L, CLASS);
	lua_pushvalue(L, -1);
	luaL_setfuncs(L, meta, 1);
	lua_newtable(L);
	add_methods(L, life);
	add_methods(L, lport_read_methods);
	add_methods(L, lport_expect_methods);
	add_methods(L, lport_write_methods);
	add_methods(L, lport_line_methods);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "methods");          /* for messages: raise.c */
	set_index(L);
	for (int twin = 0; twin < 2; twin++) {
		lua_pushvalue(L, -1);
		lua_pushboolean(L, twin);
		lua_pushcclosure(L, lport_open, 2);
		lua_setfield(L, -3, twin ? "try_open" : "open");
	}
	lua_pop(L, 1);
	lua_pushcfunction(L, lport_pair);
	lua_setfield(L, -2, "pair");
	lua_pushcfunction(L, lport_schemes);
	lua_setfield(L, -2, "schemes");
}
