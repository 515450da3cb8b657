// SPDX-License-Identifier: MIT
// rfc2217_client.c: see rfc2217_client.h.
#include "proto/rfc2217_client.h"

#include <string.h>

/* Two ends whose rates differ by so many thousandths still understand each other. */
enum { RATE_TOLERANCE = 25 };

static const enum rfc2217_command commands[ITEMS] = {
	[ITEM_BAUDRATE] = RFC2217_SET_BAUDRATE, [ITEM_DATASIZE] = RFC2217_SET_DATASIZE, [ITEM_PARITY] = RFC2217_SET_PARITY,
	[ITEM_STOPSIZE] = RFC2217_SET_STOPSIZE, [ITEM_FLOW] = RFC2217_SET_CONTROL, [ITEM_INBOUND] = RFC2217_SET_CONTROL,
	[ITEM_BREAK] = RFC2217_SET_CONTROL, [ITEM_DTR] = RFC2217_SET_CONTROL, [ITEM_RTS] = RFC2217_SET_CONTROL,
	[ITEM_PURGE] = RFC2217_PURGE_DATA,
};

void rfc2217_client_init(struct rfc2217_client *c, const char *signature)
{
	*c = (struct rfc2217_client){ .signature = signature, .ignore_control = c->ignore_control };
	telnet_init(&c->telnet, &c->out);
	telnet_want(&c->telnet, TELNET_COM_PORT, true, true);
	telnet_want(&c->telnet, TELNET_BINARY, true, true);
	telnet_want(&c->telnet, TELNET_BINARY, false, true);
	telnet_want(&c->telnet, TELNET_SGA, true, true);
	telnet_want(&c->telnet, TELNET_SGA, false, true);
}

void rfc2217_client_clear(struct rfc2217_client *c)
{
	telnet_clear(&c->telnet);
	buf_clear(&c->out);
}

/* ---- requests ----------------------------------------------------------------------------- */

void rfc2217_client_say(struct rfc2217_client *c, enum rfc2217_command command, uint32_t value)
{
	bool poll = command == RFC2217_NOTIFY_LINESTATE || command == RFC2217_NOTIFY_MODEMSTATE;
	rfc2217_encode(&c->telnet, &(struct rfc2217_message){ .command = command, .value = value, .empty = poll });
}

void rfc2217_client_tell(struct rfc2217_client *c, enum rfc2217_item item, uint32_t value)
{
	c->items[item].unanswered++;
	rfc2217_client_say(c, commands[item], value);
}

void rfc2217_client_ask(struct rfc2217_client *c, enum rfc2217_item item, uint32_t value)
{
	struct rfc2217_item_state *s = &c->items[item];
	s->asked = value;
	s->awaited = true;
	s->refused = false;
	rfc2217_client_tell(c, item, value);
}

void rfc2217_client_repeat(struct rfc2217_client *c)
{
	for (enum rfc2217_item i = 0; i < ITEMS; i++)
		if (c->items[i].awaited)
			rfc2217_client_tell(c, i, c->items[i].asked);
}

void rfc2217_client_forget(struct rfc2217_client *c)
{
	for (enum rfc2217_item i = 0; i < ITEMS; i++)
		c->items[i].awaited = c->items[i].refused = false;
}

enum rfc2217_item rfc2217_client_awaits(const struct rfc2217_client *c)
{
	enum rfc2217_item i = 0;
	while (i < ITEMS && !c->items[i].awaited)
		i++;
	return i;
}

enum rfc2217_item rfc2217_client_refused(const struct rfc2217_client *c)
{
	enum rfc2217_item i = 0;
	while (i < ITEMS && !c->items[i].refused)
		i++;
	return i;
}

const char *rfc2217_client_item_name(enum rfc2217_item item)
{
	static const enum rfc2217_subject subjects[ITEMS] = { [ITEM_FLOW] = SUBJECT_FLOW, [ITEM_INBOUND] = SUBJECT_INBOUND,
		[ITEM_BREAK] = SUBJECT_BREAK, [ITEM_DTR] = SUBJECT_DTR, [ITEM_RTS] = SUBJECT_RTS };
	return commands[item] == RFC2217_SET_CONTROL ? rfc2217_control_name(subjects[item]) : rfc2217_name(commands[item]);
}

int rfc2217_client_transparent(const struct rfc2217_client *c)
{
	enum telnet_q us = telnet_state(&c->telnet, TELNET_BINARY, true), them = telnet_state(&c->telnet, TELNET_BINARY, false);
	if (us == TELNET_NO || them == TELNET_NO)
		return -1;
	return us == TELNET_YES && them == TELNET_YES;
}

/* ---- answers ------------------------------------------------------------------------------ */

static enum rfc2217_item item_of(const struct rfc2217_message *m)
{
	static const enum rfc2217_item of_subject[] = { [SUBJECT_FLOW] = ITEM_FLOW, [SUBJECT_BREAK] = ITEM_BREAK,
		[SUBJECT_DTR] = ITEM_DTR, [SUBJECT_RTS] = ITEM_RTS, [SUBJECT_INBOUND] = ITEM_INBOUND, [SUBJECT_NONE] = ITEMS };
	switch (m->command) {
	case RFC2217_SET_BAUDRATE: return ITEM_BAUDRATE;
	case RFC2217_SET_DATASIZE: return ITEM_DATASIZE;
	case RFC2217_SET_PARITY: return ITEM_PARITY;
	case RFC2217_SET_STOPSIZE: return ITEM_STOPSIZE;
	case RFC2217_SET_CONTROL: return of_subject[rfc2217_subject(m->value)];
	case RFC2217_PURGE_DATA: return ITEM_PURGE;
	default: return ITEMS;
	}
}

static bool as_asked(enum rfc2217_item item, uint32_t asked, uint32_t answer)
{
	if (!asked || asked == answer)
		return true;
	uint64_t apart = asked > answer ? asked - answer : answer - asked;
	return item == ITEM_BAUDRATE && apart * 1000 <= (uint64_t)asked * RATE_TOLERANCE;
}

/* Another value than the one asked for is a refusal, unless an earlier request still waits for its answer: then it
 * may be that one's.  It is none either when the value asked for follows: the other was somebody else's. */
static void answered(struct rfc2217_item_state *s, enum rfc2217_item item, uint32_t value)
{
	s->in_force = value;
	s->unanswered -= s->unanswered > 0;
	bool taken = as_asked(item, s->asked, value);
	if (!s->awaited) {
		s->refused = s->refused && !taken;
		return;
	}
	if (!taken && s->unanswered)
		return;
	s->awaited = false;
	s->refused = !taken;
}

static bool message(struct rfc2217_client *c, const struct telnet_event *t, struct rfc2217_client_event *ev)
{
	struct rfc2217_message m;
	if (rfc2217_decode(t, &m) < 0 || !m.server)
		return false;
	switch (m.command) {
	case RFC2217_SIGNATURE:
		if (!m.size)                     /* it asks for ours */
			rfc2217_encode(&c->telnet, &(struct rfc2217_message){ .command = RFC2217_SIGNATURE,
				.text = (const unsigned char *)c->signature, .size = strlen(c->signature) });
		*ev = (struct rfc2217_client_event){ .kind = m.size ? CLIENT_SIGNATURE : CLIENT_NOTHING, .data = m.text,
			.size = m.size };
		break;
	case RFC2217_NOTIFY_MODEMSTATE:
		c->modem = (unsigned char)m.value;
		c->modem_known = true;
		ev->kind = CLIENT_MODEM;
		break;
	case RFC2217_NOTIFY_LINESTATE:
		*ev = (struct rfc2217_client_event){ .kind = CLIENT_LINE, .value = m.value };
		break;
	case RFC2217_FLOWCONTROL_SUSPEND: case RFC2217_FLOWCONTROL_RESUME:
		c->suspended = m.command == RFC2217_FLOWCONTROL_SUSPEND;
		ev->kind = CLIENT_RESUMED;
		break;
	default:
		ev->item = item_of(&m);
		if (ev->item < ITEMS) {
			answered(&c->items[ev->item], ev->item, m.value);
			ev->kind = CLIENT_ANSWER;
		}
	}
	return ev->kind != CLIENT_NOTHING;
}

static bool option(struct rfc2217_client *c, const struct telnet_event *t, struct rfc2217_client_event *ev)
{
	if (t->code == TELNET_BINARY)
		ev->kind = CLIENT_BINARY;
	else if (t->code == TELNET_COM_PORT && t->ours) {
		c->agreed = t->on;
		ev->kind = t->on ? CLIENT_AGREED : CLIENT_REFUSED;
	}
	return ev->kind != CLIENT_NOTHING;
}

static bool take(struct rfc2217_client *c, const struct telnet_event *t, struct rfc2217_client_event *ev)
{
	switch (t->kind) {
	case TELNET_DATA:
		*ev = (struct rfc2217_client_event){ .kind = CLIENT_DATA, .data = t->data, .size = t->size };
		return true;
	case TELNET_OPTION:
		return option(c, t, ev);
	case TELNET_SUB:
		return message(c, t, ev);
	default:
		return false;
	}
}

size_t rfc2217_client_next(struct rfc2217_client *c, const void *in, size_t n, struct rfc2217_client_event *ev)
{
	const char *at = in;
	size_t used = 0;
	*ev = (struct rfc2217_client_event){ .kind = CLIENT_NOTHING };
	while (used < n) {
		struct telnet_event t;
		used += telnet_next(&c->telnet, at + used, n - used, &t);
		if (take(c, &t, ev))
			break;
	}
	return used;
}
