// SPDX-License-Identifier: MIT
// main.c: argv -> script or command -> exit code.  The only main().
//   moonrig FILE.lua [ARG...]  and  moonrig run FILE.lua [ARG...]  run a script
//   moonrig COMMAND [ARG...]   runs scripts/COMMAND.lua, which is inside the program
// Exit codes: 0 done, 2 error, 64 usage, 130 interrupted; a command may choose its own.
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/version.h"
#include "bind/bind.h"
#include "bind/embed.h"
#include "port/layer.h"
#include "port/linger.h"
#include "sched/loop.h"
#include "sched/raise.h"
#include "sched/task.h"

enum { EXIT_ERROR = 2 };

/* arg as in lua: arg[0] the script, arg[1]... its arguments, negative ones before it. */
static void set_arg(lua_State *L, char **argv, int argc, int script)
{
	lua_createtable(L, argc - script, script + 1);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i - script);
	}
	lua_setglobal(L, "arg");
}

/* os.exit closes ports and the state, so that nothing (a raw terminal, a link) is left behind.  It does not hide
 * that a task has failed. */
static int exit_closing(lua_State *L)
{
	lua_settop(L, 1);
	bool success = lua_isnil(L, 1) || (lua_isboolean(L, 1) ? lua_toboolean(L, 1) : lua_tointeger(L, 1) == 0);
	if (loop_settle(loop_of(L)) && success) {
		lua_pushinteger(L, EXIT_ERROR);
		lua_replace(L, 1);
	}
	lua_pushboolean(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 0);
	return 0;
}

static void set_exit(lua_State *L)
{
	lua_getglobal(L, "os");
	lua_getfield(L, -1, "exit");
	lua_pushcclosure(L, exit_closing, 1);
	lua_setfield(L, -2, "exit");
	lua_pop(L, 1);
}

static const char *command_module(const char *name)
{
	static char module[128];
	snprintf(module, sizeof module, "moonrig.command.%s", name);
	for (unsigned i = 0; i < embedded_count; i++)
		if (!strcmp(embedded_modules[i].name, module))
			return module;
	return NULL;
}

/* Not a command: a path, something.lua, or "-" for standard input. */
static bool is_script(const char *name)
{
	size_t n = strlen(name);
	return !strcmp(name, "-") || strchr(name, '/') || (n > 4 && !strcmp(name + n - 4, ".lua"));
}

static int usage(FILE *out, int code)
{
	fprintf(out, "moonrig " MOONRIG_VERSION ": talks to instruments, runs test stations, in Lua\n\n"
		"usage: moonrig FILE.lua [ARG...]      run a script\n"
		"       moonrig COMMAND [ARG...]       (moonrig COMMAND --help tells more)\n\ncommands: run");
	for (unsigned i = 0; i < embedded_count; i++)
		if (!strncmp(embedded_modules[i].name, "moonrig.command.", 16))
			fprintf(out, " %s", embedded_modules[i].name + 16);
	fprintf(out, "\n\nexample: moonrig ports\n");
	return code;
}

static int usage_run(void)
{
	printf("usage: moonrig run FILE.lua [ARG...]\n\nRuns a script (- is standard input); its arguments are in arg[1], "
		"arg[2]... and in \"...\".\nThe exit code is 0, 2 after an error, 130 after Ctrl-C, or what os.exit says.\n\n"
		"example: moonrig run identify.lua /dev/ttyUSB0\n");
	return 0;
}

/* Loads what is to run, on top of the stack: 0, or the exit code with the message printed. */
static int load(lua_State *L, char **argv, int argc, int at, bool script)
{
	const char *name = argv[at];
	const char *module = script ? NULL : command_module(name);
	if (module) {
		set_arg(L, argv, argc, at);
		lua_getglobal(L, "require");
		lua_pushstring(L, "moonrig.cli");
		if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
			lua_getfield(L, -1, "run");
			lua_replace(L, -2);
			lua_pushstring(L, name);
			return 0;
		}
	} else if (!script) {
		fprintf(stderr, "moonrig: there is no %s \"%s\" (a script ends in .lua or has a / in it); moonrig --help "
			"lists the commands\n", *name == '-' ? "option" : "command", name);
		return EX_USAGE;
	} else {
		set_arg(L, argv, argc, at);
		if (luaL_loadfilex(L, strcmp(name, "-") ? name : NULL, "t") == LUA_OK) {
			for (int i = at + 1; i < argc; i++)
				lua_pushstring(L, argv[i]);
			return 0;
		}
	}
	fprintf(stderr, "moonrig: %s\n", lua_tostring(L, -1));
	return EXIT_ERROR;
}

/* How the main task ended -> exit code. */
static int conclude(lua_State *L, struct loop *l, struct task *main, bool command)
{
	if (l->main_error)
		fprintf(stderr, "moonrig: %s\n", l->main_error);
	if (l->fatal || l->main_error)
		return EXIT_ERROR;
	if (main->state != TASK_DEAD || main->failed)
		return EXIT_ABORTED;
	int n = task_results(L, main);       /* what a script returns means nothing, as in lua */
	return command && n && lua_isinteger(L, -n) ? (int)lua_tointeger(L, -n) & 255 : 0;
}

static int run(lua_State *L, struct loop *l, char **argv, int argc, int at)
{
	bool script = at == 2 || is_script(argv[at]);   /* whatever follows `run` */
	int code = load(L, argv, argc, at, script);
	if (code)
		return code;
	struct task *main = task_spawn(L, l, lua_gettop(L) - 1);
	main->joined = true;
	loop_run(l, main);
	return conclude(L, l, main, !script);
}

static void *allocate(void *pool, void *at, size_t had, size_t want)
{
	return pool_resize(pool, at, at ? had : 0, want);
}

static int panic(lua_State *L)
{
	fprintf(stderr, "moonrig: %s\n", lua_isstring(L, -1) ? lua_tostring(L, -1) : "an error outside of any task");
	return 0;
}

static lua_State *new_state(struct pool *pool)
{
	lua_State *L = pool ? lua_newstate(allocate, pool) : NULL;
	if (L)
		lua_atpanic(L, panic);
	return L;
}

/* Started without standard files, the program's own descriptors must not come into their places. */
static void fill_standard_files(void)
{
	int fd;
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO) {}
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	fill_standard_files();
	int at = argc > 1 && !strcmp(argv[1], "run") ? 2 : 1;
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
		printf("moonrig %s (%s, libevent %s)\n", MOONRIG_VERSION, LUA_RELEASE, loop_library());
		return 0;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")))
		return usage(stdout, 0);
	if (argc <= at)
		return usage(stderr, EX_USAGE);
	if (at == 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
		return usage_run();
	struct pool *pool = pool_new();
	lua_State *L = new_state(pool);
	struct loop *l = L ? loop_new(L) : NULL;
	if (!l) {
		fprintf(stderr, "moonrig: cannot start: out of memory or descriptors\n");
		if (L)
			lua_close(L);
		pool_free(pool);
		return EXIT_ERROR;
	}
	luaL_openlibs(L);
	raise_open(L);                               /* Ctrl-C may come before moonrig.core is loaded */
	bind_searcher(L);
	set_exit(L);
	int code = run(L, l, argv, argc, at);
	fflush(stdout);
	lua_close(L);
	layer_end_late(l->base);
	linger_end(l->base);
	loop_free(l);
	pool_free(pool);
	return code;
}
