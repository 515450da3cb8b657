// SPDX-License-Identifier: MIT
// scheme.c: the table of transports.  A new one is one line here.
#include "port/scheme.h"

#include <string.h>

#include "port/cp2110.h"
#include "port/device.h"
#include "port/hwgrep.h"
#include "port/exec.h"
#include "port/pair.h"
#include "port/pty.h"
#include "port/record.h"
#include "port/replay.h"
#include "port/rfc2217.h"
#include "port/socket.h"
#include "port/spy.h"
#include "port/stdio.h"
#include "port/tls.h"

static const struct scheme table[] = {
	{ "device", &device_ops, NULL },
	{ "hwgrep", NULL, hwgrep_open },
	{ "socket", &socket_ops, NULL },
	{ "socket+tls", &tls_ops, NULL },
	{ "unix", &unix_ops, NULL },
	{ "rfc2217", &rfc2217_ops, NULL },
	{ "rfc2217+tls", &rfc2217_tls_ops, NULL },
	{ "loop", &loop_ops, NULL },
	{ "spy", NULL, spy_resolve },
	{ "record", NULL, record_resolve },
	{ "replay", &replay_ops, NULL },
	{ "cp2110", &cp2110_ops, NULL },
	{ "pty", &pty_ops, NULL },
	{ "exec", &exec_ops, NULL },
	{ "stdio", &stdio_ops, NULL },
	{ NULL, NULL, NULL },
};

const struct scheme *scheme_table(void)
{
	return table;
}

const struct scheme *scheme_find(const char *name)
{
	for (const struct scheme *s = table; s->name; s++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}
