// SPDX-License-Identifier: MIT
// networks.c: see networks.h.
#include "serve/networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of an address, and which family they are of. */
static int bytes_of(const struct sockaddr_storage *a, const unsigned char **bytes)
{
	if (a->ss_family == AF_INET) {
		*bytes = (const unsigned char *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
		return AF_INET;
	}
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
	*bytes = v6->s6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(v6))
		return AF_INET6;
	*bytes += 12;
	return AF_INET;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, int bits)
{
	if (memcmp(a, b, (size_t)bits / 8) != 0)
		return false;
	int mask = 0xff00 >> bits % 8 & 0xff;
	return !mask || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

static int parse(struct network *n, char *text, struct err *e)
{
	char *slash = strchr(text, '/'), *end = "";
	if (slash)
		*slash = 0;
	n->family = inet_pton(AF_INET, text, n->address) == 1 ? AF_INET : inet_pton(AF_INET6, text, n->address) == 1 ?
		AF_INET6 : 0;
	int most = n->family == AF_INET ? 32 : 128;
	n->bits = slash ? (int)strtol(slash + 1, &end, 10) : most;
	if (slash)
		*slash = '/';
	if (!n->family || *end || (slash && end == slash + 1) || n->bits < 0 || n->bits > most)
		return err_set(e, ERR_UNSUPPORTED, "allow: \"%s\" is no network: expected an address, or 10.0.0.0/8", text);
	if (n->family == AF_INET6 && n->bits >= 96 && IN6_IS_ADDR_V4MAPPED((struct in6_addr *)(void *)n->address)) {
		n->family = AF_INET;                 /* as clients' addresses are taken */
		n->bits -= 96;
		memmove(n->address, n->address + 12, 4);
	}
	return 0;
}

int networks_add(struct networks *n, const char *text, struct err *e)
{
	char *copy = strdup(text), *rest, *word;
	int r = copy ? 0 : err_sys(e, ENOMEM, "allow");
	for (word = copy ? strtok_r(copy, ", ", &rest) : NULL; word && r == 0; word = strtok_r(NULL, ", ", &rest)) {
		struct network *grown = realloc(n->list, (n->count + 1) * sizeof *grown);
		if (!grown) {
			r = err_sys(e, ENOMEM, "allow");
			break;
		}
		n->list = grown;
		r = parse(&n->list[n->count], word, e);
		n->count += r == 0;
	}
	free(copy);
	return r;
}

bool networks_have(const struct networks *n, const struct sockaddr_storage *a)
{
	const unsigned char *bytes;
	if (!n->count || (a->ss_family != AF_INET && a->ss_family != AF_INET6))
		return true;
	int family = bytes_of(a, &bytes);
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i].family == family && same_bits(bytes, n->list[i].address, n->list[i].bits))
			return true;
	return false;
}

void networks_clear(struct networks *n)
{
	free(n->list);
	*n = (struct networks){ 0 };
}

void address_text(const struct sockaddr_storage *a, char text[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN];
	if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)a;
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		snprintf(text, ADDRESS_TEXT, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		const struct sockaddr_in *v4 = (const void *)a;
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		snprintf(text, ADDRESS_TEXT, "%s:%u", host, ntohs(v4->sin_port));
	}
}

bool address_is_loopback(const struct sockaddr_storage *a)
{
	const unsigned char *bytes;
	if (bytes_of(a, &bytes) == AF_INET)
		return bytes[0] == 127;
	return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)bytes);
}
