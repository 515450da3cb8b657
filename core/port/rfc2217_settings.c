// SPDX-License-Identifier: MIT
// rfc2217_settings.c: see rfc2217_settings.h.
#include "port/rfc2217_settings.h"

#include <stdio.h>

uint32_t rfc2217_flow_of(const struct settings *s)
{
	return s->rtscts ? CONTROL_FLOW_HARDWARE : s->xonxoff ? CONTROL_FLOW_XONXOFF : s->dsrdtr ? CONTROL_FLOW_DSR :
		CONTROL_FLOW_NONE;
}

void rfc2217_control(struct rfc2217_client *c, enum rfc2217_item item, uint32_t value)
{
	if (c->ignore_control)
		rfc2217_client_tell(c, item, value);
	else
		rfc2217_client_ask(c, item, value);
}

void rfc2217_ask_settings(struct rfc2217_client *c, const struct settings *s, unsigned mask)
{
	if (mask & SET_BAUDRATE)
		rfc2217_client_ask(c, ITEM_BAUDRATE, (uint32_t)s->baudrate);
	if (mask & SET_BYTESIZE)
		rfc2217_client_ask(c, ITEM_DATASIZE, (uint32_t)s->bytesize);
	if (mask & SET_PARITY)
		rfc2217_client_ask(c, ITEM_PARITY, rfc2217_parity_value(s->parity));
	if (mask & SET_STOPBITS)
		rfc2217_client_ask(c, ITEM_STOPSIZE, rfc2217_stopsize(s->stopbits));
	if (mask & (SET_XONXOFF | SET_RTSCTS | SET_DSRDTR))
		rfc2217_control(c, ITEM_FLOW, rfc2217_flow_of(s));
	if ((mask & SET_DSRDTR) && s->dsrdtr)
		rfc2217_control(c, ITEM_INBOUND, CONTROL_INBOUND_DTR);
}

void rfc2217_ask_signals(struct rfc2217_client *c, unsigned mask, unsigned values)
{
	if (mask & SIGNAL_DTR)
		rfc2217_control(c, ITEM_DTR, values & SIGNAL_DTR ? CONTROL_DTR_ON : CONTROL_DTR_OFF);
	if (mask & SIGNAL_RTS)
		rfc2217_control(c, ITEM_RTS, values & SIGNAL_RTS ? CONTROL_RTS_ON : CONTROL_RTS_OFF);
}

static void value_text(enum rfc2217_item item, uint32_t value, char text[24])
{
	static const char *const controls[] = { "?", "none", "xonxoff", "rtscts", "?", "on", "off", "?", "on", "off", "?", "on",
		"off", "?", "none", "xonxoff", "rtscts", "DCD", "DTR", "DSR" };
	double stopbits = rfc2217_stopbits(value);
	char parity = rfc2217_parity_letter(value);
	if (item == ITEM_STOPSIZE && stopbits > 0)
		snprintf(text, 24, "%g", stopbits);
	else if (item == ITEM_PARITY && parity)
		snprintf(text, 24, "%c", parity);
	else if (item >= ITEM_FLOW && item <= ITEM_RTS && value <= CONTROL_LAST)
		snprintf(text, 24, "%s", controls[value]);
	else
		snprintf(text, 24, "%lu", (unsigned long)value);
}

int rfc2217_refusal(const struct rfc2217_client *c, enum rfc2217_item item, const char *name, struct err *e)
{
	static const char *const names[ITEMS] = { "baudrate", "bytesize", "parity", "stopbits", "flow control",
		"inbound flow control", "break", "dtr", "rts", "purge" };
	const struct rfc2217_item_state *s = &c->items[item];
	char asked[24], in_force[24];
	value_text(item, s->asked, asked);
	value_text(item, s->in_force, in_force);
	return err_set(e, ERR_UNSUPPORTED, "%s: %s %s was asked for, %s is in force (by the server's answer)", name,
		names[item], asked, in_force);
}

void rfc2217_take_settings(const struct rfc2217_client *c, struct settings *s)
{
	const struct rfc2217_item_state *i = c->items;
	uint32_t apart = i[ITEM_BAUDRATE].in_force > s->baudrate ? i[ITEM_BAUDRATE].in_force - (uint32_t)s->baudrate :
		(uint32_t)s->baudrate - i[ITEM_BAUDRATE].in_force;
	if (i[ITEM_BAUDRATE].in_force && (i[ITEM_BAUDRATE].refused || apart > (uint32_t)s->baudrate / 40))
		s->baudrate = i[ITEM_BAUDRATE].in_force;
	if (i[ITEM_DATASIZE].in_force >= 5 && i[ITEM_DATASIZE].in_force <= 8)
		s->bytesize = (int)i[ITEM_DATASIZE].in_force;
	if (rfc2217_parity_letter(i[ITEM_PARITY].in_force))
		s->parity = rfc2217_parity_letter(i[ITEM_PARITY].in_force);
	if (rfc2217_stopbits(i[ITEM_STOPSIZE].in_force) > 0)
		s->stopbits = rfc2217_stopbits(i[ITEM_STOPSIZE].in_force);
	uint32_t flow = i[ITEM_FLOW].in_force;
	if (flow) {
		s->xonxoff = flow == CONTROL_FLOW_XONXOFF;
		s->rtscts = flow == CONTROL_FLOW_HARDWARE;
		s->dsrdtr = flow == CONTROL_FLOW_DSR;
	}
}
