// SPDX-License-Identifier: MIT
// cp2110.c: see cp2110.h.  Numbers are big-endian.
#include "proto/cp2110.h"

#include <string.h>

static const char parities[] = "NOEMS";             /* in the order of their codes */

void cp2110_put_config(unsigned char report[CP2110_CONFIG_SIZE], const struct cp2110_config *c)
{
	const char *parity = strchr(parities, c->parity);
	report[0] = CP2110_CONFIG;
	for (int i = 0; i < 4; i++)
		report[1 + i] = (unsigned char)(c->baudrate >> (24 - 8 * i));
	report[5] = (unsigned char)(parity ? parity - parities : 0);
	report[6] = c->rtscts;
	report[7] = (unsigned char)(c->bytesize - 5);
	report[8] = c->stopbits > 1;
}

int cp2110_get_config(const unsigned char *report, size_t n, struct cp2110_config *c)
{
	if (n < CP2110_CONFIG_SIZE || report[0] != CP2110_CONFIG)
		return -1;
	if (report[5] >= sizeof parities - 1 || report[6] > 1 || report[7] > 3 || report[8] > 1)
		return -1;
	c->baudrate = (long)report[1] << 24 | (long)report[2] << 16 | (long)report[3] << 8 | (long)report[4];
	c->parity = parities[report[5]];
	c->rtscts = report[6];
	c->bytesize = report[7] + 5;
	c->stopbits = !report[8] ? 1 : c->bytesize == 5 ? 1.5 : 2;
	return 0;
}

int cp2110_get_status(const unsigned char *report, size_t n, struct cp2110_status *s)
{
	if (n < CP2110_STATUS_SIZE || report[0] != CP2110_STATUS)
		return -1;
	s->tx = (unsigned)report[1] << 8 | report[2];
	s->rx = (unsigned)report[3] << 8 | report[4];
	s->parity = report[5] & 1;
	s->overrun = report[5] & 2;
	s->line_break = report[6] & 1;
	return 0;
}

size_t cp2110_put_data(unsigned char report[CP2110_REPORT], const void *data, size_t n)
{
	n = n < CP2110_DATA ? n : CP2110_DATA;
	report[0] = (unsigned char)n;
	memcpy(report + 1, data, n);
	return n;
}

size_t cp2110_get_data(const unsigned char *report, size_t n)
{
	if (n < 2 || report[0] > CP2110_DATA || report[0] > n - 1)
		return 0;
	return report[0];
}
