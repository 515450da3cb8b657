/* SPDX-License-Identifier: MIT
 * device.h: native ttys: /dev/ttyUSB0, device:/dev/ttyS0, the slave of a pty. */
#ifndef PORT_DEVICE_H
#define PORT_DEVICE_H
#include "port/port.h"

extern const struct port_ops device_ops;

#endif
