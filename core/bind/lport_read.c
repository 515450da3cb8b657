// SPDX-License-Identifier: MIT
// lport_read.c: read, read_some, read_line, read_until, query, lines.  A reader
// says what it looks for; each arrival is searched once, from where the last
// search ended, in C; the task runs again when it is there.  What was not taken
// stays in the buffer, also after a timeout.
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/escape.h"
#include "bind/lport.h"
#include "sched/task.h"

enum { SHOWN = 32 };                         /* bytes of the input in a timeout's message */

/* ---- what to look for -------------------------------------------------------------------- */

static int look_bytes(struct request *r, const char *data, size_t size, struct err *e)
{
	(void)data, (void)e;
	r->take = r->n;
	return size >= r->n;
}

static int look_some(struct request *r, const char *data, size_t size, struct err *e)
{
	(void)data, (void)e;
	r->take = size < r->n ? size : r->n;
	return r->gap_ends ? size >= r->n : size > 0;
}

static int look_until(struct request *r, const char *data, size_t size, struct err *e)
{
	const char *at = r->needle_size == 1 ? memchr(data + r->scan, *r->needle, size - r->scan) :
		memmem(data + r->scan, size - r->scan, r->needle, r->needle_size);
	if (at) {
		r->take = (size_t)(at - data) + r->needle_size;
		return 1;
	}
	r->scan = size >= r->needle_size ? size - r->needle_size + 1 : 0;
	if (size > r->window)
		return err_set(e, ERR_PROTOCOL, "%s: no terminator within %zu bytes (option window); the bytes are still there",
			r->op, r->window);
	return 0;
}

static int look(struct lport *lp, struct err *e)
{
	struct request *r = &lp->request;
	struct buf *rx = &lp->port->rx;
	if (r->emptied != lp->port->emptied) {   /* by another task's flush_input or close */
		r->emptied = lp->port->emptied;
		r->scan = 0;
		lport_patterns_restart(r);
	}
	return r->look(r, rx->mem ? buf_data(rx) : "", rx->len, e);
}

/* ---- the wait ---------------------------------------------------------------------------- */

/* When the wait ends at the latest: silence after the first byte may end it before the timeout. */
static int64_t gap_deadline(const struct lport *lp)
{
	const struct request *r = &lp->request;
	if (!r->gap || !lp->port->rx.len)
		return r->deadline;
	int64_t gap = now_ns() + r->gap;
	return gap < r->deadline ? gap : r->deadline;
}

void lport_news_read(struct lport *lp, unsigned news)
{
	struct request *r = &lp->request;
	struct task *t = lp->reader.task;
	struct err ignored;
	if (!t || t->state != TASK_WAITING)
		return;
	if ((news & PORT_NEWS_CLOSED) || look(lp, &ignored) != 0) {
		waiter_wake(&lp->reader);
		return;
	}
	if (r->gap)
		task_deadline(t, gap_deadline(lp));
}

static int finish(lua_State *L, struct lport *lp)
{
	struct request *r = &lp->request;
	struct port *p = lp->port;
	if (r->patterns)
		return lport_push_captures(L, lp);
	lua_pushlstring(L, p->rx.mem ? buf_data(&p->rx) : "", r->take - r->drop);
	port_consume(p, r->take);
	return 1;
}

static const char *missing(const struct request *r)
{
	return r->look == look_bytes ? "not enough bytes" : r->look == look_some ? "no byte" : r->patterns ? "no match" :
		r->look == look_until ? "no terminator" : "no complete line";
}

/* What is there instead tells most about why the wait was in vain. */
static void add_what_came(const struct buf *rx, struct err *e)
{
	size_t n = rx->len < SHOWN ? rx->len : SHOWN;
	struct buf text = { 0 };
	if (escape_bytes(&text, buf_data(rx) + rx->len - n, n) == 0)
		err_add(e, " (%zu byte%s there%s: \"%.*s\")", rx->len, rx->len == 1 ? "" : "s", n < rx->len ? ", at the end" : "",
			(int)text.len, buf_data(&text));
	buf_clear(&text);
}

enum { TIMER_SLACK = 1000000 };              /* ns by which a timer may be early */

static int failed(lua_State *L, struct lport *lp, double seconds)
{
	struct err e;
	struct port *p = lp->port;
	const struct request *r = &lp->request;
	size_t have = p->rx.len;
	if (r->gap && have && now_ns() + TIMER_SLACK < r->deadline)
		err_set(&e, ERR_TIMEOUT, "%s: %s before %g s of silence (inter_byte_timeout)", p->name, missing(r),
			(double)r->gap / 1e9);
	else
		lport_timed_out(lp, missing(r), seconds, &e);
	if (have)
		add_what_came(&p->rx, &e);
	if (!have && p->taps)
		port_tap(p, &(struct tap_event){ .kind = TAP_READ_NOTHING });
	return lport_fail(L, lp, lp->request.op, &e);
}

/* The end of a port in use: p->why, unless it is being re-opened. */
static bool over(struct port *p)
{
	return p->eof || p->state == PORT_CLOSED;
}

/* lines() at the end of the input: a last line without its end, then nil; or the reason why the port is lost. */
static int lines_ended(lua_State *L, struct lport *lp)
{
	struct err e;
	struct port *p = lp->port;
	if (p->rx.len) {
		lua_pushlstring(L, buf_data(&p->rx), p->rx.len);
		port_consume(p, p->rx.len);
	} else if (p->state == PORT_CLOSED && p->why && !p->eof) {
		port_why(p, &e);
		return lport_fail(L, lp, "lines", &e);
	} else
		lua_pushnil(L);
	return 1;
}

static int step(lua_State *L, int status, lua_KContext ctx)
{
	struct lport *lp = (struct lport *)ctx;
	struct request *r = &lp->request;
	struct port *p = lp->port;
	struct err e;
	int there = look(lp, &e);
	if (there > 0)
		return finish(L, lp);
	if (there < 0)
		return lport_fail(L, lp, r->op, &e);
	if (over(p)) {
		if (r->lines)
			return lines_ended(L, lp);
		if (r->gap_ends && p->rx.len)
			return finish(L, lp);
		port_why(p, &e);
		return lport_fail(L, lp, r->op, &e);
	}
	if (status == WAKE_TIMEOUT) {
		if (r->gap_ends && p->rx.len)
			return finish(L, lp);
		return failed(L, lp, lua_tonumber(L, -1));
	}
	return task_wait(L, &lp->reader, gap_deadline(lp), step, (lua_KContext)lp);
}

/* Bytes up to where this request may search are taken before the sender has to wait. */
static void raise_mark(struct lport *lp)
{
	struct request *r = &lp->request;
	if (r->look == look_bytes)
		port_want(lp->port, r->n);
	else if (r->look != look_some)
		port_want(lp->port, r->window);
}

/* What is there without waiting for it: all of it for a read that does not wait; else a task that is
 * alone looks once, because on one processor the other end often has answered already. */
static void take_present(lua_State *L, struct port *p, double timeout)
{
	if (timeout == 0)
		port_pump(p);
	else if (p->ops->peek && p->state == PORT_OPEN && task_alone(L))
		p->ops->peek(p);
}

/* The timeout is on top of the stack. */
static int read_now(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	struct lport *lp = (struct lport *)ctx;
	struct request *r = &lp->request;
	struct port *p = lp->port;
	struct err e;
	if (look(lp, &e) == 0 && !over(p)) {
		double timeout = lua_tonumber(L, -1);
		raise_mark(lp);
		take_present(L, p, timeout);
		r->deadline = deadline_after(timeout);
		r->gap = (int64_t)(p->cfg.inter_byte_timeout * 1e9);
	}
	return step(L, WAKE_READY, (lua_KContext)lp);
}

int lport_read(lua_State *L, struct lport *lp)
{
	if (task_had_its_turn(L))
		return task_wait(L, &lp->reader, now_ns(), read_now, (lua_KContext)lp);
	return read_now(L, WAKE_READY, (lua_KContext)lp);
}

/* ---- methods ----------------------------------------------------------------------------- */

/* Checks that reading is possible, pushes the timeout and clears the request. */
static struct request *begin(lua_State *L, struct lport *lp, int timeout_arg, const char *op, struct err *e)
{
	double timeout = lport_timeout(L, lp, timeout_arg);
	if (lport_free_for(lp, &lp->reader, op, e) < 0)
		return NULL;
	lua_pushnumber(L, timeout);
	lp->request = (struct request){ .op = op, .window = lp->port->cfg.window };
	return &lp->request;
}

/* lua: bytes = port:read(n[, timeout])   exactly n bytes */
static int lport_read_n(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_self(L);
	lua_Integer n = bind_integer(L, 2, 0, 1 << 30, "a number of bytes, 0 to 2^30");
	struct request *r = begin(L, lp, 3, "read", &e);
	if (!r)
		return lport_fail(L, lp, "read", &e);
	r->look = look_bytes;
	r->n = (size_t)n;
	return lport_read(L, lp);
}

/* lua: bytes = port:read_some([max[, timeout]])   at least one byte */
static int lport_read_some(lua_State *L)
{
	struct err e;
	struct lport *lp = lport_self(L);
	lua_Integer n = lua_isnoneornil(L, 2) ? PORT_HIGH_WATER : bind_integer(L, 2, 1, 1 << 30, "a number of bytes, 1 or more");
	struct request *r = begin(L, lp, 3, "read_some", &e);
	if (!r)
		return lport_fail(L, lp, "read_some", &e);
	r->look = look_some;
	r->n = (size_t)n;
	r->gap_ends = lp->port->cfg.inter_byte_timeout > 0;
	return lport_read(L, lp);
}

/* The line ends with the port's eol; before "\n" a "\r" goes too.  That is known when the line is there. */
static int look_line(struct request *r, const char *data, size_t size, struct err *e)
{
	int there = look_until(r, data, size, e);
	if (there > 0) {
		r->drop = r->needle_size;
		if (r->needle_size == 1 && *r->needle == '\n' && r->take > 1 && data[r->take - 2] == '\r')
			r->drop = 2;
	}
	return there;
}

static int read_line(lua_State *L, struct lport *lp, int timeout_arg, const char *op)
{
	struct err e;
	struct request *r = begin(L, lp, timeout_arg, op, &e);
	if (!r)
		return lport_fail(L, lp, op, &e);
	r->look = look_line;
	r->needle = lp->port->cfg.eol;
	r->needle_size = lp->port->cfg.eol_size;
	return lport_read(L, lp);
}

/* lua: line = port:read_line([timeout])   without its eol */
static int lport_read_line(lua_State *L)
{
	return read_line(L, lport_self(L), 2, "read_line");
}

/* lua: bytes = port:read_until(terminator[, timeout])   with the terminator */
static int lport_read_until(lua_State *L)
{
	struct err e;
	size_t n;
	struct lport *lp = lport_self(L);
	const char *needle = bind_bytes(L, 2, &n);
	if (n == 0)
		raise_argument(L, 2, "a terminator of 1 byte or more");
	struct request *r = begin(L, lp, 3, "read_until", &e);
	if (!r)
		return lport_fail(L, lp, "read_until", &e);
	r->look = look_until;
	r->needle = needle;
	r->needle_size = n;
	return lport_read(L, lp);
}

/* ---- lines ------------------------------------------------------------------------------- */

/* A whole line that is there already, its end one byte: the case that a log of a million lines consists of. */
static int ready_line(lua_State *L, struct lport *lp)
{
	struct port *p = lp->port;
	if (!p || lp->reader.task || p->cfg.eol_size != 1 || !p->rx.len)
		return 0;
	const char *data = buf_data(&p->rx), *end = memchr(data, *p->cfg.eol, p->rx.len);
	if (!end)
		return 0;
	size_t n = (size_t)(end - data), drop = n && *end == '\n' && end[-1] == '\r';
	if (n > p->cfg.window)
		return 0;
	lua_pushlstring(L, data, n - drop);
	port_consume(p, n + 1);
	return 1;
}

/* upvalues: metatable, false (no twin), timeout, port */
static int next_line(lua_State *L)
{
	struct err e;
	struct lport *lp = lua_touserdata(L, lua_upvalueindex(4));
	if (!task_had_its_turn(L) && ready_line(L, lp))
		return 1;
	lua_settop(L, 0);
	lua_pushvalue(L, lua_upvalueindex(4));
	lua_pushvalue(L, lua_upvalueindex(3));
	struct request *r = begin(L, lp, 2, "lines", &e);
	if (!r)
		return lport_fail(L, lp, "lines", &e);
	r->look = look_line;
	r->needle = lp->port->cfg.eol;
	r->needle_size = lp->port->cfg.eol_size;
	r->lines = true;
	return lport_read(L, lp);
}

/* lua: for line in port:lines([timeout]) do ... end   ends when the other end or close() ends the input */
static int lport_lines(lua_State *L)
{
	struct lport *lp = lport_self(L);
	lport_timeout(L, lp, 2);
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushboolean(L, 0);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, next_line, 4);
	return 1;
}

/* lport_write.c: the second half of a query. */
int lport_read_reply(lua_State *L, struct lport *lp, int timeout_arg)
{
	return read_line(L, lp, timeout_arg, "query");
}

const luaL_Reg lport_read_methods[] = {
	{ "read", lport_read_n }, { "read_some", lport_read_some }, { "read_line", lport_read_line },
	{ "read_until", lport_read_until }, { "lines", lport_lines }, { NULL, NULL },
};
