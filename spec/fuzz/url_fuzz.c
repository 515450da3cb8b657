// SPDX-License-Identifier: MIT
// url_fuzz.c: any text is a URL or refused; its parts put together again are the same URL.
#include "transcript.h"
#include "base/url.h"

static void put_text(struct buf *t, const char *text)
{
	put(t, text, strlen(text));
}

/* A value that survives the query as it is. */
static void put_value(struct buf *t, const struct option *o)
{
	char hex[4];
	for (size_t i = 0; i < o->size; i++)
		put(t, hex, (size_t)snprintf(hex, sizeof hex, "%%%02X", (unsigned char)o->value[i]));
}

static void compare(const struct url *u, bool whole)
{
	struct buf text = { 0 };
	struct url again;
	struct err e;
	put_text(&text, u->scheme);
	put_text(&text, "://");
	put_text(&text, u->rest);
	for (unsigned i = 0; i < u->count && !whole; i++) {
		put_text(&text, i ? "&" : "?");
		put_text(&text, u->options[i].key);
		put_text(&text, "=");
		put_value(&text, &u->options[i]);
	}
	put(&text, "", 1);
	must(url_parse(&again, buf_data(&text), &e) == 0);
	must(!strcmp(again.scheme, u->scheme) && !strcmp(again.rest, u->rest) && again.count == u->count);
	for (unsigned i = 0; i < u->count; i++) {
		const struct option *a = &u->options[i], *b = &again.options[i];
		must(!strcmp(a->key, b->key) && a->size == b->size && !memcmp(a->value, b->value, a->size));
	}
	url_clear(&again);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const unsigned char *in, size_t n)
{
	struct url u, inner;
	struct err e;
	char host[256], port[6];
	double seconds;
	long number;
	bool on;
	char *text = strndup((const char *)in, n);
	must(text != NULL);
	if (url_parse(&u, text, &e) == 0) {
		bool nested = url_get(&u, "url") != NULL;        /* its value runs to the end, undecoded or not */
		if (!nested && strlen(u.scheme) > 1)
			compare(&u, !strcmp(u.scheme, "exec") || !strcmp(u.scheme, "hwgrep"));
		if (url_host_port(&u, true, host, port, &e) == 0)
			must(strlen(host) > 0 && strlen(host) < 256 && atol(port) >= 0 && atol(port) <= 65535);
		for (unsigned i = 0; i < u.count; i++) {
			value_seconds("x", u.options[i].value, &seconds, &e);
			value_integer("x", u.options[i].value, -5, 5, &number, &e);
			value_bool("x", u.options[i].value, &on, &e);
		}
		if (url_inner(&inner, &u, "loop://", &e) == 0) {
			must(inner.count == u.count);
			url_clear(&inner);
		}
		if (u.count)
			free(url_take(&u, u.options[0].key));
		url_clear(&u);
	}
	free(text);
	return 0;
}
