/* SPDX-License-Identifier: MIT
 * scheme.h: which transport a URL's scheme stands for. */
#ifndef PORT_SCHEME_H
#define PORT_SCHEME_H
#include "port/port.h"

struct scheme {
	const char *name;
	/* A transport ... */
	const struct port_ops *ops;
	/* ... or a resolver: rewrites `from` into the URL to open instead (*to), and may add a tap to *taps. */
	int (*resolve)(const struct url *from, struct url *to, struct tap **taps, struct err *e);
};

/* NULL when there is none. */
const struct scheme *scheme_find(const char *name);
/* All names, NULL at the end. */
const struct scheme *scheme_table(void);

#endif
