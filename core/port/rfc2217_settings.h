/* SPDX-License-Identifier: MIT
 * rfc2217_settings.h: settings and signals of a port as requests to an RFC 2217 server, and its answers
 * as settings. */
#ifndef PORT_RFC2217_SETTINGS_H
#define PORT_RFC2217_SETTINGS_H
#include "port/port.h"
#include "proto/rfc2217_client.h"

/* The value of SET-CONTROL for outbound flow control, or both ways. */
uint32_t rfc2217_flow_of(const struct settings *s);
/* A request for one of SET-CONTROL's subjects; its answer is not waited for where c->ignore_control says so. */
void rfc2217_control(struct rfc2217_client *c, enum rfc2217_item item, uint32_t value);
void rfc2217_ask_settings(struct rfc2217_client *c, const struct settings *s, unsigned mask);
void rfc2217_ask_signals(struct rfc2217_client *c, unsigned mask, unsigned values);
/* What is in force by the server's answers; s holds what was asked, which stays where it is as good. */
void rfc2217_take_settings(const struct rfc2217_client *c, struct settings *s);
/* "baudrate 115200 was asked for, 9600 is in force"; -1. */
int rfc2217_refusal(const struct rfc2217_client *c, enum rfc2217_item item, const char *name, struct err *e);

#endif
