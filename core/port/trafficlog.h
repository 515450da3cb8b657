/* SPDX-License-Identifier: MIT
 * trafficlog.h: a tap that keeps the log of a service: what passes, with the time of day in microseconds
 * (UTC), appended to a file that may be moved away (log rotation).
 *   2026-11-27T18:20:31.123456Z TX   0000  2A 49 44 4E 3F 0A                                *IDN?. */
#ifndef PORT_TRAFFICLOG_H
#define PORT_TRAFFICLOG_H
#include "port/port.h"

/* NULL: *e says why. */
struct tap *trafficlog_new(const char *path, struct err *e);
/* Opens the file anew, by its name. */
int trafficlog_reopen(struct tap *t, struct err *e);
/* A line of words: who connected. */
void trafficlog_say(struct tap *t, const char *text);

#endif
