/* SPDX-License-Identifier: MIT
 * err.h: the one shape of failure in C.  A function that can fail takes a
 * `struct err *` as its last argument, fills it and returns -1 (or NULL).
 * The bindings turn it into the Lua error object {code, message, ...}. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE,
	ERR_TIMEOUT,        /* not within the time asked for */
	ERR_CLOSED,         /* the port is closed, or its other end went away */
	ERR_REFUSED,        /* the other end said no */
	ERR_BUSY,           /* somebody else has it */
	ERR_NOT_FOUND,      /* no such device, host, file */
	ERR_PERMISSION,     /* this user may not */
	ERR_UNSUPPORTED,    /* this transport, driver or version cannot; also a bad URL, option or value */
	ERR_PROTOCOL,       /* the other end broke the rules */
	ERR_CANCELLED,      /* the task was cancelled, or Ctrl-C */
	ERR_SYSTEM,         /* anything else the system reports */
};

struct err {
	enum err_code code;
	int sys;            /* errno, or 0 */
	int ended;          /* of a program: 1 + its exit status, or 0 */
	char text[400];     /* for a person: what was wrong, where, what to do */
};

/* The word for a code: "timeout", "closed", ... */
const char *err_name(enum err_code code);

/* Fills e; always returns -1, so `return err_set(e, ...)` works. e may be NULL. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same from an errno value: picks the code and appends ": <strerror>". */
int err_sys(struct err *e, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Appends text, e.g. a hint, to what is there. Returns -1. */
int err_add(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__            /* it sees one file at a time, so it is told what they return */
#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_sys(...) (err_sys(__VA_ARGS__), -1)
#define err_add(...) (err_add(__VA_ARGS__), -1)
#endif

#endif
