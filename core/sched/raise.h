/* SPDX-License-Identifier: MIT
 * raise.h: the Lua error object {code, message, url, op, received, where} from C. */
#ifndef SCHED_RAISE_H
#define SCHED_RAISE_H
#include <lua.h>

#include "base/err.h"

/* Pushes an error object for e.  where: the script's line. */
void push_error(lua_State *L, const struct err *e);
/* Is that function the library's own Lua code?  Fills in its source and line. */
int in_library(lua_State *L, lua_Debug *ar);
/* Pushes the line of the script, or nil: the first Lua function above C that is not the library's own. */
void push_where(lua_State *L);
/* Raise.  They do not return; declared int for `return raise_...`. */
int raise_err(lua_State *L, const struct err *e) __attribute__((noreturn));
int raise_text(lua_State *L, enum err_code code, const char *text) __attribute__((noreturn));
/* "op: argument N: expected WHAT, got TYPE" with code unsupported. */
int raise_argument(lua_State *L, int arg, const char *what) __attribute__((noreturn));
/* Makes the class of error objects; core.error(table) is its constructor for Lua. */
void raise_open(lua_State *L);
/* Is the value an error object of this code? */
int is_error(lua_State *L, int index, enum err_code code);

#endif
