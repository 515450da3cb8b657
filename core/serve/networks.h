/* SPDX-License-Identifier: MIT
 * networks.h: a list of networks, "10.0.0.0/8, fe80::/10, 192.168.1.7", and whether an address is in it.
 * An IPv4 address in IPv6 clothes (::ffff:10.0.0.1) counts as IPv4. */
#ifndef SERVE_NETWORKS_H
#define SERVE_NETWORKS_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

struct network {
	unsigned char address[16];
	int family, bits;
};

struct networks {                            /* zeroed: everybody */
	struct network *list;
	size_t count;
};

/* Adds those in the text, with commas or blanks between. */
int networks_add(struct networks *n, const char *text, struct err *e);
bool networks_have(const struct networks *n, const struct sockaddr_storage *a);
void networks_clear(struct networks *n);

/* "127.0.0.1:80", "[::1]:80" */
enum { ADDRESS_TEXT = 80 };
void address_text(const struct sockaddr_storage *a, char text[ADDRESS_TEXT]);
/* Can it be reached from this machine only? */
bool address_is_loopback(const struct sockaddr_storage *a);

#endif
