// SPDX-License-Identifier: MIT
// hexdump.c: see hexdump.h.
#include "base/hexdump.h"

#include <stdio.h>
#include <string.h>

enum {
	ROW = 16,                       /* bytes in a line */
	HEX = 3 * ROW + 1,              /* columns of "XX " each, one more after the eighth */
	HEAD_MAX = 400,                 /* seconds (a double has up to 310 digits), label */
};

/* "000000.301 TX   ": its length. */
static size_t put_head(char head[HEAD_MAX], double seconds, const char *label)
{
	return (size_t)snprintf(head, HEAD_MAX, "%010.3f %-4.16s ", seconds, label);
}

static void put_row(char *at, const unsigned char *data, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	char *hex = at, *text = at + HEX + 1;
	memset(at, ' ', HEX + 1 + ROW);
	for (size_t i = 0; i < n; i++) {
		if (i == ROW / 2)
			hex++;
		*hex++ = digits[data[i] >> 4];
		*hex++ = digits[data[i] & 15];
		hex++;
		text[i] = data[i] >= ' ' && data[i] < 127 ? (char)data[i] : '.';
	}
	text[ROW] = '\n';
}

int hexdump_rows(struct buf *out, const char *head, const void *data, size_t n)
{
	char offset[24];
	size_t headlen = strlen(head);
	for (size_t at = 0; at < n; at += ROW) {
		size_t offsetlen = (size_t)snprintf(offset, sizeof offset, "%04zX  ", at);
		size_t size = headlen + offsetlen + HEX + 1 + ROW + 1;
		char *line = buf_room(out, size);
		if (!line)
			return -1;
		memcpy(line, head, headlen);     /* NOLINT(bugprone-not-null-terminated-result): a row has no NUL */
		memcpy(line + headlen, offset, offsetlen);
		put_row(line + headlen + offsetlen, (const unsigned char *)data + at, n - at < ROW ? n - at : ROW);
		buf_added(out, size);
	}
	return 0;
}

int hexdump_bytes(struct buf *out, double seconds, const char *label, const void *data, size_t n)
{
	char head[HEAD_MAX];
	put_head(head, seconds, label);
	return hexdump_rows(out, head, data, n);
}

int hexdump_text(struct buf *out, double seconds, const char *label, const char *text)
{
	char head[HEAD_MAX];
	size_t n = put_head(head, seconds, label);
	return buf_append(out, head, n) || buf_append(out, text, strlen(text)) || buf_append(out, "\n", 1) ? -1 : 0;
}
