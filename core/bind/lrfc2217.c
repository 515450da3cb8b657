// SPDX-License-Identifier: MIT
// lrfc2217.c: the codecs of Telnet and RFC 2217 for specs, in moonrig.core.codec: bytes in pieces go in,
// and out come a transcript, one line of text for each event, and the bytes that are said:
//   "data 41ff"   "command 243"   "option theirs 44 on"   "sub 44 010000"
#include <stdio.h>
#include <string.h>

#include "bind/bind.h"
#include "proto/httpline.h"
#include "proto/rfc2217_client.h"
#include "proto/rfc2217_server.h"

/* ---- transcript --------------------------------------------------------------------------- */

struct transcript {                          /* a list on top of the stack */
	lua_Integer n;
	bool data;                           /* the last line is one, which more data joins */
};

static void push_hex(lua_State *L, const char *what, const void *bytes, size_t n)
{
	luaL_Buffer b;
	char two[3];
	luaL_buffinit(L, &b);
	luaL_addstring(&b, what);
	for (size_t i = 0; i < n; i++) {
		snprintf(two, sizeof two, "%02x", ((const unsigned char *)bytes)[i]);
		luaL_addlstring(&b, two, 2);
	}
	luaL_pushresult(&b);
}

/* The line on top of the stack. */
static void add_line(lua_State *L, struct transcript *t)
{
	lua_rawseti(L, -2, ++t->n);
	t->data = false;
}

static void add_data(lua_State *L, struct transcript *t, const void *data, size_t n)
{
	if (t->data) {
		lua_rawgeti(L, -1, t->n--);
		push_hex(L, "", data, n);
		lua_concat(L, 2);
	} else
		push_hex(L, "data ", data, n);
	add_line(L, t);
	t->data = true;
}

/* The transcript is on top of the stack; what was said comes above it. */
static int return_both(lua_State *L, struct buf *out)
{
	lua_pushlstring(L, out->len ? buf_data(out) : "", out->len);
	buf_clear(out);
	return 2;
}

/* ---- telnet ------------------------------------------------------------------------------- */

static void add_telnet(lua_State *L, struct transcript *t, const struct telnet_event *ev)
{
	char head[40];
	switch (ev->kind) {
	case TELNET_DATA:
		add_data(L, t, ev->data, ev->size);
		return;
	case TELNET_COMMAND:
		lua_pushfstring(L, "command %d", ev->code);
		break;
	case TELNET_OPTION:
		lua_pushfstring(L, "option %s %d %s", ev->ours ? "ours" : "theirs", ev->code, ev->on ? "on" : "off");
		break;
	case TELNET_SUB:
		snprintf(head, sizeof head, "%s %d ", ev->cut ? "cut" : "sub", ev->code);
		push_hex(L, head, ev->data, ev->size);
		break;
	default:
		return;
	}
	add_line(L, t);
}

/* The next string, after number *i, of the list at 1; held at 3 meanwhile. */
static bool next_piece(lua_State *L, lua_Integer *i, const char **piece, size_t *n)
{
	bool is_string = lua_rawgeti(L, 1, ++*i) == LUA_TSTRING;
	lua_replace(L, 3);
	*piece = is_string ? lua_tolstring(L, 3, n) : NULL;
	return is_string;
}

/* lua: transcript, out = telnet(pieces[, wants])   wants: {{code, ours, on}, ...} said first */
static int codec_telnet(lua_State *L)
{
	struct telnet t;
	struct buf out = { 0 };
	struct transcript lines = { 0 };
	const char *piece;
	size_t n;
	lua_settop(L, 3);
	telnet_init(&t, &out);
	lua_newtable(L);
	for (lua_Integer i = 1; lua_istable(L, 2) && lua_rawgeti(L, 2, i) == LUA_TTABLE; i++) {
		lua_rawgeti(L, -1, 1), lua_rawgeti(L, -2, 2), lua_rawgeti(L, -3, 3);
		telnet_want(&t, (unsigned char)lua_tointeger(L, -3), lua_toboolean(L, -2), lua_toboolean(L, -1));
		lua_pop(L, 4);
	}
	lua_settop(L, 4);
	for (lua_Integer i = 0; next_piece(L, &i, &piece, &n);)
		while (n) {
			struct telnet_event ev;
			size_t used = telnet_next(&t, piece, n, &ev);
			piece += used;
			n -= used;
			add_telnet(L, &lines, &ev);
				}
	telnet_clear(&t);
	return return_both(L, &out);
}

/* lua: bytes = telnet_data(data, nvt)   as it goes over the wire */
static int codec_telnet_data(lua_State *L)
{
	struct telnet t;
	struct buf out = { 0 };
	size_t n;
	const char *data = bind_bytes(L, 1, &n);
	telnet_init(&t, &out);
	if (!lua_toboolean(L, 2))
		telnet_want(&t, TELNET_BINARY, true, true);
	buf_consume(&out, out.len);
	telnet_data(&t, data, n);
	lua_pushlstring(L, out.len ? buf_data(&out) : "", out.len);
	buf_clear(&out);
	return 1;
}

/* ---- the two sides of RFC 2217 ------------------------------------------------------------- */

static void add_server(lua_State *L, struct transcript *t, struct rfc2217_server *s, const struct rfc2217_server_event *ev)
{
	const struct rfc2217_message *m = &ev->message;
	switch (ev->kind) {
	case SERVER_DATA:
		add_data(L, t, ev->data, ev->size);
		return;
	case SERVER_BREAK:
		lua_pushliteral(L, "break");
		break;
	case SERVER_AGREED:
		lua_pushstring(L, s->agreed ? "agreed" : "not agreed");
		break;
	case SERVER_SIGNATURE:
		push_hex(L, "signature ", m->text, m->size);
		break;
	case SERVER_ASKED:
		lua_pushfstring(L, "ask %s %d", rfc2217_name(m->command), (int)m->value);
		if (m->command == RFC2217_SIGNATURE)
			rfc2217_server_sign(s, "moonrig");
		else
			rfc2217_server_answer(s, m, m->value);
		break;
	default:
		return;
	}
	add_line(L, t);
}

/* lua: transcript, out = rfc2217_server(pieces)   each request is answered by its own value */
static int codec_rfc2217_server(lua_State *L)
{
	struct rfc2217_server s;
	struct transcript lines = { 0 };
	const char *piece;
	size_t n;
	lua_settop(L, 3);
	lua_newtable(L);
	rfc2217_server_init(&s);
	for (lua_Integer i = 0; next_piece(L, &i, &piece, &n);)
		while (n) {
			struct rfc2217_server_event ev;
			size_t used = rfc2217_server_next(&s, piece, n, &ev);
			piece += used;
			n -= used;
			add_server(L, &lines, &s, &ev);
		}
	return_both(L, &s.out);
	rfc2217_server_clear(&s);
	return 2;
}

static void add_client(lua_State *L, struct transcript *t, struct rfc2217_client *c, const struct rfc2217_client_event *ev)
{
	static const char *const words[] = { [CLIENT_AGREED] = "agreed", [CLIENT_REFUSED] = "refused",
		[CLIENT_BINARY] = "binary" };
	switch (ev->kind) {
	case CLIENT_DATA:
		add_data(L, t, ev->data, ev->size);
		return;
	case CLIENT_AGREED: case CLIENT_REFUSED:
		lua_pushstring(L, words[ev->kind]);
		break;
	case CLIENT_BINARY:
		lua_pushfstring(L, "binary %d", rfc2217_client_transparent(c));
		break;
	case CLIENT_ANSWER:
		lua_pushfstring(L, "answer %s %d%s%s", rfc2217_client_item_name(ev->item), (int)c->items[ev->item].in_force,
			c->items[ev->item].awaited ? " (another is awaited)" : "", c->items[ev->item].refused ? " (refused)" : "");
		break;
	case CLIENT_MODEM:
		lua_pushfstring(L, "modem %d", c->modem);
		break;
	case CLIENT_LINE:
		lua_pushfstring(L, "line %d", (int)ev->value);
		break;
	case CLIENT_SIGNATURE:
		push_hex(L, "signature ", ev->data, ev->size);
		break;
	case CLIENT_RESUMED:
		lua_pushstring(L, c->suspended ? "suspended" : "resumed");
		break;
	default:
		return;
	}
	add_line(L, t);
}

/* lua: transcript, out = rfc2217_client(pieces[, requests])   requests: {{item, value}, ...}, items from 0 */
static int codec_rfc2217_client(lua_State *L)
{
	struct rfc2217_client c = { 0 };
	struct transcript lines = { 0 };
	const char *piece;
	size_t n;
	lua_settop(L, 3);
	rfc2217_client_init(&c, "moonrig");
	for (lua_Integer i = 1; lua_istable(L, 2) && lua_rawgeti(L, 2, i) == LUA_TTABLE; i++) {
		lua_rawgeti(L, -1, 1), lua_rawgeti(L, -2, 2);
		rfc2217_client_ask(&c, (enum rfc2217_item)lua_tointeger(L, -2), (uint32_t)lua_tointeger(L, -1));
		lua_pop(L, 3);
	}
	lua_settop(L, 3);
	lua_newtable(L);
	for (lua_Integer i = 0; next_piece(L, &i, &piece, &n);)
		while (n) {
			struct rfc2217_client_event ev;
			size_t used = rfc2217_client_next(&c, piece, n, &ev);
			piece += used;
			n -= used;
			add_client(L, &lines, &c, &ev);
		}
	return_both(L, &c.out);
	rfc2217_client_clear(&c);
	return 2;
}

/* lua: verdict = httpline(pieces)   "no", "yes", "hardly", "likely" */
static int codec_httpline(lua_State *L)
{
	static const char *const verdicts[] = { "no", "yes", "hardly", "likely" };
	struct httpline h = { 0 };
	enum httpline_verdict v = HTTPLINE_HARDLY;
	const char *piece;
	size_t n;
	lua_settop(L, 3);
	for (lua_Integer i = 0; next_piece(L, &i, &piece, &n);)
		if (v != HTTPLINE_NO && v != HTTPLINE_YES)
			v = httpline_feed(&h, piece, n);
	lua_pushstring(L, verdicts[v]);
	return 1;
}

void open_codec_rfc2217(lua_State *L)
{
	static const luaL_Reg functions[] = { { "telnet", codec_telnet }, { "telnet_data", codec_telnet_data },
		{ "rfc2217_server", codec_rfc2217_server }, { "rfc2217_client", codec_rfc2217_client },
		{ "httpline", codec_httpline }, { NULL, NULL } };
	luaL_setfuncs(L, functions, 0);
}
