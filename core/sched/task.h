/* SPDX-License-Identifier: MIT
 * task.h: a task is one coroutine that the loop runs.  Its body runs under
 * lua_pcallk inside its own coroutine, so that everything, also the <close>
 * handlers of a task that dies, may wait.  The task is a Lua userdata; the
 * registry holds it while it lives (registry[task] = userdata, whose user
 * value 1 is the thread). */
#ifndef SCHED_TASK_H
#define SCHED_TASK_H
#include <event2/event_struct.h>
#include <lua.h>
#include <stdbool.h>

#include "sched/wait.h"

struct loop;

enum task_state { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DEAD };

struct task {
	struct loop *loop;
	lua_State *L;
	enum task_state state;
	struct task *next;                   /* in the loop's line of ready tasks */
	struct task *all_prev, *all_next;    /* all living tasks */
	/* waiting */
	struct waiter *place;
	struct waitlist *line;
	struct task *before, *after;         /* in that line */
	enum wake wake;
	lua_KFunction k;
	lua_KContext ctx;
	int64_t deadline;                    /* of this wait */
	int64_t armed;                       /* when the timer fires; it may be set earlier than needed */
	struct event timer;
	int64_t limit;                       /* rig.deadline: no wait goes beyond */
	unsigned streak;                     /* things done since it was resumed: task_had_its_turn */
	bool limit_hit;                      /* raise that at the wait point */
	bool cancelled;                      /* a cancel to raise at the next wait point */
	bool cancel_seen;                    /* cancel() takes effect once */
	bool steady;                         /* Ctrl-C does not interrupt it while it computes */
	char reason[80];                     /* of the cancel */
	int arguments;                       /* on its stack at the first resume */
	/* ended */
	bool failed;                         /* its result is an error */
	bool joined;                         /* somebody took the result, or waits for it */
	struct waitlist joiners;
};

/* The task whose coroutine L is, or NULL (a coroutine of the user's own). */
static inline struct task *task_of(lua_State *L)
{
	return *(struct task **)lua_getextraspace(L);
}

/* Makes a task of the function and n arguments on top of L's stack, which it pops; pushes the task. */
struct task *task_spawn(lua_State *L, struct loop *loop, int n);
/* Raises `cancelled` in it, at the point where it waits or will wait next.  Once. */
void task_cancel(struct task *t, const char *reason);
/* The same for a task that may compute for long before it waits: already at its script's next line. */
void task_cancel_soon(struct task *t, const char *reason);
/* For the loop's own hook: raises a cancel that has not been raised yet, unless inside the library. */
void task_cancel_hook(lua_State *L, lua_Debug *ar);
/* For wait.c and the loop. */
void task_park(struct task *t, int64_t deadline);
void task_wake(struct task *t, enum wake why);
void task_resume(struct task *t);
/* Moves a wait's deadline (inter-byte timeout). */
void task_deadline(struct task *t, int64_t deadline);
/* Pushes the userdata of a living task. */
void task_push(lua_State *L, struct task *t);
/* The task at an index, or NULL when it is something else. */
struct task *task_at(lua_State *L, int index);
/* Pushes the results of a dead task onto L: how many; a failed one has one, its error. */
int task_results(lua_State *L, struct task *t);
/* Is the error at this index of L that of its own cancel?  Nobody needs to hear of it. */
bool task_was_cancelled(const struct task *t, lua_State *L, int error);
/* A failed task's error and traceback: from malloc; NULL: no memory.  Only before it is forgotten by the loop. */
char *task_describe(struct task *t);
/* The class; methods come from bind/ltask.c. */
void task_class(lua_State *L);

#endif
