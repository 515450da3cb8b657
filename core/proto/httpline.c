// SPDX-License-Identifier: MIT
// httpline.c: see httpline.h.
#include "proto/httpline.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A request for a path ("/...") or for all of it ("*"): what browsers send. */
static const char *const begins[] = { "GET /", "POST /", "HEAD /", "PUT /", "DELETE /", "OPTIONS /", "OPTIONS *", "PATCH /",
	"TRACE /", "CONNECT /" };

static enum httpline_verdict compare(const struct httpline *h)
{
	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		size_t n = strlen(begins[i]), have = h->size < n ? h->size : n;
		if (!memcmp(h->head, begins[i], have))
			return have == n ? HTTPLINE_LIKELY : HTTPLINE_HARDLY;
	}
	return HTTPLINE_NO;
}

/* " HTTP/1.1" */
static bool ends_in_version(const struct httpline *h)
{
	return !memcmp(h->tail, " HTTP/", 6) && isdigit((unsigned char)h->tail[6]) && h->tail[7] == '.' &&
		isdigit((unsigned char)h->tail[8]);
}

enum httpline_verdict httpline_feed(struct httpline *h, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = data[i];
		if (c == '\n' || c == '\r')
			return h->size && ends_in_version(h) ? HTTPLINE_YES : HTTPLINE_NO;
		if (h->size < HTTPLINE_HEAD)
			h->head[h->size] = c;
		h->size++;
		memmove(h->tail, h->tail + 1, HTTPLINE_TAIL - 1);
		h->tail[HTTPLINE_TAIL - 1] = c;
		if (h->size <= HTTPLINE_HEAD && compare(h) == HTTPLINE_NO)
			return HTTPLINE_NO;
		if (h->size > HTTPLINE_MOST)
			return HTTPLINE_YES;
	}
	return compare(h);
}
