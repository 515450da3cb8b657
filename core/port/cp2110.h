/* SPDX-License-Identifier: MIT
 * cp2110.h: cp2110:///dev/hidrawN, cp2110://VID:PID:SERIAL: a Silicon Labs CP2110 or CP2114, for the table of
 * schemes.  hidraw.h says which device a URL means, proto/cp2110.h what the reports hold. */
#ifndef PORT_CP2110_H
#define PORT_CP2110_H
#include "port/port.h"

extern const struct port_ops cp2110_ops;

#endif
