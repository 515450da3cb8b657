/* SPDX-License-Identifier: MIT
 * hidopen.h: opens the hidraw node of a CP2110, alone if asked, and says in the error what to do.  hidraw has
 * no TIOCEXCL: flock keeps out those who look, as we do. */
#ifndef PORT_HIDOPEN_H
#define PORT_HIDOPEN_H
#include <stdbool.h>

#include "base/err.h"
#include "port/hidraw.h"

/* A non-blocking descriptor, and which device it is; or -1. */
int hid_open(const char *path, bool exclusive, struct hidraw *which, struct err *e);

#endif
