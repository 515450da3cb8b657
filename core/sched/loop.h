/* SPDX-License-Identifier: MIT
 * loop.h: the one event loop: libevent's base, the line of ready tasks,
 * signals, and tasks whose error nobody has taken. */
#ifndef SCHED_LOOP_H
#define SCHED_LOOP_H
#include <event2/event.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "sched/wait.h"

struct task;

/* An unjoined task's error ends the program: at once when nobody can join it any more, else after this. */
#define JOIN_GRACE 1.0
/* After Ctrl-C: how long teardown and <close> handlers may take once Ctrl-C comes again. */
#define TEARDOWN_BUDGET 30.0
/* A task that computes for one to two of these after Ctrl-C without waiting is interrupted too. */
#define BUSY_TICK_US 100000

enum { EXIT_ABORTED = 130 };

struct failure {                             /* of a task that nobody joined yet */
	struct failure *next;
	struct task *task;                   /* NULL: nobody can join it any more */
	char *text;                          /* message and traceback */
	int64_t until;                       /* fatal from here on */
};

struct loop {
	struct event_base *base;
	lua_State *L;                        /* the main state; runs no user code itself */
	struct task *ready, *ready_last;
	struct task *running;
	unsigned slice;                      /* counts resumes */
	struct task *all;                    /* living tasks */
	struct unwatched *unwatched;         /* descriptors to be watched before the base is waited for */
	unsigned alone;                      /* see task_alone */
	struct failure *failures;
	bool fatal;                          /* one of them ends the program */
	struct event *grace;
	struct event *signals;
	volatile int interrupts;             /* Ctrl-C, SIGTERM, SIGHUP seen so far */
	volatile int signal;                 /* the last of them */
	volatile int64_t interrupted_at;     /* the last one: when, and in which slice */
	volatile unsigned interrupted_slice;
	volatile unsigned ticked_slice;      /* the one that ran at the last tick after it */
	volatile int64_t last_resort;        /* the program ends by force then; 0: not yet */
	struct task *main;                   /* cancelled by the first of them */
	double budget;                       /* of teardown, seconds */
	volatile bool catches_hangup;        /* SIGHUP is news and no interrupt */
	unsigned hangups;                    /* seen and not taken */
	struct waiter hangup;                /* who waits for one */
	struct event *give_up;
	bool gave_up;
	char *main_error;                    /* text and traceback; NULL: it ended well, or was cancelled */
};

/* libevent's version. */
const char *loop_library(void);

/* NULL without memory or descriptors.  One at a time: it catches the signals of the program. */
struct loop *loop_new(lua_State *L);
/* After lua_close: tasks and ports in Lua's memory hold events of its base.  NULL is taken. */
void loop_free(struct loop *l);
/* The loop of a Lua state. */
struct loop *loop_of(lua_State *L);
/* Runs until `main` has ended, then ends all other tasks: they are cancelled and may clean up. */
void loop_run(struct loop *l, struct task *main);

/* From here on SIGHUP does not end the program: it wakes who waits in l->hangup. */
void loop_catch_hangup(struct loop *l);
/* Was there one since the last call? */
bool loop_take_hangup(struct loop *l);

/* The program ends here: tells of every error that nobody has taken.  Were there any, now or before? */
bool loop_settle(struct loop *l);
/* Puts it in the list, or takes it out. */
void loop_unwatched(struct loop *l, struct unwatched *u);
void unwatched_cancel(struct unwatched *u);

/* For task.c. */
void loop_ready(struct loop *l, struct task *t);
void loop_began(struct loop *l, struct task *t);
void loop_ended(struct loop *l, struct task *t);
void loop_collected(struct loop *l, struct task *t);
/* Somebody took the error of a failed task. */
void loop_forgive(struct loop *l, struct task *t);

#endif
