/* SPDX-License-Identifier: MIT
 * ptyserve.h: what users of a pty do to it besides reading and writing, between pty.c and ptyserve.c. */
#ifndef PORT_PTYSERVE_H
#define PORT_PTYSERVE_H
#include "port/pty.h"
#include "port/termios2.h"

void ptyserve_end(struct pty *y);
/* The slave was hung up, and is there again. */
void ptyserve_again(struct pty *y);
void ptyserve_proceed(struct port *p);
void ptyserve_answered(struct port *p, const struct err *e);
void ptyserve_line_changed(struct port *p);

struct tty pty_tty(const struct pty *y);

#endif
