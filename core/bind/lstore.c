// SPDX-License-Identifier: MIT
// lstore.c: moonrig.core.store, the database for Lua.  A thin skin over store/store.h:
// values are bound, never pasted into SQL; integers, floats, NUL bytes and blobs come back as
// they went in.  nil is NULL; true and false are 1 and 0; NaN is refused.
// A call blocks for as long as the disk does and never yields.  A Store owns its cursors: closing
// it ends them.  A cursor keeps its Store, and the strings bound to it, alive.
#include <stdbool.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/sha256.h"
#include "bind/bind.h"
#include "store/store.h"

enum { MAX_PARAMS = 100, MAX_COLUMNS = 200, BUSY_MS = 5000 };
static const char STORE[] = "moonrig.store", ROWS[] = "moonrig.store.rows", BLOB[] = "moonrig.store.blob";
static const char HASH[] = "moonrig.store.hash";

struct db {
	struct store *store;        /* NULL: closed */
	struct cursor *cursors;     /* those still open */
};

struct cursor {
	struct store_cursor *c;     /* NULL: ended */
	bool done;                  /* ended since all rows were read, or by an error */
	struct db *db;
	struct cursor *next, **prev;
};

static struct db *open_db(lua_State *L)
{
	struct db *db = bind_self(L, 1, "a store");
	if (!db->store)
		raise_text(L, ERR_CLOSED, "the store is closed");
	return db;
}

/* ---- values from the stack ---------------------------------------------------------------- */

static void to_value(lua_State *L, int arg, struct store_value *v)
{
	switch (lua_type(L, arg)) {
	case LUA_TNIL:
		v->type = STORE_NULL;
		return;
	case LUA_TBOOLEAN:
		v->type = STORE_INTEGER;
		v->integer = lua_toboolean(L, arg);
		return;
	case LUA_TNUMBER:
		if (lua_isinteger(L, arg)) {
			v->type = STORE_INTEGER;
			v->integer = lua_tointeger(L, arg);
		} else {
			v->type = STORE_FLOAT;
			v->number = lua_tonumber(L, arg);
		}
		return;
	case LUA_TSTRING:
		v->type = STORE_TEXT;
		v->bytes.data = lua_tolstring(L, arg, &v->bytes.len);
		return;
	case LUA_TUSERDATA:
		if (luaL_testudata(L, arg, BLOB)) {
			v->type = STORE_BLOB;
			lua_getiuservalue(L, arg, 1);    /* which keeps the string */
			v->bytes.data = lua_tolstring(L, -1, &v->bytes.len);
			lua_pop(L, 1);
			return;
		}
		/* fall through */
	default:
		raise_argument(L, arg, "a value for SQL (nil, boolean, number, string, blob)");
	}
}

/* Begins the statement at 2 with the n values from 3 on; raises on failure. */
static struct store_cursor *begin(lua_State *L, struct db *db, int n)
{
	struct store_value values[MAX_PARAMS];
	struct err e;
	size_t len;
	const char *sql = bind_bytes(L, 2, &len);
	if (n > MAX_PARAMS) {
		err_set(&e, ERR_UNSUPPORTED, "%d values for one SQL statement; it takes %d", n, MAX_PARAMS);
		raise_err(L, &e);
	}
	for (int i = 0; i < n; i++)
		to_value(L, i + 3, &values[i]);
	struct store_cursor *c = db->store->ops->begin(db->store, sql, len, values, n, &e);
	if (!c)
		raise_err(L, &e);
	return c;
}

static void push_column(lua_State *L, struct store_cursor *c, int i)
{
	struct store_value v;
	c->store->ops->get(c, i, &v);
	switch (v.type) {
	case STORE_INTEGER:
		lua_pushinteger(L, v.integer);
		return;
	case STORE_FLOAT:
		lua_pushnumber(L, v.number);
		return;
	case STORE_TEXT: case STORE_BLOB:
		lua_pushlstring(L, v.bytes.len ? v.bytes.data : "", v.bytes.len);
		return;
	default:
		lua_pushnil(L);
	}
}

/* ---- cursors: rows being read ------------------------------------------------------------- */

static void cursor_end(struct cursor *cur)
{
	if (!cur->c)
		return;
	cur->c->store->ops->end(cur->c);
	cur->c = NULL;
	*cur->prev = cur->next;
	if (cur->next)
		cur->next->prev = cur->prev;
}

static int cursor_close(lua_State *L)
{
	cursor_end(bind_self(L, 1, "rows of a store"));
	return 0;
}

/* Pushes a cursor on the statement at 2 with the n values from 3 on, which it keeps. */
static struct cursor *cursor_new(lua_State *L, struct db *db, int n)
{
	struct cursor *cur = lua_newuserdatauv(L, sizeof *cur, 2);
	*cur = (struct cursor){ .db = db };
	luaL_setmetatable(L, ROWS);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	if (n > 0) {
		lua_createtable(L, n, 0);
		for (int i = 1; i <= n; i++) {
			lua_pushvalue(L, i + 2);
			lua_rawseti(L, -2, i);
		}
		lua_setiuservalue(L, -2, 2);
	}
	cur->c = begin(L, db, n);
	cur->next = db->cursors;
	cur->prev = &db->cursors;
	if (cur->next)
		cur->next->prev = &cur->next;
	db->cursors = cur;
	return cur;
}

/* Whether there is a (next) row; ends the cursor when not. */
static int cursor_next(lua_State *L, struct cursor *cur)
{
	struct err e;
	int rc = cur->c->store->ops->next(cur->c, &e);
	if (rc <= 0) {
		cur->done = true;
		cursor_end(cur);
	}
	if (rc < 0)
		raise_err(L, &e);
	return rc;
}

/* The iterator. Upvalues: cursor, then the names of the columns. */
static int step(lua_State *L)
{
	struct cursor *cur = lua_touserdata(L, lua_upvalueindex(1));
	if (!cur->c && !cur->done)
		raise_text(L, ERR_CLOSED, "the store was closed, or the loop left, before all rows were read");
	if (!cur->c || !cursor_next(L, cur)) {
		lua_pushnil(L);
		return 1;
	}
	int columns = cur->c->columns;
	lua_createtable(L, 0, columns);
	for (int i = 0; i < columns; i++) {
		lua_pushvalue(L, lua_upvalueindex(2 + i));
		push_column(L, cur->c, i);
		lua_rawset(L, -3);
	}
	return 1;
}

/* Replaces the cursor on top by its iterator. */
static void push_iterator(lua_State *L, struct store_cursor *c)
{
	if (c->columns > MAX_COLUMNS) {
		struct err e;
		err_set(&e, ERR_UNSUPPORTED, "%d columns in one row; it takes %d", c->columns, MAX_COLUMNS);
		raise_err(L, &e);
	}
	luaL_checkstack(L, c->columns + 1, NULL);
	for (int i = 0; i < c->columns; i++)
		lua_pushstring(L, c->store->ops->name(c, i));
	lua_pushcclosure(L, step, 1 + c->columns);
}

/* ---- methods ------------------------------------------------------------------------------ */

/* lua: changed, rowid = db:exec(sql, ...)   rows changed; of the last insert */
static int db_exec(lua_State *L)
{
	struct err e;
	struct db *db = open_db(L);
	struct store_cursor *c = begin(L, db, lua_gettop(L) - 2);
	int rc;
	while ((rc = db->store->ops->next(c, &e)) > 0)
		;
	db->store->ops->end(c);
	if (rc < 0)
		raise_err(L, &e);
	lua_pushinteger(L, db->store->ops->changed(db->store));
	lua_pushinteger(L, db->store->ops->last_rowid(db->store));
	return 2;
}

/* lua: for row in db:rows(sql, ...) do ... end   tables by column name; leaving the loop ends the cursor */
static int db_rows(lua_State *L)
{
	struct db *db = open_db(L);
	struct cursor *cur = cursor_new(L, db, lua_gettop(L) - 2);
	int at = lua_gettop(L);
	lua_pushvalue(L, at);
	push_iterator(L, cur->c);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_pushvalue(L, at);
	return 4;
}

/* lua: row | nil = db:row(sql, ...)   the first one */
static int db_row(lua_State *L)
{
	struct db *db = open_db(L);
	struct cursor *cur = cursor_new(L, db, lua_gettop(L) - 2);
	lua_toclose(L, lua_gettop(L));
	lua_pushvalue(L, -1);
	push_iterator(L, cur->c);
	lua_call(L, 0, 1);
	return 1;
}

/* lua: value | nil = db:value(sql, ...)   the first column of the first row */
static int db_value(lua_State *L)
{
	struct db *db = open_db(L);
	struct cursor *cur = cursor_new(L, db, lua_gettop(L) - 2);
	lua_toclose(L, lua_gettop(L));
	if (cursor_next(L, cur) && cur->c->columns > 0)
		push_column(L, cur->c, 0);
	else
		lua_pushnil(L);
	return 1;
}

/* lua: db:script(sql)   several statements, no values */
static int db_script(lua_State *L)
{
	struct err e;
	struct db *db = open_db(L);
	size_t len;
	const char *sql = bind_bytes(L, 2, &len);
	if (strlen(sql) != len)
		raise_argument(L, 2, "SQL without NUL bytes");
	if (db->store->ops->script(db->store, sql, &e) < 0)
		raise_err(L, &e);
	return 0;
}

static int db_close(lua_State *L)
{
	struct db *db = bind_self(L, 1, "a store");
	while (db->cursors)
		cursor_end(db->cursors);
	if (db->store)
		db->store->ops->close(db->store);
	db->store = NULL;
	return 0;
}

/* ---- functions of the module -------------------------------------------------------------- */

static void set_option(lua_State *L, struct store_options *o)
{
	struct err e;
	const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
	double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
	if (strcmp(key, "readonly") == 0 && lua_isboolean(L, -1)) {
		o->readonly = lua_toboolean(L, -1);
	} else if (strcmp(key, "timeout") == 0 && seconds >= 0 && seconds <= 3600) {
		o->busy_ms = (int)(seconds * 1e3);
	} else {
		err_set(&e, ERR_UNSUPPORTED, "store.open: bad option %s = %s (there are readonly = true or false, "
		        "timeout = 0 to 3600 seconds)", key, luaL_tolstring(L, -1, NULL));
		raise_err(L, &e);
	}
}

/* lua: db = store.open(path[, {readonly=bool, timeout=}])   seconds to wait for another program's lock */
static int lstore_open(lua_State *L)
{
	struct err e;
	struct store_options o = { .busy_ms = BUSY_MS };
	size_t len;
	const char *path = bind_bytes(L, 1, &len);
	if (len == 0 || strlen(path) != len || strstr(path, "://"))
		raise_argument(L, 1, "the path of a file (a record is kept in SQLite)");
	if (!lua_isnoneornil(L, 2)) {
		if (!lua_istable(L, 2))
			raise_argument(L, 2, "a table of options");
		for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
			set_option(L, &o);
	}
	struct db *db = lua_newuserdatauv(L, sizeof *db, 0);
	*db = (struct db){ 0 };
	luaL_setmetatable(L, STORE);
	db->store = store_sqlite.open(path, &o, &e);
	if (!db->store)
		raise_err(L, &e);
	return 1;
}

/* lua: blob = store.blob(s)   the bytes of s as a BLOB instead of TEXT */
static int lstore_blob(lua_State *L)
{
	size_t len;
	bind_bytes(L, 1, &len);
	lua_newuserdatauv(L, 0, 1);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, BLOB);
	return 1;
}

static int push_digits(lua_State *L, const uint8_t digest[SHA256_SIZE])
{
	static const char digit[] = "0123456789abcdef";
	char hex[2 * SHA256_SIZE];
	for (int i = 0; i < SHA256_SIZE; i++) {
		hex[2 * i] = digit[digest[i] >> 4];
		hex[2 * i + 1] = digit[digest[i] & 15];
	}
	lua_pushlstring(L, hex, sizeof hex);
	return 1;
}

/* lua: digits = store.sha256(s)   64, hexadecimal */
static int lstore_sha256(lua_State *L)
{
	uint8_t digest[SHA256_SIZE];
	size_t len;
	const char *s = bind_bytes(L, 1, &len);
	sha256(s, len, digest);
	return push_digits(L, digest);
}

/* lua: hash = store.hash()   SHA-256 of what is added */
static int lstore_hash(lua_State *L)
{
	sha256_init(lua_newuserdatauv(L, sizeof(struct sha256), 0));
	luaL_setmetatable(L, HASH);
	return 1;
}

/* lua: hash:add(s) */
static int hash_add(lua_State *L)
{
	struct sha256 *hash = bind_self(L, 1, "a hash");
	size_t len;
	const char *s = bind_bytes(L, 2, &len);
	sha256_add(hash, s, len);
	return 0;
}

/* lua: digits = hash:digits()   of what was added so far */
static int hash_digits(lua_State *L)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 copy = *(struct sha256 *)bind_self(L, 1, "a hash");
	sha256_end(&copy, digest);
	return push_digits(L, digest);
}

/* lua: utc, monotonic = store.time()   microseconds; UTC since 1970 */
static int lstore_time(lua_State *L)
{
	const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };
	for (int i = 0; i < 2; i++) {
		struct timespec t;
		clock_gettime(clocks[i], &t);
		lua_pushinteger(L, (lua_Integer)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	}
	return 2;
}

/* lua: bytes = store.space(path)   that can still be written where this file is; nil: not known */
static int lstore_space(lua_State *L)
{
	struct statvfs s;
	if (statvfs(luaL_checkstring(L, 1), &s) < 0)
		return 0;
	lua_pushinteger(L, (lua_Integer)s.f_bavail * (lua_Integer)s.f_frsize);
	return 1;
}

static const luaL_Reg store_methods[] = {
	{ "exec", db_exec }, { "rows", db_rows }, { "row", db_row }, { "value", db_value },
	{ "script", db_script }, { "close", db_close }, { NULL, NULL },
};
static const luaL_Reg store_meta[] = { { "__gc", db_close }, { "__close", db_close }, { NULL, NULL } };
static const luaL_Reg rows_meta[] = { { "__gc", cursor_close }, { "__close", cursor_close }, { NULL, NULL } };
static const luaL_Reg hash_methods[] = { { "add", hash_add }, { "digits", hash_digits }, { NULL, NULL } };
static const luaL_Reg nothing[] = { { NULL, NULL } };
static const luaL_Reg functions[] = {
	{ "open", lstore_open }, { "blob", lstore_blob }, { "sha256", lstore_sha256 }, { "hash", lstore_hash },
	{ "time", lstore_time }, { "space", lstore_space }, { NULL, NULL },
};

void open_store(lua_State *L)
{
	bind_class(L, STORE, store_methods, store_meta);
	bind_class(L, ROWS, nothing, rows_meta);
	bind_class(L, BLOB, nothing, nothing);
	bind_class(L, HASH, hash_methods, nothing);
	lua_pop(L, 4);
	luaL_newlib(L, functions);
	lua_setfield(L, -2, "store");
}
