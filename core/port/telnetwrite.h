/* SPDX-License-Identifier: MIT
 * telnetwrite.h: data of an upper port through Telnet into the lower one.  Nothing is queued but, where
 * the lower port took half of a doubled byte, the other half. */
#ifndef PORT_TELNETWRITE_H
#define PORT_TELNETWRITE_H
#include "port/layer.h"
#include "proto/telnet.h"

/* As port_ops.write.  t->out is sent first. */
ssize_t telnetwrite(struct layer *l, struct telnet *t, const void *data, size_t n, struct err *e);

#endif
