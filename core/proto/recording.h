/* SPDX-License-Identifier: MIT
 * recording.h: the text of a recorded session, written and read.  Pure: no file, no clock.
 *
 * Version 1.  The first line begins with "# moonrig recording 1".  Then one event a line:
 * SECONDS WORD VALUE...  SECONDS since the recording began, with six decimals, never less than
 * in the line before.  Bytes stand between double quotes, printable ASCII as it is, the
 * rest as \r \n \t \e \" \\ \xNN (base/escape.h), so that every byte comes back.
 *
 *   # moonrig recording 1, 2026-01-31T12:00:00Z
 *   0.000093 open "/dev/ttyUSB0" 9600 8N1
 *   0.000185 tx "*IDN?\n"
 *   0.012031 rx "ACME,PSU-100,7,1.0\n"
 *   0.100000 settings 115200 8N1
 *   0.200000 set rts off               an output was set
 *   0.201000 signals cts cd            the inputs that are active after one of them changed
 *   0.300000 asked dsr on              an input was asked for
 *   0.400000 break 0.25                seconds; or on, off
 *   0.500000 drain                     also flush_input, flush_output
 *   0.600000 lost "the reason"         the device or its peer went away
 *   0.700000 close
 *
 * Empty lines and those that begin with # mean nothing. */
#ifndef PROTO_RECORDING_H
#define PROTO_RECORDING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum recording_kind {
	RECORDING_OPEN, RECORDING_TX, RECORDING_RX, RECORDING_SETTINGS, RECORDING_SET, RECORDING_SIGNALS, RECORDING_ASKED,
	RECORDING_BREAK, RECORDING_FLUSH_INPUT, RECORDING_FLUSH_OUTPUT, RECORDING_DRAIN, RECORDING_LOST, RECORDING_CLOSE,
};

struct recording_event {
	enum recording_kind kind;
	uint64_t time;          /* microseconds since the recording began */
	const void *data;       /* TX, RX: the bytes; OPEN: the URL; LOST: the reason */
	size_t size;
	const char *settings;   /* OPEN, SETTINGS, when writing: "9600 8N1", or "" */
	unsigned signals;       /* SET, ASKED: which; SIGNALS: those active.  Bits: dtr rts cts dsr ri cd, from 1 on */
	bool on;                /* SET, ASKED, BREAK */
	double seconds;         /* BREAK of this length; 0: on or off */
	unsigned line;          /* where it was read */
};

struct recording {
	struct recording_event *events;         /* allocated, their data in bytes */
	size_t count;
	struct buf bytes;
};

/* Append the head, an event: -1 without memory. */
int recording_head(struct buf *out, uint64_t epoch_seconds);
int recording_write(struct buf *out, const struct recording_event *ev);

/* Reads a whole text; -1 with the line at fault in *e, then nothing is to be freed. */
int recording_read(struct recording *r, const char *text, size_t n, struct err *e);
void recording_clear(struct recording *r);

#endif
