/* SPDX-License-Identifier: MIT
 * termios2.h: line settings of a Linux tty: TCSETS2 (any baud rate), RS-485,
 * low latency.  Drivers often say yes and do something else, so that all is
 * read back: a setting that is not in force is an error (unsupported) naming
 * it, what was asked and what is in force, and the line is as it was before.
 * Never waits for output; see tty_ioctl(4) and the kernel's serial-rs485.rst. */
#ifndef PORT_TERMIOS2_H
#define PORT_TERMIOS2_H
#include "base/err.h"
#include "port/settings.h"

struct tty {
	int fd;
	const char *name;       /* for messages */
	const char *driver;     /* the kernel's, "" when unknown */
	bool marks;             /* received bytes with errors come marked (PARMRK) */
};

/* Puts the settings of mask (SET_ bits) in force, and the line in raw mode. */
int termios2_set(const struct tty *t, const struct settings *s, unsigned mask, struct err *e);
/* Reads the rate, framing and flow control in force. */
int termios2_get(const struct tty *t, struct settings *s, struct err *e);

#endif
