// SPDX-License-Identifier: MIT
// lservice.c: what a program needs that runs as a service: telling systemd how it is (sd_notify(3), by its protocol),
// and SIGHUP as the wish to read its configuration again.
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bind/bind.h"
#include "sched/loop.h"
#include "sched/wait.h"

/* 0 sent, 1 nobody wants to know, -1. */
static int notify(const char *text, size_t n, struct err *e)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (!path || !*path)
		return 1;
	size_t size = strlen(path);
	if ((*path != '/' && *path != '@') || size >= sizeof a.sun_path)
		return err_set(e, ERR_UNSUPPORTED, "NOTIFY_SOCKET=%s: expected a path, or @ and a name", path);
	memcpy(a.sun_path, path, size);
	if (*path == '@')
		a.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "telling systemd");
	ssize_t sent = sendto(fd, text, n, MSG_NOSIGNAL, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
	int sys = errno;
	close(fd);
	return sent < 0 ? err_sys(e, sys, "telling systemd (%s)", path) : 0;
}

/* lua: told = core.notify("READY=1")   false: the program is no service of systemd */
static int service_notify(lua_State *L)
{
	struct err e;
	size_t n;
	const char *text = bind_bytes(L, 1, &n);
	int r = notify(text, n, &e);
	if (r < 0)
		raise_err(L, &e);
	lua_pushboolean(L, r == 0);
	return 1;
}

static int hangup_step(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	struct loop *l = (struct loop *)ctx;
	if (loop_take_hangup(l))
		return 0;
	return task_wait(L, &l->hangup, NO_DEADLINE, hangup_step, ctx);
}

/* lua: core.wait_hangup()   until the next SIGHUP, which does not end the program from the first call on */
static int service_wait_hangup(lua_State *L)
{
	struct loop *l = loop_of(L);
	loop_catch_hangup(l);
	if (l->hangup.task)
		raise_text(L, ERR_BUSY, "wait_hangup: another task waits for it");
	return hangup_step(L, WAKE_READY, (lua_KContext)l);
}

/* lua: core.catch_hangup()   from here on SIGHUP does not end the program */
static int service_catch_hangup(lua_State *L)
{
	loop_catch_hangup(loop_of(L));
	return 0;
}

void open_service(lua_State *L)
{
	static const luaL_Reg functions[] = { { "notify", service_notify }, { "wait_hangup", service_wait_hangup },
		{ "catch_hangup", service_catch_hangup }, { NULL, NULL } };
	luaL_setfuncs(L, functions, 0);
}
