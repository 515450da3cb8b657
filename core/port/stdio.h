/* SPDX-License-Identifier: MIT
 * stdio.h: stdio:, the program's standard input and output as a port. */
#ifndef PORT_STDIO_H
#define PORT_STDIO_H
#include "port/port.h"

extern const struct port_ops stdio_ops;

#endif
