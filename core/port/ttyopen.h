/* SPDX-License-Identifier: MIT
 * ttyopen.h: opens a tty for a port, alone if asked (TIOCEXCL against those
 * who are not root, flock against those who look), and says in the error what
 * to do: who has it, which group may use it, which ports have a similar name. */
#ifndef PORT_TTYOPEN_H
#define PORT_TTYOPEN_H
#include <stdbool.h>

#include "base/err.h"

/* A non-blocking descriptor, or -1.  Lines and settings are as the kernel has them after an open. */
int tty_open(const char *path, bool exclusive, struct err *e);
/* Takes or gives back the sole use of an open tty. */
int tty_exclusive(int fd, const char *path, bool on, struct err *e);

#endif
