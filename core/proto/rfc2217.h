/* SPDX-License-Identifier: MIT
 * rfc2217.h: the commands of the COM-PORT-OPTION (RFC 2217, section 3), to and from the payload of a
 * Telnet subnegotiation.  Pure.  A server's command codes are the client's plus 100.  What the two
 * sides do with them: rfc2217_client.h, rfc2217_server.h. */
#ifndef PROTO_RFC2217_H
#define PROTO_RFC2217_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/telnet.h"

enum rfc2217_command {
	RFC2217_SIGNATURE, RFC2217_SET_BAUDRATE, RFC2217_SET_DATASIZE, RFC2217_SET_PARITY, RFC2217_SET_STOPSIZE,
	RFC2217_SET_CONTROL, RFC2217_NOTIFY_LINESTATE, RFC2217_NOTIFY_MODEMSTATE, RFC2217_FLOWCONTROL_SUSPEND,
	RFC2217_FLOWCONTROL_RESUME, RFC2217_SET_LINESTATE_MASK, RFC2217_SET_MODEMSTATE_MASK, RFC2217_PURGE_DATA,
	RFC2217_COMMANDS,
};

/* Values of SET-CONTROL. */
enum rfc2217_control {
	CONTROL_FLOW_ASK = 0, CONTROL_FLOW_NONE = 1, CONTROL_FLOW_XONXOFF = 2, CONTROL_FLOW_HARDWARE = 3,
	CONTROL_BREAK_ASK = 4, CONTROL_BREAK_ON = 5, CONTROL_BREAK_OFF = 6,
	CONTROL_DTR_ASK = 7, CONTROL_DTR_ON = 8, CONTROL_DTR_OFF = 9,
	CONTROL_RTS_ASK = 10, CONTROL_RTS_ON = 11, CONTROL_RTS_OFF = 12,
	CONTROL_INBOUND_ASK = 13, CONTROL_INBOUND_NONE = 14, CONTROL_INBOUND_XONXOFF = 15, CONTROL_INBOUND_HARDWARE = 16,
	CONTROL_FLOW_DCD = 17, CONTROL_INBOUND_DTR = 18, CONTROL_FLOW_DSR = 19,
	CONTROL_LAST = CONTROL_FLOW_DSR,     /* above: reserved */
};

/* What a value of SET-CONTROL is about. */
enum rfc2217_subject { SUBJECT_FLOW, SUBJECT_BREAK, SUBJECT_DTR, SUBJECT_RTS, SUBJECT_INBOUND, SUBJECT_NONE };

enum { PURGE_RECEIVE = 1, PURGE_TRANSMIT = 2, PURGE_BOTH = 3 };

/* Bits of NOTIFY-LINESTATE and NOTIFY-MODEMSTATE. */
enum {
	LINE_TIMEOUT = 128, LINE_SHIFT_EMPTY = 64, LINE_HOLDING_EMPTY = 32, LINE_BREAK = 16, LINE_FRAMING = 8,
	LINE_PARITY = 4, LINE_OVERRUN = 2, LINE_DATA_READY = 1,
	MODEM_CD = 128, MODEM_RI = 64, MODEM_DSR = 32, MODEM_CTS = 16, MODEM_DELTA_CD = 8, MODEM_RI_ENDED = 4,
	MODEM_DELTA_DSR = 2, MODEM_DELTA_CTS = 1,
	MODEM_STATE = 0xf0,
};

struct rfc2217_message {
	enum rfc2217_command command;
	bool server;                         /* said by the access server */
	bool empty;                          /* a notification without its byte: a poll */
	uint32_t value;                      /* bits per second; else one byte; 0 where there is none */
	const unsigned char *text;           /* of SIGNATURE */
	size_t size;
};

/* 0, or -1: not one of these, or not of its length.  m->text stays in the event's memory. */
int rfc2217_decode(const struct telnet_event *sub, struct rfc2217_message *m);
void rfc2217_encode(struct telnet *t, const struct rfc2217_message *m);

enum rfc2217_subject rfc2217_subject(uint32_t control);
/* "SET-BAUDRATE"; of a SET-CONTROL value: "SET-CONTROL DTR". */
const char *rfc2217_name(enum rfc2217_command command);
const char *rfc2217_control_name(enum rfc2217_subject s);

/* Parity and stop bits as options have them ('N', 1.5), and back; 0: no such value. */
char rfc2217_parity_letter(uint32_t value);
uint32_t rfc2217_parity_value(char letter);
double rfc2217_stopbits(uint32_t value);
uint32_t rfc2217_stopsize(double stopbits);

#endif
