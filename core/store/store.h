/* SPDX-License-Identifier: MIT
 * store.h: a database, as little of it as the record needs: run one SQL
 * statement with bound values, step through its rows.  Each backend is one
 * .c file with a `struct store_ops` (sqlite.c).  It knows nothing of runs and
 * measurements: the schema is lua/moonrig/record/schema.lua.
 * Nothing here waits on the event loop; calls block for as long as the disk does. */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum store_type { STORE_NULL, STORE_INTEGER, STORE_FLOAT, STORE_TEXT, STORE_BLOB };

/* One value, into or out of the database. */
struct store_value {
	enum store_type type;
	union {
		int64_t integer;
		double number;                            /* never NaN: see begin */
		struct { const char *data; size_t len; } bytes;   /* TEXT, BLOB; may hold NUL */
	};
};

/* Backends embed these as the first member of their own structs. */
struct store { const struct store_ops *ops; };
struct store_cursor { struct store *store; int columns; };

struct store_options {
	int readonly;       /* never write, never create */
	int busy_ms;        /* how long to wait for another process's lock */
};

struct store_ops {
	/* Opens, and creates unless readonly. NULL on failure. */
	struct store *(*open)(const char *where, const struct store_options *o, struct err *e);
	/* All cursors must have been ended. */
	void (*close)(struct store *s);

	/* Starts one statement. The bytes of the parameters must stay until end.
	 * NaN is refused, since a database would keep NULL in its place. */
	struct store_cursor *(*begin)(struct store *s, const char *sql, size_t len,
	                              const struct store_value *params, int count, struct err *e);
	/* 1: there is a row; 0: done; -1: failed. */
	int (*next)(struct store_cursor *c, struct err *e);
	/* Of column i, 0-based. Bytes stay until the next call of next or end. */
	const char *(*name)(struct store_cursor *c, int i);
	void (*get)(struct store_cursor *c, int i, struct store_value *out);
	void (*end)(struct store_cursor *c);

	/* Several statements without parameters, for a schema. */
	int (*script)(struct store *s, const char *sql, struct err *e);
	int64_t (*changed)(struct store *s);     /* rows changed by the last statement run to its end */
	int64_t (*last_rowid)(struct store *s);  /* of the last INSERT */
};

extern const struct store_ops store_sqlite;

#endif
