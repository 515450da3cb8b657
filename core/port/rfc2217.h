/* SPDX-License-Identifier: MIT
 * rfc2217.h: rfc2217://host:port and rfc2217+tls://: the serial port of an access server (RFC 2217). */
#ifndef PORT_RFC2217_H
#define PORT_RFC2217_H
#include "port/port.h"

extern const struct port_ops rfc2217_ops, rfc2217_tls_ops;

#endif
