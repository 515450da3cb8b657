/* SPDX-License-Identifier: MIT
 * url.h: takes a port URL apart and carries its options.
 *
 *   scheme://rest?key=value&flag     scheme:rest?key=value     /dev/ttyX?key=value
 *
 * A text without a scheme is a device path.  Values are percent-decoded, the
 * rest is not (device paths, commands and nested URLs stay as written).  The
 * value of `url=` runs to the end of the text.  Options given apart from the
 * URL (a Lua table) join the same list with url_option and win over the query.
 * No check of what a scheme or option means happens here.  The owner calls
 * url_clear. */
#ifndef BASE_URL_H
#define BASE_URL_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct option {
	char *key;
	char *value;        /* "" for a bare flag; a zero byte follows */
	size_t size;        /* of the value, which may hold zero bytes itself (eol=%00) */
};

struct url {
	char *text;         /* as given */
	char *scheme;       /* lower case; "device" for a bare path */
	char *rest;         /* between scheme and query */
	struct option *options;
	unsigned count;
};

/* Schemes whose rest is taken whole ("exec", "hwgrep": a command or a regex
 * may hold a '?') do not look for a query. */
int url_parse(struct url *u, const char *text, struct err *e);
/* Sets an option, over one of the same name. */
int url_option(struct url *u, const char *key, const char *value, size_t size, struct err *e);
/* The value, or NULL when it is not there. */
const char *url_get(const struct url *u, const char *key);
/* Takes an option out: returns its value (the caller frees it) or NULL. */
char *url_take(struct url *u, const char *key);
/* Another text with the same options: what spy:// and alt:// open. */
int url_inner(struct url *inner, const struct url *outer, const char *text, struct err *e);
void url_clear(struct url *u);

/* Splits "host:port" or "[v6]:port"; host must hold 256 bytes.  `port_text`
 * may be a number 1..65535 (0 too where `zero` is set). */
int url_host_port(const struct url *u, bool zero, char *host, char port[6], struct err *e);

/* "2.5", "inf", "" is an error; seconds >= 0. */
int value_seconds(const char *key, const char *value, double *out, struct err *e);
/* A whole number within [min, max]. */
int value_integer(const char *key, const char *value, long min, long max, long *out, struct err *e);
/* "" 1 true yes on / 0 false no off */
int value_bool(const char *key, const char *value, bool *out, struct err *e);

#endif
