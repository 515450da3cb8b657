// SPDX-License-Identifier: MIT
// rfc2217.c: see rfc2217.h.
#include "proto/rfc2217.h"

#include <string.h>

enum { FROM_SERVER = 100, BAUDRATE_BYTES = 4 };

static bool is_notification(enum rfc2217_command c)
{
	return c == RFC2217_NOTIFY_LINESTATE || c == RFC2217_NOTIFY_MODEMSTATE;
}

/* Bytes of the value: -1 any number. */
static int value_size(enum rfc2217_command c)
{
	switch (c) {
	case RFC2217_SIGNATURE: return -1;
	case RFC2217_SET_BAUDRATE: return BAUDRATE_BYTES;
	case RFC2217_FLOWCONTROL_SUSPEND: case RFC2217_FLOWCONTROL_RESUME: return 0;
	default: return 1;
	}
}

int rfc2217_decode(const struct telnet_event *sub, struct rfc2217_message *m)
{
	*m = (struct rfc2217_message){ 0 };
	if (sub->code != TELNET_COM_PORT || !sub->size)
		return -1;
	const unsigned char *value = sub->data + 1;
	size_t n = sub->size - 1;
	unsigned code = sub->data[0];
	m->server = code >= FROM_SERVER;
	code -= m->server ? FROM_SERVER : 0;
	if (code >= RFC2217_COMMANDS)
		return -1;
	m->command = (enum rfc2217_command)code;
	int size = value_size(m->command);
	if (size < 0) {
		m->text = value;
		m->size = n;
		return 0;
	}
	m->empty = n == 0 && is_notification(m->command) && !m->server;
	if (sub->cut || (n != (size_t)size && !m->empty))
		return -1;
	for (size_t i = 0; i < n; i++)
		m->value = m->value << 8 | value[i];
	return 0;
}

void rfc2217_encode(struct telnet *t, const struct rfc2217_message *m)
{
	unsigned char payload[TELNET_SUB_MAX];
	size_t n = 0;
	int size = m->empty ? 0 : value_size(m->command);
	payload[n++] = (unsigned char)(m->command + (m->server ? FROM_SERVER : 0));
	if (size < 0) {
		size_t most = sizeof payload - n, text = m->size < most ? m->size : most;
		if (text)
			memcpy(payload + n, m->text, text);
		n += text;
	}
	for (int i = size - 1; i >= 0; i--)
		payload[n++] = (unsigned char)(m->value >> 8 * i);
	telnet_sub(t, TELNET_COM_PORT, payload, n);
}

enum rfc2217_subject rfc2217_subject(uint32_t control)
{
	switch (control) {
	case CONTROL_FLOW_ASK: case CONTROL_FLOW_NONE: case CONTROL_FLOW_XONXOFF: case CONTROL_FLOW_HARDWARE:
	case CONTROL_FLOW_DCD: case CONTROL_FLOW_DSR:
		return SUBJECT_FLOW;
	case CONTROL_BREAK_ASK: case CONTROL_BREAK_ON: case CONTROL_BREAK_OFF:
		return SUBJECT_BREAK;
	case CONTROL_DTR_ASK: case CONTROL_DTR_ON: case CONTROL_DTR_OFF:
		return SUBJECT_DTR;
	case CONTROL_RTS_ASK: case CONTROL_RTS_ON: case CONTROL_RTS_OFF:
		return SUBJECT_RTS;
	case CONTROL_INBOUND_ASK: case CONTROL_INBOUND_NONE: case CONTROL_INBOUND_XONXOFF: case CONTROL_INBOUND_HARDWARE:
	case CONTROL_INBOUND_DTR:
		return SUBJECT_INBOUND;
	default:
		return SUBJECT_NONE;
	}
}

const char *rfc2217_name(enum rfc2217_command command)
{
	static const char *const names[RFC2217_COMMANDS] = { "SIGNATURE", "SET-BAUDRATE", "SET-DATASIZE", "SET-PARITY",
		"SET-STOPSIZE", "SET-CONTROL", "NOTIFY-LINESTATE", "NOTIFY-MODEMSTATE", "FLOWCONTROL-SUSPEND",
		"FLOWCONTROL-RESUME", "SET-LINESTATE-MASK", "SET-MODEMSTATE-MASK", "PURGE-DATA" };
	return names[command];
}

const char *rfc2217_control_name(enum rfc2217_subject s)
{
	static const char *const names[] = { "SET-CONTROL (flow control)", "SET-CONTROL (break)", "SET-CONTROL (DTR)",
		"SET-CONTROL (RTS)", "SET-CONTROL (inbound flow control)", "SET-CONTROL" };
	return names[s];
}

static const char parities[] = "\0NOEMS";

char rfc2217_parity_letter(uint32_t value)
{
	return value < sizeof parities - 1 ? parities[value] : 0;
}

uint32_t rfc2217_parity_value(char letter)
{
	const char *at = letter ? memchr(parities, letter, sizeof parities - 1) : NULL;
	return at ? (uint32_t)(at - parities) : 0;
}

static const double stops[] = { 0, 1, 2, 1.5 };

double rfc2217_stopbits(uint32_t value)
{
	return value < sizeof stops / sizeof *stops ? stops[value] : 0;
}

uint32_t rfc2217_stopsize(double stopbits)
{
	for (uint32_t i = 1; i < sizeof stops / sizeof *stops; i++)
		if (stops[i] == stopbits)
			return i;
	return 0;
}
