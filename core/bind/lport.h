/* SPDX-License-Identifier: MIT
 * lport.h: the Port class for Lua, inside: lport.c (opening, closing, errors), lport_read.c,
 * lport_expect.c, lport_write.c, lport_line.c (settings, signals, what takes
 * time), lport_fields.c (p.baudrate).  One task may read, one write, one run
 * another operation, one wait for signals, at the same time; a second raises busy. */
#ifndef BIND_LPORT_H
#define BIND_LPORT_H
#include <stdbool.h>
#include <stdint.h>

#include "bind/bind.h"
#include "port/port.h"
#include "sched/wait.h"

/* What a reader waits for.  look: 1 it is there (take bytes from the front, of which the last `drop`
 * are not given to the script), 0 not yet, -1 it will not come (*e). */
struct request {
	int (*look)(struct request *r, const char *data, size_t size, struct err *e);
	size_t n;                            /* bytes wanted, or most */
	const char *needle;                  /* terminator; anchored on the reader's stack */
	size_t needle_size;
	void *patterns;                      /* lport_expect.c */
	size_t scan;                         /* searched so far */
	unsigned emptied;                    /* port->emptied at that time */
	size_t take, drop;
	size_t window;                       /* bytes that may be searched */
	bool lines;                          /* of lines(): the end of the input is no error */
	bool gap_ends;                       /* silence ends it well (read_some with inter_byte_timeout) */
	int64_t gap;                         /* ns between bytes, 0 none */
	int64_t deadline;
	const char *op;
};

struct lport {
	struct port *port;                   /* NULL: never opened, or freed */
	struct waiter reader, writer, op, signals;
	struct unwatched unwatched;          /* its descriptor, until the loop watches it */
	struct request request;
	size_t written;                      /* of the write under way */
	int64_t deadline;                    /* of the write under way */
	int64_t op_deadline, signals_deadline;
	unsigned signals_mask, signals_before, signals_seen;
};

/* The port at argument 1; raises when it is something else. */
struct lport *lport_self(lua_State *L);
/* The open port at `arg` leaves its userdata, which is closed then; raises when a task is at it. */
struct port *lport_give_up(lua_State *L, int arg);
/* Raises e as an error object with url, op and received; in a try_ twin (upvalue 2) returns nil and it. */
int lport_fail(lua_State *L, struct lport *lp, const char *op, struct err *e);
/* busy / closed before anything starts. 0 or -1 with *e. */
int lport_free_for(struct lport *lp, struct waiter *w, const char *op, struct err *e);
/* The optional timeout at `arg`, else the port's. */
double lport_timeout(lua_State *L, struct lport *lp, int arg);
/* Fills *e with a timeout.  The second adds that, and why, the port is away (reconnect). */
void lport_timed_out(struct lport *lp, const char *what, double seconds, struct err *e);
void lport_add_lost(struct lport *lp, struct err *e);

/* What the class has, file by file; NULL at the end. */
extern const luaL_Reg lport_read_methods[], lport_expect_methods[], lport_write_methods[], lport_line_methods[];
int lport_index(lua_State *L);               /* upvalues: metatable, false, field names, methods */
int lport_newindex(lua_State *L);
void lport_push_fields(lua_State *L);        /* the table of field names */
/* Starts a read of lp->request, waiting as needed, and finishes it on the stack. */
int lport_read(lua_State *L, struct lport *lp);
/* read_line for query. */
int lport_read_reply(lua_State *L, struct lport *lp, int timeout_arg);
/* News of bytes: should the reader run? */
void lport_news_read(struct lport *lp, unsigned news);
void lport_news_signals(struct lport *lp);
/* Ends an operation that returned r (0, 1: waits, -1: raises e); leaves the port on the stack. */
int lport_conclude(lua_State *L, struct lport *lp, const char *op, int r, double timeout, struct err *e);
/* The same for the signature: leaves that on the stack. */
int lport_sign(lua_State *L, struct lport *lp, int r, struct err *e);
/* The port at argument 1 for an operation: raises busy while another task waits for one; gives up one that nobody
 * waits for any more. */
struct lport *lport_idle(lua_State *L, const char *op);
/* Puts the settings in the table at that index in force, as one operation; leaves the port on the stack. */
int lport_assign(lua_State *L, struct lport *lp, int table, const char *op);
void lport_patterns_class(lua_State *L);
/* The bytes searched so far are gone. */
void lport_patterns_restart(struct request *r);
/* Finishes lport_expect's request: pushes captures. */
int lport_push_captures(lua_State *L, struct lport *lp);

#endif
