/* SPDX-License-Identifier: MIT
 * hwgrep.h: hwgrep://REGEX&n=2&skip_busy&unique: the port whose device,
 * description or hwid matches, by pySerial's rules: a regular expression
 * (PCRE2), searched for, upper and lower case alike.  The text is raw up to
 * the first '&', or up to a '?' with a known option after it.
 *
 *   n=N         the N-th match in natural order, from 1
 *   skip_busy   leave out ports that somebody has open (they are not touched)
 *   unique      several matches are an error
 *
 * Other options go on to the port. */
#ifndef PORT_HWGREP_H
#define PORT_HWGREP_H
#include "base/err.h"
#include "base/url.h"
#include "port/list.h"

enum { HWGREP_WARNING = 400 };

/* Resolves u into the URL of the device, with the options that are not hwgrep's.
 * `warning` is "" or says which ports match as well. */
int hwgrep_resolve(const struct url *u, const struct list_roots *roots, struct url *device, char warning[HWGREP_WARNING],
	struct err *e);

struct tap;
/* For the table of schemes: as above, with /sys and /dev; the warning goes to stderr. */
int hwgrep_open(const struct url *from, struct url *to, struct tap **taps, struct err *e);

/* Drops the ports that do not match from l. */
int hwgrep_filter(struct list *l, const char *regex, struct err *e);

#endif
