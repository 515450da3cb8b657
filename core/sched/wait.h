/* SPDX-License-Identifier: MIT
 * wait.h: how a task waits: the second contract to read (after port/port.h).
 *
 * A binding that must wait returns task_wait(...).  The task is parked in a
 * waiter (a place for one task, taken until that task runs again) or a
 * waitlist (a line of tasks, first come first served) until somebody wakes it,
 * the deadline passes, or it is cancelled.  Then k is called as a Lua continuation with the reason as its
 * status, and may wait again.  A cancel does not reach k: the error object
 * "cancelled" is raised at the wait point, once, so that <close> handlers and
 * teardown run and may do I/O.  wait.c holds the only lua_yieldk. */
#ifndef SCHED_WAIT_H
#define SCHED_WAIT_H
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#define NO_DEADLINE INT64_MAX

enum wake { WAKE_READY, WAKE_TIMEOUT, WAKE_CANCEL };

struct task;
struct waiter {                                      /* zeroed: nobody */
	struct task *task;
	struct unwatched *source;                    /* optional: what wakes it, as long as it is not watched */
};
/* A descriptor that is not in the event base yet.  Before the loop waits there, every one is watched;
 * a program that waits for nothing but one of them waits with poll() for that (loop.c), which is cheaper. */
struct unwatched {                                   /* zeroed: in no list */
	struct unwatched *next, **at;
	int (*fd)(void *arg);                        /* -1: not now */
	void (*readable)(void *arg);
	void (*watch)(void *arg);
	void *arg;
};
struct waitlist { struct task *first, *last; };      /* zeroed: nobody */

/* Raises when L is not a task's own coroutine or cannot yield here; otherwise parks. */
int task_wait(lua_State *L, struct waiter *w, int64_t deadline, lua_KFunction k, lua_KContext ctx);
int task_wait_in(lua_State *L, struct waitlist *l, int64_t deadline, lua_KFunction k, lua_KContext ctx);
/* The same without a place: only the deadline or a cancel ends it. */
int task_sleep(lua_State *L, int64_t deadline, lua_KFunction k, lua_KContext ctx);

/* Raises what task_wait would raise: for a binding that starts something before it waits. */
void task_check_can_wait(lua_State *L);

/* Is this the only task there is, and may it go on without a turn of the loop?  Not for ever: the loop
 * has its turn at every thousandth time. */
bool task_alone(lua_State *L);

/* Counts what a task does without waiting.  After a thousand times it should give way for one turn, so that
 * other tasks, deadlines and Ctrl-C come to their right beside a port that always has bytes. */
bool task_had_its_turn(lua_State *L);

/* Wakes who waits there, if anybody does. */
void waiter_wake(struct waiter *w);
/* Wakes the first in line: 1, or 0 when nobody waits. */
int waitlist_wake(struct waitlist *l);

/* Monotonic nanoseconds; a deadline `seconds` from now (INFINITY: NO_DEADLINE). */
int64_t now_ns(void);
int64_t deadline_after(double seconds);

#endif
