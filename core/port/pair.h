/* SPDX-License-Identifier: MIT
 * pair.h: ports in memory: loop:// and the two ends of rig.pair(). */
#ifndef PORT_PAIR_H
#define PORT_PAIR_H
#include "port/port.h"

extern const struct port_ops loop_ops;

/* Two open ends wired as by a null-modem cable: what one writes the other reads; RTS -> CTS,
 * DTR -> DSR and CD.  Both get the options, which stay the caller's. */
int pair_new(struct event_base *base, const struct url *options, struct port **a, struct port **b, struct err *e);

#endif
