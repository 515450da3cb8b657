// SPDX-License-Identifier: MIT
// sqlite.c: the store on SQLite.  Opens in WAL mode with synchronous=FULL, so that what was
// committed survives kill -9 and a power cut, and with the doors closed that a record does not
// need (trusted_schema off, defensive on, foreign keys enforced).  Prepared statements are kept
// and found again by their text; a statement in use twice at once gets a second copy.
// SQLite's result codes become struct err here and nowhere else, each saying what to do.
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

enum { CACHE_SLOTS = 64 };

struct sqlite {
	struct store base;
	sqlite3 *db;
	char *path;                 /* for messages */
	int busy_ms;
	int64_t changed;
	struct statement *cache[CACHE_SLOTS];   /* the last used first */
};

struct statement {
	struct store_cursor base;
	sqlite3_stmt *stmt;
	char *sql;
	size_t len;
	int64_t total;              /* total changes when it began */
	bool cached, in_use;
};

/* A failure that carries an errno: the disk, the folder, the permissions. */
static int fail_system(struct sqlite *s, int sys, struct err *e)
{
	if (sys == ENOSPC || sys == EDQUOT) {
		err_set(e, ERR_SYSTEM, "%s: the disk is full; what was stored before is safe. "
		        "Free some space there, then try again", s->path);
		if (e)
			e->sys = sys;
		return -1;
	}
	if (sys == 0) {
		err_set(e, ERR_SYSTEM, "%s: %s; what was stored before is safe", s->path, sqlite3_errmsg(s->db));
		return sqlite3_extended_errcode(s->db) == SQLITE_IOERR_WRITE
		       ? err_add(e, " (may its files not get larger? ulimit -f)") : -1;
	}
	err_sys(e, sys, "cannot open or use the database %s", s->path);
	if (sys == EFBIG)
		return err_add(e, " (a limit on the size of files, ulimit -f); what was stored before is safe");
	if (sys == ENOENT || sys == ENOTDIR)
		return err_add(e, " (does its folder exist?)");
	if (sys == EACCES || sys == EPERM || sys == EROFS)
		return err_add(e, " (this user needs to write the file and its folder, which also holds -wal and -shm)");
	return -1;
}

/* Fills *e from SQLite's result code; returns -1. */
static int fail(struct sqlite *s, int rc, struct err *e)
{
	const char *text = sqlite3_errmsg(s->db);
	switch (rc & 0xff) {
	case SQLITE_LOCKED:
		return err_set(e, ERR_BUSY, "%s: rows are still being read here (%s); end that loop first", s->path, text);
	case SQLITE_BUSY:
		return err_set(e, ERR_BUSY, "%s: locked by another program for more than %g s; end what holds "
		               "it open for writing (a database browser?), then try again", s->path, s->busy_ms / 1e3);
	case SQLITE_FULL:
		return fail_system(s, ENOSPC, e);
	case SQLITE_CANTOPEN: case SQLITE_IOERR:
		return fail_system(s, sqlite3_system_errno(s->db), e);
	case SQLITE_READONLY: case SQLITE_PERM: case SQLITE_AUTH:
		return err_set(e, ERR_PERMISSION, "%s: %s; open it for writing, as a user who may", s->path, text);
	case SQLITE_NOTADB:
		return err_set(e, ERR_UNSUPPORTED, "%s is not a SQLite database; name another file, "
		               "or one that does not exist yet", s->path);
	case SQLITE_CORRUPT:
		return err_set(e, ERR_SYSTEM, "%s is damaged (%s); copy it together with its -wal file, then "
		               "save what can be read with: sqlite3 COPY .recover", s->path, text);
	case SQLITE_CONSTRAINT:
		return err_set(e, ERR_REFUSED, "%s: %s", s->path, text);
	case SQLITE_INTERRUPT:
		return err_set(e, ERR_CANCELLED, "%s: interrupted", s->path);
	case SQLITE_ERROR: case SQLITE_RANGE: case SQLITE_MISMATCH: case SQLITE_TOOBIG: case SQLITE_MISUSE:
		return err_set(e, ERR_UNSUPPORTED, "%s: %s", s->path, text);
	default:
		return err_set(e, ERR_SYSTEM, "%s: %s", s->path, text);
	}
}

static int script(struct store *base, const char *sql, struct err *e)
{
	struct sqlite *s = (struct sqlite *)base;
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(s, rc, e);
}

static void drop(struct statement *st)
{
	sqlite3_finalize(st->stmt);
	free(st->sql);
	free(st);
}

static void close_store(struct store *base)
{
	struct sqlite *s = (struct sqlite *)base;
	for (int i = 0; i < CACHE_SLOTS && s->cache[i]; i++)
		drop(s->cache[i]);
	sqlite3_close_v2(s->db);
	free(s->path);
	free(s);
}

/* "file:/escaped/path?immutable=1": how SQLite reads a database in a folder that
 * cannot be written, where a -shm file cannot be made. To be freed with free(). */
static char *immutable_uri(const char *path)
{
	static const char head[] = "file:", tail[] = "?immutable=1";
	char *uri = malloc(sizeof head + 3 * strlen(path) + sizeof tail), *p = uri;
	if (!uri)
		return NULL;
	p += sprintf(p, "%s", head);
	for (; *path; path++)
		p += sprintf(p, strchr("%?#", *path) ? "%%%02x" : "%c", (unsigned char)*path);
	strcpy(p, tail);
	return uri;
}

/* Whether a folder that cannot be written is all that keeps a reader out: no
 * other process can be writing there, and nothing waits in a -wal file. */
static bool is_archived(struct sqlite *s)
{
	char wal[PATH_MAX];
	snprintf(wal, sizeof wal, "%s-wal", s->path);
	return access(s->path, R_OK) == 0 && access(wal, F_OK) != 0;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Of two programs that turn a new file to WAL at once, SQLite does not let one wait for the other, since each may
 * hold what the other needs: it says BUSY at once. */
static int use_wal(struct sqlite *s, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	int64_t until = now_ms() + s->busy_ms;
	int rc;
	for (;;) {
		rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
		if ((rc & 0xff) != SQLITE_BUSY || now_ms() >= until)
			break;
		nanosleep(&pause, NULL);
	}
	return rc == SQLITE_OK ? 0 : fail(s, rc, e);
}

static int configure(struct sqlite *s, bool readonly, struct err *e)
{
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, s->busy_ms);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	/* recursive_triggers: so that delete triggers see INSERT OR REPLACE too.
	 * SQLite opens the file with the first statement that touches it. */
	if (readonly)
		return script(&s->base, "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_schema", e);
	if (script(&s->base, "PRAGMA recursive_triggers = ON; PRAGMA synchronous = FULL", e) < 0)
		return -1;
	return use_wal(s, e);
}

static int open_file(struct sqlite *s, const char *name, int flags, bool readonly, struct err *e)
{
	int rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return fail(s, rc, e);
	int r = configure(s, readonly, e);
	/* On a file system that is read-only SQLite may fail for want of a -shm file. */
	if (!readonly && sqlite3_db_readonly(s->db, "main") == 1)
		return fail_system(s, access(s->path, W_OK) < 0 ? errno : EACCES, e);
	return r;
}

static struct store *open_store(const char *where, const struct store_options *o, struct err *e)
{
	struct sqlite *s = calloc(1, sizeof *s);
	char *uri = NULL;
	if (!s)
		return err_sys(e, ENOMEM, "cannot open the database %s", where), NULL;
	s->base.ops = &store_sqlite;
	s->busy_ms = o->busy_ms;
	/* a relative name starting with "file:" would be taken for a URI */
	s->path = malloc(strlen(where) + 3);
	if (!s->path) {
		err_sys(e, ENOMEM, "cannot open the database %s", where);
		goto fail;
	}
	sprintf(s->path, "%s%s", strncmp(where, "file:", 5) == 0 ? "./" : "", where);

	int flags = o->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	if (open_file(s, s->path, flags, o->readonly, e) == 0)
		return &s->base;
	int rc = sqlite3_errcode(s->db) & 0xff;
	if (o->readonly && (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY) && is_archived(s)) {
		sqlite3_close(s->db);
		s->db = NULL;
		uri = immutable_uri(s->path);
		if (!uri)
			err_sys(e, ENOMEM, "cannot open the database %s", where);
		else if (open_file(s, uri, flags | SQLITE_OPEN_URI, true, e) == 0) {
			free(uri);
			return &s->base;
		}
	}
fail:
	free(uri);
	close_store(&s->base);
	return NULL;
}

static struct statement *prepare(struct sqlite *s, const char *sql, size_t len, struct err *e)
{
	const char *tail;
	struct statement *st = calloc(1, sizeof *st);
	if (!st || !(st->sql = malloc(len + 1))) {
		err_sys(e, ENOMEM, "%s", s->path);
		goto fail;
	}
	memcpy(st->sql, sql, len);
	st->sql[len] = 0;
	st->len = len;
	int rc = len > INT_MAX - 1 ? SQLITE_TOOBIG
	         : sqlite3_prepare_v3(s->db, st->sql, (int)len + 1, SQLITE_PREPARE_PERSISTENT, &st->stmt, &tail);
	if (rc != SQLITE_OK) {
		fail(s, rc, e);
		goto fail;
	}
	tail += strspn(tail, " \t\r\n;");
	if (!st->stmt || tail != st->sql + len) {
		err_set(e, ERR_UNSUPPORTED, "give one SQL statement at a time (script() takes several): %.200s", sql);
		goto fail;
	}
	st->base.store = &s->base;
	return st;
fail:
	if (st)
		drop(st);
	return NULL;
}

/* A prepared statement for this text that nobody is using, put first in the cache. */
static struct statement *find(struct sqlite *s, const char *sql, size_t len, struct err *e)
{
	int i;
	struct statement *st = NULL;
	for (i = 0; i < CACHE_SLOTS && s->cache[i]; i++) {
		st = s->cache[i];
		if (st->len == len && memcmp(st->sql, sql, len) == 0)
			break;
		st = NULL;
	}
	if (st && st->in_use)
		return prepare(s, sql, len, e);
	if (!st) {
		if (!(st = prepare(s, sql, len, e)))
			return NULL;
		if (i == CACHE_SLOTS && s->cache[--i]->in_use)
			return st;
		if (s->cache[i])
			drop(s->cache[i]);
		st->cached = true;
	}
	memmove(s->cache + 1, s->cache, (size_t)i * sizeof *s->cache);
	s->cache[0] = st;
	return st;
}

static int bind(sqlite3_stmt *stmt, int i, const struct store_value *v)
{
	switch (v->type) {
	case STORE_INTEGER:
		return sqlite3_bind_int64(stmt, i, v->integer);
	case STORE_FLOAT:
		return sqlite3_bind_double(stmt, i, v->number);
	case STORE_TEXT:
		return sqlite3_bind_text64(stmt, i, v->bytes.data, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
	case STORE_BLOB:
		return sqlite3_bind_blob64(stmt, i, v->bytes.data, v->bytes.len, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(stmt, i);
	}
}

static void end(struct store_cursor *c)
{
	struct statement *st = (struct statement *)c;
	if (!st->cached) {
		drop(st);
		return;
	}
	sqlite3_reset(st->stmt);
	sqlite3_clear_bindings(st->stmt);
	st->in_use = false;
}

static struct store_cursor *begin(struct store *base, const char *sql, size_t len,
                                  const struct store_value *params, int count, struct err *e)
{
	struct sqlite *s = (struct sqlite *)base;
	struct statement *st = find(s, sql, len, e);
	if (!st)
		return NULL;
	st->in_use = true;
	int wanted = sqlite3_bind_parameter_count(st->stmt);
	if (wanted != count) {
		err_set(e, ERR_UNSUPPORTED, "the SQL has places for %d values, %d given: %.200s", wanted, count, st->sql);
		goto fail;
	}
	for (int i = 0; i < count; i++) {
		if (params[i].type == STORE_FLOAT && isnan(params[i].number)) {
			err_set(e, ERR_UNSUPPORTED, "value %d is NaN, which SQL can not keep (it would become NULL): %.200s",
			        i + 1, st->sql);
			goto fail;
		}
		int rc = bind(st->stmt, i + 1, &params[i]);
		if (rc != SQLITE_OK) {
			fail(s, rc, e);
			goto fail;
		}
	}
	st->base.columns = sqlite3_column_count(st->stmt);
	st->total = sqlite3_total_changes64(s->db);
	return &st->base;
fail:
	end(&st->base);
	return NULL;
}

static int next(struct store_cursor *c, struct err *e)
{
	struct statement *st = (struct statement *)c;
	struct sqlite *s = (struct sqlite *)c->store;
	int rc = sqlite3_step(st->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		return fail(s, rc, e);
	s->changed = sqlite3_total_changes64(s->db) == st->total ? 0 : sqlite3_changes64(s->db);
	return 0;
}

static const char *name(struct store_cursor *c, int i)
{
	return sqlite3_column_name(((struct statement *)c)->stmt, i);
}

static void get(struct store_cursor *c, int i, struct store_value *out)
{
	sqlite3_stmt *stmt = ((struct statement *)c)->stmt;
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_INTEGER:
		out->type = STORE_INTEGER;
		out->integer = sqlite3_column_int64(stmt, i);
		break;
	case SQLITE_FLOAT:
		out->type = STORE_FLOAT;
		out->number = sqlite3_column_double(stmt, i);
		break;
	case SQLITE_TEXT:
		out->type = STORE_TEXT;
		out->bytes.data = (const char *)sqlite3_column_text(stmt, i);
		out->bytes.len = (size_t)sqlite3_column_bytes(stmt, i);
		break;
	case SQLITE_BLOB:
		out->type = STORE_BLOB;
		out->bytes.data = sqlite3_column_blob(stmt, i);
		out->bytes.len = (size_t)sqlite3_column_bytes(stmt, i);
		break;
	default:
		out->type = STORE_NULL;
	}
}

static int64_t changed(struct store *s) { return ((struct sqlite *)s)->changed; }
static int64_t last_rowid(struct store *s) { return sqlite3_last_insert_rowid(((struct sqlite *)s)->db); }

const struct store_ops store_sqlite = {
	.open = open_store,
	.close = close_store,
	.begin = begin,
	.next = next,
	.name = name,
	.get = get,
	.end = end,
	.script = script,
	.changed = changed,
	.last_rowid = last_rowid,
};
