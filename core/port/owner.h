/* SPDX-License-Identifier: MIT
 * owner.h: who has a device open, from /proc: the open files of the processes
 * that we may look into, and the table of flock holders, which everybody may
 * read.  Does not open the device, so DTR and RTS stay as they are.  Nobody
 * seen is no proof: another user's process without a lock stays invisible. */
#ifndef PORT_OWNER_H
#define PORT_OWNER_H
#include <stddef.h>

/* 1: somebody has it; text (may be NULL) says who: "minicom, process 1234", "this program". 0: nobody seen. */
int owner_find(const char *device, char *text, size_t size);

#endif
