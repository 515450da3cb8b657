/* SPDX-License-Identifier: MIT
 * usbnull.h: two USB serial adapters in user space, joined by a null-modem
 * cable.  The kernel's own drivers run on top of them (vhci_hcd):
 *   usb.c    USB over a socket pair, as USB/IP has it: requests, queues, plugs
 *   chips.c  what an FT232R, a PL2303, a CP2102 and a CDC ACM device answer
 *   wire.c   the cable: pacing, sampling bit by bit, break, flow control
 *   main.c   arguments, commands, the loop
 * Runs in the guest of ../run.sh only. */
#ifndef USBNULL_H
#define USBNULL_H
#include <stdbool.h>
#include <stdint.h>

enum { RX_BREAK = 1, RX_FRAMING = 2, RX_PARITY = 4, RX_OVERRUN = 8 };    /* what is wrong with a byte */
enum { IN_CTS = 1, IN_DSR = 2, IN_DCD = 4, IN_RI = 8 };                  /* modem inputs */
enum { PARITY_NONE, PARITY_ODD, PARITY_EVEN, PARITY_MARK, PARITY_SPACE };

enum {
	TX_FIFO = 256,          /* as in an FT232R */
	RX_FIFO = 384,          /* its receive FIFO and the packets under way */
	REQUESTS = 64,
	REPLY_MAX = 512,
};

/* A request of the kernel that waits for data or for room. */
struct request {
	uint32_t seq;
	int size, done;
	uint8_t *data;
};

struct queue {
	struct request r[REQUESTS];
	int count;
};

struct end;

struct chip {
	const char *name;
	uint16_t vid, pid, version, usb;         /* version of the device, of USB: BCD */
	uint8_t device_class;
	const char *manufacturer, *product;
	const uint8_t *configuration;            /* the configuration descriptor with all below it */
	int in, out, notify;                     /* endpoints; notify 0: none */
	/* A class or vendor request: bytes of the answer put into reply, or -1 (stall). */
	int (*control)(struct end *d, const uint8_t *setup, const uint8_t *data, int size, uint8_t *reply);
	/* Answers waiting requests with what was received, in the chip's own form. */
	void (*answer)(struct end *d);
};

/* One adapter. */
struct end {
	const struct chip *chip;
	char serial[64];
	uint16_t vid, pid;
	int index;                               /* 0, 1 */
	int sock;                                /* to the kernel; -1: unplugged */
	uint32_t devid;
	/* the line as the driver has set it */
	int baud, bits, parity;
	bool two_stops, dtr, rts, breaking, rtscts;
	/* the wire */
	bool ring, hold;                         /* RI input; RTS held off because rx is filling */
	uint8_t tx[TX_FIFO];
	int tx_count;
	double next;                             /* when the next character may start */
	struct { uint8_t byte, wrong; } rx[RX_FIFO];
	int rx_count;
	bool overrun, break_sent;
	double break_at, polled;                 /* when the kernel last asked for input */
	/* the chip */
	struct queue in, out, notify;
	int told;                                /* modem inputs last told to the driver; -1: none yet */
	bool tell_again, told_error;
	int line_control, escape;                /* cp210x: as set; byte that marks errors, or 0 */
	uint8_t flow[16], chars[6];              /* cp210x: kept for the driver */
};

extern struct end ends[2];
extern bool cable, unpaced;

double now(void);

/* usb.c */
int usb_plug(struct end *d);
void usb_unplug(struct end *d);
void usb_serve(struct end *d);
void usb_reply(struct end *d, uint32_t seq, int status, const void *data, int size, bool out);
/* Answers the first request of q with data, and drops it. */
void usb_answer(struct end *d, struct queue *q, const void *data, int size);

/* wire.c */
int wire_inputs(const struct end *d);
void wire_break(struct end *d, bool on);
void wire_drop_rx(struct end *d, int n);
/* Moves what is due; returns when to look again. */
double wire_step(struct end *d, double time);

/* chips.c */
const struct chip *chip_find(const char *name);

#endif
