/* SPDX-License-Identifier: MIT
 * httpline.h: does a connection begin with an HTTP request line (RFC 9112, section 3)?  A web page can make a
 * browser send one to any port of this machine, with a body of its choice behind it.  Pure; bytes may come
 * in pieces. */
#ifndef PROTO_HTTPLINE_H
#define PROTO_HTTPLINE_H
#include <stddef.h>

enum { HTTPLINE_HEAD = 16, HTTPLINE_TAIL = 9, HTTPLINE_MOST = 64 * 1024 };

struct httpline {
	char head[HTTPLINE_HEAD];            /* the first bytes */
	char tail[HTTPLINE_TAIL];            /* the last ones before the end of the line */
	size_t size;                         /* seen */
};

enum httpline_verdict {
	HTTPLINE_NO, HTTPLINE_YES,
	HTTPLINE_HARDLY,                     /* it may become one, but is a letter or a word so far */
	HTTPLINE_LIKELY,                     /* "GET /": the end of the line will tell */
};

/* Zeroed at first. */
enum httpline_verdict httpline_feed(struct httpline *h, const char *data, size_t n);

#endif
