// SPDX-License-Identifier: MIT
// httpguard.c: see httpguard.h.
#include "port/httpguard.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "proto/httpline.h"

struct httpguard {
	struct httpline line;
	struct buf held;
};

struct httpguard *httpguard_new(void)
{
	return calloc(1, sizeof(struct httpguard));
}

void httpguard_free(struct httpguard *g)
{
	if (g)
		buf_clear(&g->held);
	free(g);
}

static int lose(struct port *p, const struct err *why)
{
	port_lost(p, why);
	return -1;
}

int httpguard_take(struct httpguard *g, struct port *p, const void *data, size_t n)
{
	struct err e;
	enum httpline_verdict verdict = httpline_feed(&g->line, data, n);
	if (verdict == HTTPLINE_YES) {
		log_warning("%s began with an HTTP request line: closed (no web page may reach this port)", p->name);
		err_set(&e, ERR_PROTOCOL, "%s: the client speaks HTTP", p->name);
		return lose(p, &e);
	}
	if (verdict == HTTPLINE_LIKELY) {
		if (buf_append(&g->held, data, n) == 0)
			return 0;
		err_sys(&e, ENOMEM, "%s: receiving", p->name);
		return lose(p, &e);
	}
	if (g->held.len)
		port_received(p, buf_data(&g->held), g->held.len);
	port_received(p, data, n);
	return verdict == HTTPLINE_NO;
}
