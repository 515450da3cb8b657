/* SPDX-License-Identifier: MIT
 * marks.h: takes PARMRK marks (termios(3)) out of received bytes and counts
 * them: ff ff is the byte ff; ff 00 X is a byte X that came with an error;
 * ff 00 00 a break.  X and the break's zero byte stay in the data, as they
 * do on drivers that count by themselves.  Pure; state goes over the end. */
#ifndef PORT_MARKS_H
#define PORT_MARKS_H
#include <stdbool.h>
#include <stddef.h>

struct port_errors;

struct marks {
	unsigned char seen;             /* 0 nothing, 1 ff, 2 ff 00 */
	bool parity;                    /* the line has a parity bit: errors are its, else framing errors */
};

/* Decodes n bytes in place, adds to *errors; how many bytes are left. */
size_t marks_decode(struct marks *m, char *data, size_t n, struct port_errors *errors);

#endif
