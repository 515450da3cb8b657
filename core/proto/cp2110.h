/* SPDX-License-Identifier: MIT
 * cp2110.h: the reports of a Silicon Labs CP2110 or CP2114, a UART behind USB HID (AN434), to and from bytes.
 * Pure.  A report is its number, a byte, and what follows.  Data travels in reports whose number is the count
 * of bytes in them; all else is in feature reports.  How they get there: port/cp2110.c. */
#ifndef PROTO_CP2110_H
#define PROTO_CP2110_H
#include <stdbool.h>
#include <stddef.h>

/* Feature reports. */
enum {
	CP2110_ENABLE = 0x41,                /* get, set: 1 byte */
	CP2110_STATUS = 0x42,                /* get: 6 bytes */
	CP2110_PURGE = 0x43,                 /* set: 1 byte, of the bits below */
	CP2110_VERSION = 0x46,               /* get: part number, version */
	CP2110_CONFIG = 0x50,                /* get, set: 8 bytes */
	CP2110_START_BREAK = 0x51,           /* set: 1 byte, milliseconds; 0 until it is stopped */
	CP2110_STOP_BREAK = 0x52,            /* set; says nothing, in a byte that the kernel wants to see */
};

enum { CP2110_PURGE_TX = 1, CP2110_PURGE_RX = 2 };
enum { CP2110_PART_CP2110 = 0x0a, CP2110_PART_CP2114 = 0x0e };

enum {
	CP2110_DATA = 63,                    /* bytes that a report holds at most */
	CP2110_REPORT = 64,                  /* ... with its number */
	CP2110_FIFO = 480,                   /* bytes that the part holds, each way */
	CP2110_CONFIG_SIZE = 9, CP2110_STATUS_SIZE = 7,
	CP2110_BAUD_MIN = 300, CP2110_BAUD_MAX = 1000000,
};

struct cp2110_config {
	long baudrate;
	int bytesize;                        /* 5..8 */
	char parity;                         /* N O E M S */
	double stopbits;                     /* 1; the long one is 1.5 with 5 bits, else 2 */
	bool rtscts;
};

struct cp2110_status {
	unsigned tx, rx;                     /* bytes in the FIFOs */
	bool parity, overrun;                /* since the last time it was asked */
	bool line_break;
};

void cp2110_put_config(unsigned char report[CP2110_CONFIG_SIZE], const struct cp2110_config *c);
/* 0, or -1: too short, another report, or a value that the part does not have. */
int cp2110_get_config(const unsigned char *report, size_t n, struct cp2110_config *c);
int cp2110_get_status(const unsigned char *report, size_t n, struct cp2110_status *s);
/* Packs at most CP2110_DATA of n bytes: how many.  The report has one byte more. */
size_t cp2110_put_data(unsigned char report[CP2110_REPORT], const void *data, size_t n);
/* Bytes of data, from report + 1 on, in a report of n bytes that came; 0: none, or not a data report. */
size_t cp2110_get_data(const unsigned char *report, size_t n);

#endif
