/* SPDX-License-Identifier: MIT
 * cp2110_part.h: what is said to a CP2110/4 and asked of it in feature reports, on an open hidraw descriptor.
 *
 * Each is a control transfer that the kernel waits for: a millisecond or two, but up to 5 s when the device
 * has died without being unplugged.  The loop stands still as long. */
#ifndef PORT_CP2110_PART_H
#define PORT_CP2110_PART_H
#include <stdbool.h>

#include "base/err.h"
#include "port/settings.h"
#include "proto/cp2110.h"

struct cp2110_part {
	int fd;
	const char *name;                    /* for messages; the owner's */
};

/* Fills e from an errno of hidraw: those that an unplugged or dead device gives are `closed`. */
int part_failed(const struct cp2110_part *d, const char *what, int sys, struct err *e);
/* Is it one of these parts?  And whether its UART is on. */
int part_identify(const struct cp2110_part *d, bool *on, struct err *e);
/* A report of one byte: CP2110_ENABLE, _PURGE, the breaks.  what: "flushing", for the message. */
int part_say(const struct cp2110_part *d, unsigned char report, unsigned char value, const char *what, struct err *e);
/* To ask clears the error bits. */
int part_status(const struct cp2110_part *d, struct cp2110_status *s, struct err *e);
/* Puts them in force and reads them back; what is not as asked is an error, and the old ones stay. */
int part_set_line(const struct cp2110_part *d, const struct settings *s, struct err *e);

#endif
