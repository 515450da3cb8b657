/* SPDX-License-Identifier: MIT
 * pcapng.h: encoder of capture files that Wireshark and tshark open (pcapng, IETF
 * draft-ietf-opsawg-pcapng; little-endian, times in microseconds).  Bytes out only: no clock, no file.
 * The link type is 250, LINKTYPE_RTAC_SERIAL: its 12-byte header carries what a serial line has
 * and an Ethernet has not, the event and the levels of the signals, and Wireshark shows them;
 * the direction is in the packet's flags too.  The payload can be decoded further (Decode As,
 * "rtacser.data").  The caller owns `out`; -1 means no memory. */
#ifndef PROTO_PCAPNG_H
#define PROTO_PCAPNG_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The numbers are those of the link type. */
enum pcapng_event {
	PCAPNG_STATUS = 0,      /* a signal changed; or see the comment: settings, flush, open, close */
	PCAPNG_TX = 1,
	PCAPNG_RX = 2,
	PCAPNG_FRAMING_ERROR = 7,
	PCAPNG_PARITY_ERROR = 8,
	PCAPNG_BREAK = 9,
	PCAPNG_OVERRUN = 10,
};

enum { PCAPNG_CTS = 1, PCAPNG_CD = 2, PCAPNG_DSR = 4, PCAPNG_RTS = 8, PCAPNG_DTR = 16, PCAPNG_RI = 32 };

struct pcapng_packet {
	enum pcapng_event event;
	uint64_t time;          /* microseconds since 1970 */
	uint64_t since_start;   /* microseconds since the capture began */
	unsigned signals;       /* PCAPNG_CTS.. that are active */
	const void *data;       /* of PCAPNG_TX, PCAPNG_RX */
	size_t size;
	const char *comment;    /* or NULL */
};

/* The head of a file: one section of one interface, the port `name` (its device or address), opened as `url`. */
int pcapng_head(struct buf *out, const char *name, const char *url);
int pcapng_packet(struct buf *out, const struct pcapng_packet *p);

#endif
