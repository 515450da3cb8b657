// SPDX-License-Identifier: MIT
// url.c: see url.h.
#include "base/url.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "URL");
}

/* Length of a scheme name at the start of the text, with its ':', or 0. */
static size_t scheme_length(const char *s)
{
	if (!isalpha((unsigned char)*s))
		return 0;
	size_t n = 1;
	while (isalnum((unsigned char)s[n]) || s[n] == '+' || s[n] == '.' || s[n] == '-')
		n++;
	return s[n] == ':' && n > 1 ? n + 1 : 0;
}

static int hex(int c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* Returns the new length: "%00" makes a zero byte. */
static size_t percent_decode(char *s)
{
	char *start = s, *to = s;
	for (; *s; s++, to++) {
		if (*s == '%' && hex((unsigned char)s[1]) >= 0 && hex((unsigned char)s[2]) >= 0) {
			*to = (char)(hex((unsigned char)s[1]) * 16 + hex((unsigned char)s[2]));
			s += 2;
		} else
			*to = *s;
	}
	*to = 0;
	return (size_t)(to - start);
}

static struct option *find(const struct url *u, const char *key)
{
	for (unsigned i = 0; i < u->count; i++)
		if (!strcmp(u->options[i].key, key))
			return &u->options[i];
	return NULL;
}

int url_option(struct url *u, const char *key, const char *value, size_t size, struct err *e)
{
	struct option *o = find(u, key);
	char *v = malloc(size + 1);
	if (!v)
		return no_memory(e);
	memcpy(v, value, size);
	v[size] = 0;
	if (o) {
		free(o->value);
		o->value = v;
		o->size = size;
		return 0;
	}
	struct option *grown = realloc(u->options, (u->count + 1) * sizeof *grown);
	char *k = strdup(key);
	if (grown)
		u->options = grown;
	if (!grown || !k) {
		free(v);
		free(k);
		return no_memory(e);
	}
	u->options[u->count++] = (struct option){ k, v, size };
	return 0;
}

static int parse_query(struct url *u, char *q, struct err *e)
{
	while (q && *q) {
		bool to_end = !strncmp(q, "url=", 4);
		char *next = to_end ? NULL : strchr(q, '&');
		if (next)
			*next++ = 0;
		char *eq = strchr(q, '=');
		if (eq)
			*eq = 0;
		if (!*q)
			return err_set(e, ERR_UNSUPPORTED, "%s: an option without a name in the query", u->text);
		size_t size = eq ? percent_decode(eq + 1) : 0;
		if (url_option(u, q, eq ? eq + 1 : "", size, e) < 0)
			return -1;
		q = next;
	}
	return 0;
}

int url_parse(struct url *u, const char *text, struct err *e)
{
	*u = (struct url){ 0 };
	if (!*text)
		return err_set(e, ERR_UNSUPPORTED, "the URL is empty: expected a device (/dev/ttyUSB0) or scheme://...");
	size_t n = scheme_length(text);
	const char *rest = text + n;
	if (n && !strncmp(rest, "//", 2))
		rest += 2;
	u->text = strdup(text);
	u->scheme = n ? strndup(text, n - 1) : strdup("device");
	u->rest = strdup(rest);
	if (!u->text || !u->scheme || !u->rest) {
		url_clear(u);
		return no_memory(e);
	}
	for (char *c = u->scheme; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	bool whole = !strcmp(u->scheme, "exec") || !strcmp(u->scheme, "hwgrep");
	char *q = whole ? NULL : strchr(u->rest, '?');
	if (q)
		*q++ = 0;
	if (parse_query(u, q, e) == 0)
		return 0;
	url_clear(u);
	return -1;
}

const char *url_get(const struct url *u, const char *key)
{
	const struct option *o = find(u, key);
	return o ? o->value : NULL;
}

char *url_take(struct url *u, const char *key)
{
	struct option *o = find(u, key);
	if (!o)
		return NULL;
	char *value = o->value;
	free(o->key);
	*o = u->options[--u->count];
	return value;
}

int url_inner(struct url *inner, const struct url *outer, const char *text, struct err *e)
{
	if (url_parse(inner, text, e) < 0)
		return -1;
	for (unsigned i = 0; i < outer->count; i++)
		if (url_option(inner, outer->options[i].key, outer->options[i].value, outer->options[i].size, e) < 0) {
			url_clear(inner);
			return -1;
		}
	return 0;
}

void url_clear(struct url *u)
{
	for (unsigned i = 0; i < u->count; i++) {
		free(u->options[i].key);
		free(u->options[i].value);
	}
	free(u->options);
	free(u->text);
	free(u->scheme);
	free(u->rest);
	*u = (struct url){ 0 };
}

int url_host_port(const struct url *u, bool zero, char *host, char port[6], struct err *e)
{
	const char *s = u->rest, *end;
	if (*s == '[') {
		end = strchr(++s, ']');
		if (!end || end[1] != ':')
			return err_set(e, ERR_UNSUPPORTED, "%s: expected [IPv6 address]:port", u->text);
	} else {
		end = strchr(s, ':');
		if (!end)
			return err_set(e, ERR_UNSUPPORTED, "%s: the port number is missing: %s://host:port", u->text, u->scheme);
		if (strchr(end + 1, ':'))
			return err_set(e, ERR_UNSUPPORTED, "%s: write an IPv6 address in brackets: %s://[::1]:port", u->text,
				u->scheme);
	}
	size_t n = (size_t)(end - s);
	if (n == 0 || n > 255)
		return err_set(e, ERR_UNSUPPORTED, "%s: the host is missing or too long", u->text);
	memcpy(host, s, n);
	host[n] = 0;
	const char *p = end + (*end == ']' ? 2 : 1);
	char *stop;
	long number = strtol(p, &stop, 10);
	if (stop > p && *stop == '/' && !stop[1])
		stop++;
	if (stop == p || *stop || !isdigit((unsigned char)*p) || number < (zero ? 0 : 1) || number > 65535)
		return err_set(e, ERR_UNSUPPORTED, "%s: port number \"%s\" is not within %d..65535", u->text, p, zero ? 0 : 1);
	snprintf(port, 6, "%u", (unsigned)number & 65535u);
	return 0;
}

int value_seconds(const char *key, const char *value, double *out, struct err *e)
{
	char *stop;
	double d = strtod(value, &stop);
	if (!*value || *stop || isnan(d) || d < 0)
		return err_set(e, ERR_UNSUPPORTED, "option %s=%s: expected seconds, 0 or more (inf waits for ever)", key, value);
	*out = d;
	return 0;
}

int value_integer(const char *key, const char *value, long min, long max, long *out, struct err *e)
{
	char *stop;
	errno = 0;
	long n = strtol(value, &stop, 10);
	if (!*value || isspace((unsigned char)*value) || *stop || errno || n < min || n > max)
		return err_set(e, ERR_UNSUPPORTED, "option %s=%s: expected a whole number from %ld to %ld", key, value, min, max);
	*out = n;
	return 0;
}

int value_bool(const char *key, const char *value, bool *out, struct err *e)
{
	static const char *const yes[] = { "", "1", "true", "yes", "on" };
	static const char *const no[] = { "0", "false", "no", "off" };
	for (unsigned i = 0; i < 5; i++)
		if (!strcasecmp(value, yes[i]))
			return *out = true, 0;
	for (unsigned i = 0; i < 4; i++)
		if (!strcasecmp(value, no[i]))
			return *out = false, 0;
	return err_set(e, ERR_UNSUPPORTED, "option %s=%s: expected true or false", key, value);
}
