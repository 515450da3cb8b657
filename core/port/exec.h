/* SPDX-License-Identifier: MIT
 * exec.h: exec:COMMAND, a child process on a pty. */
#ifndef PORT_EXEC_H
#define PORT_EXEC_H
#include "port/port.h"

extern const struct port_ops exec_ops;

#endif
