/* SPDX-License-Identifier: MIT
 * bind.h: what the bindings share.  A binding is one file per Lua class or
 * noun, l<noun>.c, with one function open_<noun>() that adds its entries to
 * the table moonrig.core on top of the stack.  It gathers its arguments first
 * (that may raise), then acts. */
#ifndef BIND_BIND_H
#define BIND_BIND_H
#include <lauxlib.h>
#include <lua.h>

#include "sched/raise.h"

struct port;

/* A class: pushes its metatable, with the functions in `methods` holding that metatable as upvalue 1.
 * __index is the method table itself unless meta has its own.  meta entries get the upvalue too. */
void bind_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);
/* The userdata at `arg` if its metatable is upvalue 1 of the running function; raises otherwise. */
void *bind_self(lua_State *L, int arg, const char *what);

/* Argument readers that raise the error object. */
double bind_seconds(lua_State *L, int arg, double if_nil);      /* >= 0, math.huge allowed */
const char *bind_bytes(lua_State *L, int arg, size_t *n);       /* a string (or number) */
lua_Integer bind_integer(lua_State *L, int arg, lua_Integer min, lua_Integer max, const char *what);

/* One line for each binding. */
void open_codec(lua_State *L);
void open_codec_rfc2217(lua_State *L);       /* adds to the table of codecs on top of the stack */
void open_task(lua_State *L);
void open_queue(lua_State *L);
void open_port(lua_State *L);
void open_listen(lua_State *L);
void open_bridge(lua_State *L);
void open_service(lua_State *L);
void open_tap(lua_State *L);
void open_list(lua_State *L);
void open_store(lua_State *L);
void open_key(lua_State *L);

/* Hands a port over to a new userdata, which it pushes. */
void lport_push(lua_State *L, struct port *p);
/* Turns a Lua option table at index into URL options: {baudrate=9600} -> "baudrate", "9600". */
struct url;
void bind_options(lua_State *L, int index, struct url *u);

/* The module moonrig.core. */
int luaopen_moonrig_core(lua_State *L);
/* Puts the embedded Lua files where require finds them. */
void bind_searcher(lua_State *L);

#endif
