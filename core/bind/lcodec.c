// SPDX-License-Identifier: MIT
// lcodec.c: moonrig.core.codec, the pure functions of base and proto for Lua: bytes in, values
// out.  The library uses some of them; specs and fuzzers feed the others.
#include <stdint.h>
#include <string.h>

#include "base/escape.h"
#include "base/hexdump.h"
#include "base/pattern.h"
#include "bind/bind.h"
#include "proto/cp2110.h"
#include "proto/pcapng.h"
#include "proto/recording.h"

/* ---- patterns ----------------------------------------------------------------------------- */

/* Pushes begin, end and the captures as string.find does: how many. */
static int push_match(lua_State *L, const char *data, const struct pattern_match *m)
{
	luaL_checkstack(L, (int)m->captures + 2, "too many captures");
	lua_pushinteger(L, (lua_Integer)m->begin + 1);
	lua_pushinteger(L, (lua_Integer)m->end);
	for (unsigned k = 0; k < m->captures; k++) {
		size_t begin = m->capture[k].begin, end = m->capture[k].end;
		if (end == PATTERN_POSITION)
			lua_pushinteger(L, (lua_Integer)begin + 1);
		else
			lua_pushlstring(L, data + begin, end - begin);
	}
	return (int)m->captures + 2;
}

/* Offset from 0 of a position as string functions take it. */
static size_t check_init(lua_State *L, int arg, size_t len)
{
	lua_Integer init = 1;
	if (!lua_isnoneornil(L, arg))
		init = bind_integer(L, arg, INT32_MIN, INT64_MAX, "a position");
	if (init > 0)
		return (size_t)init - 1;
	return init < 0 && (size_t)-init <= len ? len - (size_t)-init : 0;
}

/* lua: begin, end, captures... = pattern_find(data, pattern, init, plain)    or nil, resume */
static int codec_pattern_find(lua_State *L)
{
	size_t len, patlen;
	const char *data = bind_bytes(L, 1, &len);
	const char *pat = bind_bytes(L, 2, &patlen);
	size_t init = check_init(L, 3, len);
	struct pattern_match m;
	struct err e = { 0 };
	int found = pattern_find(pat, patlen, lua_toboolean(L, 4), data, len, init, &m, &e);
	if (found < 0)
		raise_err(L, &e);
	if (found)
		return push_match(L, data, &m);
	lua_pushnil(L);
	lua_pushinteger(L, (lua_Integer)m.resume + 1);
	return 2;
}

/* The search of a growing input: used is the number of pieces that it took to find it. */
static int search_pieces(struct pattern *p, const char *data, const size_t *ends, size_t pieces, size_t *used,
	struct pattern_match *m, struct err *e)
{
	int found = 0;
	for (*used = 0; *used < pieces && !found; ++*used)
		found = pattern_search(p, data, ends[*used], m, e);
	return found;
}

/* lua: used, open, begin, end, captures... = pattern_feed(pieces, pattern, plain)    or nil, resume */
static int codec_pattern_feed(lua_State *L)
{
	size_t patlen, len = 0, used = 0;
	if (!lua_istable(L, 1))
		raise_argument(L, 1, "a list of strings");
	const char *pat = bind_bytes(L, 2, &patlen);
	bool plain = lua_toboolean(L, 3);
	size_t pieces = lua_rawlen(L, 1);
	size_t *ends = lua_newuserdatauv(L, (pieces + 1) * sizeof *ends, 0);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (size_t i = 0; i < pieces; i++) {
		if (lua_rawgeti(L, 1, (lua_Integer)i + 1) != LUA_TSTRING)
			raise_argument(L, 1, "a list of strings");
		len += lua_rawlen(L, -1);
		ends[i] = len;
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	const char *data = lua_tostring(L, -1);
	struct pattern_match m = { 0 };
	struct err e = { 0 };
	struct pattern *p = pattern_new(pat, patlen, plain, &e);
	int found = p ? search_pieces(p, data, ends, pieces, &used, &m, &e) : -1;
	pattern_free(p);
	if (found < 0)
		raise_err(L, &e);
	if (!found) {
		lua_pushnil(L);
		lua_pushinteger(L, (lua_Integer)m.resume + 1);
		return 2;
	}
	lua_pushinteger(L, (lua_Integer)used);
	lua_pushboolean(L, m.open);
	return 2 + push_match(L, data, &m);
}

/* ---- bytes to bytes ----------------------------------------------------------------------- */

static const char bytes_class[] = "moonrig.codec.bytes";

static int bytes_gc(lua_State *L)
{
	buf_clear(lua_touserdata(L, 1));
	return 0;
}

/* Pushes an empty buffer that is freed also when an error is raised. */
static struct buf *push_buf(lua_State *L)
{
	struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
	*b = (struct buf){ 0 };
	luaL_setmetatable(L, bytes_class);
	return b;
}

/* The buffer as a string. */
static int return_buf(lua_State *L, struct buf *b, int failed, const struct err *e)
{
	if (failed && e)
		raise_err(L, e);
	if (failed)
		raise_text(L, ERR_SYSTEM, "out of memory");
	lua_pushlstring(L, b->len ? buf_data(b) : "", b->len);
	buf_clear(b);
	return 1;
}

/* lua: text = hexdump(seconds, label, bytes) */
static int codec_hexdump(lua_State *L)
{
	size_t n;
	double seconds = bind_seconds(L, 1, 0);
	const char *label = bind_bytes(L, 2, NULL), *data = bind_bytes(L, 3, &n);
	struct buf *b = push_buf(L);
	return return_buf(L, b, hexdump_bytes(b, seconds, label, data, n), NULL);
}

/* lua: text = hexdump_text(seconds, label, text) */
static int codec_hexdump_text(lua_State *L)
{
	double seconds = bind_seconds(L, 1, 0);
	const char *label = bind_bytes(L, 2, NULL), *text = bind_bytes(L, 3, NULL);
	struct buf *b = push_buf(L);
	return return_buf(L, b, hexdump_text(b, seconds, label, text), NULL);
}

/* lua: text = escape_terminal(bytes) */
static int codec_escape_terminal(lua_State *L)
{
	size_t n;
	const char *data = bind_bytes(L, 1, &n);
	struct buf *b = push_buf(L);
	return return_buf(L, b, escape_terminal(b, data, n), NULL);
}

/* lua: text = escape_bytes(bytes) */
static int codec_escape_bytes(lua_State *L)
{
	size_t n;
	const char *data = bind_bytes(L, 1, &n);
	struct buf *b = push_buf(L);
	return return_buf(L, b, escape_bytes(b, data, n), NULL);
}

/* lua: bytes = unescape(text) */
static int codec_unescape(lua_State *L)
{
	size_t n;
	struct err e = { 0 };
	const char *text = bind_bytes(L, 1, &n);
	struct buf *b = push_buf(L);
	return return_buf(L, b, unescape(b, text, n, &e), &e);
}

/* lua: bytes = pcapng_head(name, url) */
static int codec_pcapng_head(lua_State *L)
{
	const char *name = bind_bytes(L, 1, NULL), *url = bind_bytes(L, 2, NULL);
	struct buf *b = push_buf(L);
	return return_buf(L, b, pcapng_head(b, name, url), NULL);
}

/* lua: bytes = pcapng_packet(event, time, since_start, signals, bytes, comment) */
static int codec_pcapng_packet(lua_State *L)
{
	struct pcapng_packet p = { 0 };
	p.event = (enum pcapng_event)bind_integer(L, 1, 0, 255, "the number of an event");
	p.time = (uint64_t)bind_integer(L, 2, 0, INT64_MAX, "microseconds");
	p.since_start = (uint64_t)bind_integer(L, 3, 0, INT64_MAX, "microseconds");
	p.signals = (unsigned)bind_integer(L, 4, 0, 255, "bits of signals");
	p.data = lua_isnoneornil(L, 5) ? "" : bind_bytes(L, 5, &p.size);
	p.comment = lua_isnoneornil(L, 6) ? NULL : bind_bytes(L, 6, NULL);
	struct buf *b = push_buf(L);
	return return_buf(L, b, pcapng_packet(b, &p), NULL);
}

/* Reads a recording and writes it again. */
static int copy_recording(struct buf *b, const char *text, size_t n, struct err *e)
{
	struct recording r;
	if (recording_read(&r, text, n, e) < 0)
		return -1;
	int failed = 0;
	for (size_t i = 0; i < r.count; i++) {
		r.events[i].settings = "";
		failed |= recording_write(b, &r.events[i]);
	}
	recording_clear(&r);
	return failed ? err_set(e, ERR_SYSTEM, "not enough memory") : 0;
}

/* lua: text = recording_copy(text)      its events in normal form, without comments and settings */
static int codec_recording_copy(lua_State *L)
{
	size_t n;
	struct err e = { 0 };
	const char *text = bind_bytes(L, 1, &n);
	struct buf *b = push_buf(L);
	return return_buf(L, b, copy_recording(b, text, n, &e), &e);
}

/* ---- reports of a CP2110 ------------------------------------------------------------------ */

/* lua: report = cp2110_config(baudrate, bytesize, parity, stopbits, rtscts) */
static int codec_cp2110_config(lua_State *L)
{
	unsigned char report[CP2110_CONFIG_SIZE];
	const struct cp2110_config c = { (long)bind_integer(L, 1, 0, UINT32_MAX, "bits per second"),
		(int)bind_integer(L, 2, 5, 8, "5 to 8"), *bind_bytes(L, 3, NULL), luaL_checknumber(L, 4), lua_toboolean(L, 5) };
	cp2110_put_config(report, &c);
	lua_pushlstring(L, (char *)report, sizeof report);
	return 1;
}

/* lua: baudrate, bytesize, parity, stopbits, rtscts = cp2110_read_config(report)    or nil */
static int codec_cp2110_read_config(lua_State *L)
{
	size_t n;
	struct cp2110_config c;
	const char *report = bind_bytes(L, 1, &n);
	if (cp2110_get_config((const unsigned char *)report, n, &c) < 0)
		return lua_pushnil(L), 1;
	lua_pushinteger(L, c.baudrate);
	lua_pushinteger(L, c.bytesize);
	lua_pushlstring(L, &c.parity, 1);
	lua_pushnumber(L, c.stopbits);
	lua_pushboolean(L, c.rtscts);
	return 5;
}

/* lua: tx, rx, parity, overrun, line_break = cp2110_read_status(report)    or nil */
static int codec_cp2110_read_status(lua_State *L)
{
	size_t n;
	struct cp2110_status s;
	const char *report = bind_bytes(L, 1, &n);
	if (cp2110_get_status((const unsigned char *)report, n, &s) < 0)
		return lua_pushnil(L), 1;
	lua_pushinteger(L, s.tx);
	lua_pushinteger(L, s.rx);
	lua_pushboolean(L, s.parity);
	lua_pushboolean(L, s.overrun);
	lua_pushboolean(L, s.line_break);
	return 5;
}

/* lua: report = cp2110_data(bytes)    with as many of them as it holds */
static int codec_cp2110_data(lua_State *L)
{
	size_t n;
	unsigned char report[CP2110_REPORT];
	const char *bytes = bind_bytes(L, 1, &n);
	lua_pushlstring(L, (char *)report, cp2110_put_data(report, bytes, n) + 1);
	return 1;
}

/* lua: bytes = cp2110_read_data(report) */
static int codec_cp2110_read_data(lua_State *L)
{
	size_t n;
	const char *report = bind_bytes(L, 1, &n);
	size_t size = cp2110_get_data((const unsigned char *)report, n);
	lua_pushlstring(L, size ? report + 1 : "", size);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "cp2110_config", codec_cp2110_config },
	{ "cp2110_data", codec_cp2110_data },
	{ "cp2110_read_config", codec_cp2110_read_config },
	{ "cp2110_read_data", codec_cp2110_read_data },
	{ "cp2110_read_status", codec_cp2110_read_status },
	{ "escape_bytes", codec_escape_bytes },
	{ "escape_terminal", codec_escape_terminal },
	{ "hexdump", codec_hexdump },
	{ "hexdump_text", codec_hexdump_text },
	{ "pattern_feed", codec_pattern_feed },
	{ "pattern_find", codec_pattern_find },
	{ "pcapng_head", codec_pcapng_head },
	{ "pcapng_packet", codec_pcapng_packet },
	{ "recording_copy", codec_recording_copy },
	{ "unescape", codec_unescape },
	{ NULL, NULL },
};

void open_codec(lua_State *L)
{
	luaL_newmetatable(L, bytes_class);
	lua_pushcfunction(L, bytes_gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	open_codec_rfc2217(L);
	lua_setfield(L, -2, "codec");
}
