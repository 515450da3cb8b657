// SPDX-License-Identifier: MIT
// hwgrep.c: see hwgrep.h.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "port/hwgrep.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "port/owner.h"
#include "port/settings.h"

struct query {
	long n;                 /* 1.., or 0: not asked for */
	bool skip_busy, unique;
};

/* As Python's re on text: \d and \w know all of Unicode; names from the device that are not UTF-8 do no harm. */
static pcre2_code *compile(const char *regex, struct err *e)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
		PCRE2_CASELESS | PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
	if (!re) {
		PCRE2_UCHAR text[128];
		pcre2_get_error_message(code, text, sizeof text);
		err_set(e, ERR_UNSUPPORTED, "bad regular expression \"%s\": %s at ", regex, (char *)text);
		if (regex[at])
			err_add(e, "character %zu", at + 1);
		else
			err_add(e, "its end");
	}
	return re;
}

/* 1 found, 0 not, -1 gave up. */
static int search(const pcre2_code *re, pcre2_match_data *data, const struct list_port *p)
{
	const char *const fields[] = { p->device, p->description, p->hwid };
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		int r = pcre2_match(re, (PCRE2_SPTR)fields[i], strlen(fields[i]), 0, 0, data, NULL);
		if (r != PCRE2_ERROR_NOMATCH)
			return r < 0 ? -1 : 1;
	}
	return 0;
}

int hwgrep_filter(struct list *l, const char *regex, struct err *e)
{
	pcre2_code *re = compile(regex, e);
	if (!re)
		return -1;
	int result = -1;
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
	if (!data) {
		err_set(e, ERR_SYSTEM, "no memory to match \"%s\"", regex);
		goto done;
	}
	struct list found = { l->ports, 0 };
	for (size_t i = 0; i < l->count; i++) {
		int r = search(re, data, &l->ports[i]);
		if (r < 0) {
			err_set(e, ERR_UNSUPPORTED, "regular expression \"%s\" takes too long: make it simpler", regex);
			goto done;
		}
		if (r) {        /* swapped, not copied: list_clear still finds every port once */
			struct list_port p = l->ports[found.count];
			l->ports[found.count++] = l->ports[i];
			l->ports[i] = p;
		}
	}
	struct list rest = { .count = l->count - found.count };
	for (size_t i = 0; i < rest.count; i++)
		list_port_clear(&l->ports[found.count + i]);
	*l = found;
	result = 0;
done:
	pcre2_match_data_free(data);
	pcre2_code_free(re);
	return result;
}

static int is_own(const char *name, size_t size)
{
	static const char *const own[] = { "n", "skip_busy", "unique" };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strlen(own[i]) == size && memcmp(own[i], name, size) == 0)
			return 1;
	return 0;
}

/* Does an option of ours or of a port start here, with its '='? */
static int option_starts(const char *s)
{
	size_t size = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.");
	char name[64];
	if (s[size] != '=' || size >= sizeof name)
		return 0;
	memcpy(name, s, size);
	name[size] = 0;
	struct config scratch;
	config_init(&scratch);
	return is_own(name, size) || config_option(&scratch, &(struct option){ name, "", 0 }, NULL) != 0;
}

/* Where the regex ends: at "&", or at "?option=". */
static size_t regex_length(const char *rest)
{
	const char *s = rest;
	while (*s && *s != '&' && !(*s == '?' && option_starts(s + 1)))
		s++;
	return (size_t)(s - rest);
}

static int take_bool(struct url *u, const char *key, bool *out, struct err *e)
{
	char *value = url_take(u, key);
	int r = value ? value_bool(key, value, out, e) : 0;
	free(value);
	return r;
}

/* The options after the regex, with those given apart from the URL over them. */
static int take_options(const struct url *u, const char *text, struct query *q, struct url *all, struct err *e)
{
	char *whole = malloc(sizeof "device:?" + strlen(text));
	if (!whole)
		return err_set(e, ERR_SYSTEM, "no memory to open %s", u->text);
	stpcpy(stpcpy(whole, "device:?"), text);
	int r = url_inner(all, u, whole, e);
	free(whole);
	if (r < 0)
		return -1;
	*q = (struct query){ 0 };
	char *n = url_take(all, "n");
	r = n ? value_integer("n", n, 1, 1000000, &q->n, e) : 0;
	free(n);
	if (r < 0 || take_bool(all, "skip_busy", &q->skip_busy, e) < 0 || take_bool(all, "unique", &q->unique, e) < 0)
		return err_add(e, " (opening %s)", u->text);
	return 0;
}

/* The devices but one, as far as there is room, and how many more there are. */
static void name_ports(const struct list *l, size_t except, char *text, size_t size)
{
	size_t n = 0, named = 0, total = l->count - (except < l->count);
	const size_t tail = sizeof " and 1000 more";
	*text = 0;
	for (size_t i = 0; i < l->count && named < 4; i++) {
		const char *device = l->ports[i].device;
		if (i == except)
			continue;
		if (n + strlen(device) + 2 + tail > size)
			break;
		n += (size_t)snprintf(text + n, size - n, "%s%s", named++ ? ", " : "", device);
	}
	if (named < total)
		snprintf(text + n, size - n, " and %zu more", total - named);
}

static int no_match(const char *regex, const struct list_roots *roots, struct err *e)
{
	struct list all;
	char names[240];
	if (list_scan(&all, roots, e) < 0)
		return -1;
	name_ports(&all, all.count, names, sizeof names);
	err_set(e, ERR_NOT_FOUND, "no serial port matches \"%s\"; %s%s", regex,
		all.count ? "there are: " : "this machine has none", names);
	list_clear(&all);
	return -1;
}

/* Drops the ports in use; an error when none is left. */
static int drop_busy(struct list *l, const char *regex, struct err *e)
{
	char who[80], last[80] = "";
	size_t kept = 0;
	for (size_t i = 0; i < l->count; i++) {
		if (owner_find(list_node(&l->ports[i]), who, sizeof who)) {
			memcpy(last, who, sizeof last);
			if (l->count == 1)
				return err_set(e, ERR_BUSY, "the only port that matches \"%s\", %s, is in use by %s", regex,
					l->ports[i].device, who);
			list_port_clear(&l->ports[i]);
		} else
			l->ports[kept++] = l->ports[i];
	}
	size_t total = l->count;
	l->count = kept;
	if (kept)
		return 0;
	return err_set(e, ERR_BUSY, "all %zu ports that match \"%s\" are in use, the last of them by %s", total, regex, last);
}

/* The index of the chosen port, or -1. */
static long choose(const struct list *l, const struct query *q, const char *regex, char *warning, struct err *e)
{
	char names[240];
	size_t i = q->n ? (size_t)q->n - 1 : 0;
	*warning = 0;
	if (l->count > 1 && q->unique) {
		name_ports(l, l->count, names, sizeof names);
		return err_set(e, ERR_UNSUPPORTED, "%zu ports match \"%s\", and it must be one (unique): %s", l->count, regex,
			names);
	}
	if (i >= l->count) {
		name_ports(l, l->count, names, sizeof names);
		return err_set(e, ERR_NOT_FOUND, "n=%ld: only %zu match \"%s\": %s", q->n, l->count, regex, names);
	}
	if (l->count > 1 && !q->n) {
		name_ports(l, i, names, sizeof names);
		snprintf(warning, HWGREP_WARNING, "hwgrep://%s took %s; %s match%s too (n= picks one, unique makes this "
			"an error)", regex, l->ports[i].device, names, l->count == 2 ? "es" : "");
	}
	return (long)i;
}

int hwgrep_resolve(const struct url *u, const struct list_roots *roots, struct url *device, char warning[HWGREP_WARNING],
	struct err *e)
{
	struct query q;
	struct url options = { .count = 0 };
	struct list l = { .count = 0 };
	size_t size = regex_length(u->rest);
	char *regex = strndup(u->rest, size);
	if (!regex)
		return err_set(e, ERR_SYSTEM, "no memory to open %s", u->text);
	int result = -1;
	if (take_options(u, u->rest[size] ? u->rest + size + 1 : "", &q, &options, e) < 0)
		goto done;
	if (list_scan(&l, roots, e) < 0 || hwgrep_filter(&l, regex, e) < 0)
		goto done;
	if (!l.count) {
		no_match(regex, roots, e);
		goto done;
	}
	if (q.skip_busy && drop_busy(&l, regex, e) < 0)
		goto done;
	long i = choose(&l, &q, regex, warning, e);
	if (i >= 0)
		result = url_inner(device, &options, l.ports[i].device, e);
done:
	url_clear(&options);
	list_clear(&l);
	free(regex);
	return result;
}

int hwgrep_open(const struct url *from, struct url *to, struct tap **taps, struct err *e)
{
	char warning[HWGREP_WARNING];
	(void)taps;
	if (hwgrep_resolve(from, NULL, to, warning, e) < 0)
		return -1;
	if (*warning)
		log_warning("%s", warning);
	return 0;
}
