// SPDX-License-Identifier: MIT
// telnetwrite.c: see telnetwrite.h.
#include "port/telnetwrite.h"

#include <errno.h>

enum { AT_ONCE = 16 * 1024 };

/* How many bytes of data the first `sent` bytes on the wire stand for; *half: and a byte whose second half is not
 * among them. */
static size_t stands_for(const unsigned char *data, size_t n, const char *wire, size_t sent, bool nvt, size_t *half)
{
	size_t from = 0, to = 0;
	*half = 0;
	while (from < n && to < sent) {
		bool two = data[from] == TELNET_IAC || (nvt && data[from] == '\r' && wire[to + 1] == 0);
		to += two ? 2 : 1;
		from++;
	}
	*half = to - sent;
	return from;
}

ssize_t telnetwrite(struct layer *l, struct telnet *t, const void *data, size_t n, struct err *e)
{
	if (layer_flush(l, t->out, e) < 0)
		return layer_write_failed(l, e);
	if (t->out->len)
		return 0;
	if (telnet_plain(t, data, n)) {
		ssize_t w = port_write(l->inner, data, n, e);
		return w < 0 ? layer_write_failed(l, e) : w;
	}
	n = n < AT_ONCE ? n : AT_ONCE;
	telnet_data(t, data, n);
	if (t->failed)
		return err_sys(e, ENOMEM, "writing to %s", l->port.name);
	size_t half, all = t->out->len;
	ssize_t w = port_write(l->inner, buf_data(t->out), all, e);
	if (w <= 0) {
		buf_consume(t->out, all);
		return w < 0 ? layer_write_failed(l, e) : 0;
	}
	bool nvt = telnet_state(t, TELNET_BINARY, true) == TELNET_NO;
	size_t taken = stands_for(data, n, buf_data(t->out), (size_t)w, nvt, &half);
	char rest = half ? buf_data(t->out)[w] : 0;
	buf_consume(t->out, all);
	if (half && buf_append(t->out, &rest, 1) < 0)
		return err_sys(e, ENOMEM, "writing to %s", l->port.name);
	return (ssize_t)taken;
}
