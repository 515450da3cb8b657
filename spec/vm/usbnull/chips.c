// SPDX-License-Identifier: MIT
// chips.c: what four serial adapters answer to their drivers: the requests
// that Linux 6's ftdi_sio, pl2303, cp210x and cdc_acm make, and how received
// bytes, errors and modem inputs travel.
#include <stddef.h>
#include <string.h>

#include "usbnull.h"

static int value_of(const uint8_t *setup) { return setup[2] | setup[3] << 8; }
static int index_of(const uint8_t *setup) { return setup[4] | setup[5] << 8; }

static int word(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (p[3] & 0x7f) << 24; }

/* Bytes without errors that fit into n places, from the front. */
static int good_bytes(const struct end *d, int n)
{
	int k = 0;
	while (k < d->rx_count && k < n && !d->rx[k].wrong)
		k++;
	return k;
}

static int room_of(const struct queue *q, int most)
{
	return q->r[0].size < most ? q->r[0].size : most;
}

/* Framing, parity and so on as the bits of a 16550's line status, which FTDI and CP210x use too. */
static uint8_t line_status(int wrong)
{
	return (uint8_t)((wrong & RX_OVERRUN ? 2 : 0) | (wrong & RX_PARITY ? 4 : 0) | (wrong & RX_FRAMING ? 8 : 0) |
		(wrong & RX_BREAK ? 0x10 : 0));
}

/* Modem inputs as the upper half of a 16550's modem status. */
static uint8_t modem_status(int in)
{
	return (uint8_t)((in & IN_CTS ? 0x10 : 0) | (in & IN_DSR ? 0x20 : 0) | (in & IN_RI ? 0x40 : 0) |
		(in & IN_DCD ? 0x80 : 0));
}

/* ---- FT232R ------------------------------------------------------------------------------ */

static const uint8_t ftdi_configuration[] = {
	9, 2, 32, 0, 1, 1, 0, 0xa0, 45,
	9, 4, 0, 0, 2, 255, 255, 255, 2, 7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x02, 2, 64, 0, 0,
};

/* 3 MHz over a divisor with eighths. */
static int ftdi_rate(int value, int index)
{
	static const int eighths[8] = { 0, 4, 2, 1, 3, 5, 6, 7 };
	int divisor = value | (index & 1) << 16, eight = (divisor & 0x3fff) * 8 + eighths[divisor >> 14 & 7];
	return divisor == 0 ? 3000000 : divisor == 1 ? 2000000 : (24000000 + eight / 2) / (eight ? eight : 1);
}

static int ftdi_data(struct end *d, int value)
{
	d->bits = value & 255;
	if (d->bits < 7 || d->bits > 8)         /* the chip has no others */
		return -1;
	d->parity = value >> 8 & 7;
	d->two_stops = (value >> 11 & 3) == 2;
	wire_break(d, value >> 14 & 1);
	return 0;
}

/* Line status: the transmitter is empty, or busy. */
static uint8_t ftdi_transmitter(const struct end *d)
{
	return d->tx_count || d->out.count ? 0 : 0x60;
}

static int ftdi_control(struct end *d, const uint8_t *setup, const uint8_t *data, int size, uint8_t *reply)
{
	int value = value_of(setup);
	(void)data, (void)size;
	switch (setup[1]) {
	case 0:                                 /* reset, purge */
		d->rx_count = value == 0 || value == 1 ? 0 : d->rx_count;
		d->tx_count = value == 0 || value == 2 ? 0 : d->tx_count;
		return 0;
	case 1:                                 /* modem outputs */
		d->dtr = value & 0x100 ? value & 1 : d->dtr;
		d->rts = value & 0x200 ? value >> 1 & 1 : d->rts;
		return 0;
	case 2:
		d->rtscts = index_of(setup) >> 8 & 1;
		return 0;
	case 3:
		d->baud = ftdi_rate(value, index_of(setup));
		return 0;
	case 4:
		return ftdi_data(d, value);
	case 5:                                 /* status */
		reply[0] = 1 | modem_status(wire_inputs(d));
		reply[1] = ftdi_transmitter(d);
		return 2;
	case 10:                                /* latency timer */
		reply[0] = 16;
		return 1;
	case 0x90:                              /* EEPROM */
		reply[0] = reply[1] = 0;
		return 2;
	default:
		return setup[0] & 0x80 ? -1 : 0;
	}
}

/* Each packet starts with modem and line status; a byte with an error has a packet of its own.
 * (The chip sends one every 16 ms; here one is sent when something has changed.) */
static void ftdi_answer(struct end *d)
{
	int in = wire_inputs(d), state = in << 8 | ftdi_transmitter(d);
	while (d->in.count && d->sock >= 0 && (d->rx_count || d->told != state)) {
		uint8_t packet[64];
		int n = good_bytes(d, room_of(&d->in, 64) - 2), wrong = 0;
		for (int i = 0; i < n; i++)
			packet[2 + i] = d->rx[i].byte;
		if (!n && d->rx_count) {
			wrong = d->rx[0].wrong;
			packet[2] = d->rx[0].byte;
			n = 1;
		}
		packet[0] = 1 | modem_status(in);
		packet[1] = (uint8_t)((state & 0x60) | (n ? 1 : 0) | line_status(wrong));
		wire_drop_rx(d, n);
		d->told = state;
		usb_answer(d, &d->in, packet, 2 + n);
	}
}

/* ---- CP2102 ------------------------------------------------------------------------------ */

static const uint8_t cp210x_configuration[] = {
	9, 2, 32, 0, 1, 1, 0, 0x80, 50,
	9, 4, 0, 0, 2, 255, 0, 0, 2, 7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x01, 2, 64, 0, 0,
};

static void cp210x_line(struct end *d, int value)
{
	d->line_control = value;
	d->bits = value >> 8 >= 5 ? value >> 8 : d->bits;
	d->parity = value >> 4 & 15;
	d->two_stops = (value & 15) == 2;
}

static void cp210x_flow(struct end *d, const uint8_t *data)
{
	memcpy(d->flow, data, sizeof d->flow);
	d->rtscts = data[0] >> 3 & 1;
	d->dtr = (data[0] & 3) == 1;
	d->rts = data[4] >> 6 & 3;
}

static int cp210x_set(struct end *d, int request, int value, const uint8_t *data, int size)
{
	switch (request) {
	case 0x00:                              /* IFC_ENABLE */
		if (!value)
			d->dtr = d->rts = false;
		break;
	case 0x03:                              /* SET_LINE_CTL */
		cp210x_line(d, value);
		break;
	case 0x05:
		wire_break(d, value & 1);
		break;
	case 0x07:                              /* SET_MHS */
		d->dtr = value & 0x100 ? value & 1 : d->dtr;
		d->rts = value & 0x200 ? value >> 1 & 1 : d->rts;
		break;
	case 0x12:                              /* PURGE */
		d->rx_count = value & 0x0a ? 0 : d->rx_count;
		d->tx_count = value & 0x05 ? 0 : d->tx_count;
		break;
	case 0x13:
		if (size >= 16)
			cp210x_flow(d, data);
		break;
	case 0x15:                              /* EMBED_EVENTS */
		d->escape = value & 255;
		break;
	case 0x19:
		if (size >= 6)
			memcpy(d->chars, data, sizeof d->chars);
		break;
	case 0x1e:                              /* SET_BAUDRATE */
		d->baud = size >= 4 && word(data) > 0 ? word(data) : 9600;
		break;
	}
	return 0;
}

static int cp210x_get(struct end *d, int request, int value, uint8_t *reply)
{
	switch (request) {
	case 0x04:
		reply[0] = (uint8_t)d->line_control;
		reply[1] = (uint8_t)(d->line_control >> 8);
		return 2;
	case 0x08:                              /* GET_MDMSTS */
		reply[0] = (uint8_t)(d->dtr | d->rts << 1 | modem_status(wire_inputs(d)));
		return 1;
	case 0x0e:
		memcpy(reply, d->chars, sizeof d->chars);
		return sizeof d->chars;
	case 0x10:                              /* GET_COMM_STATUS: bytes in the queues */
		memset(reply, 0, 19);
		reply[8] = (uint8_t)d->rx_count;
		reply[9] = (uint8_t)(d->rx_count >> 8);
		reply[12] = (uint8_t)d->tx_count;
		reply[13] = (uint8_t)(d->tx_count >> 8);
		return 19;
	case 0x14:
		memcpy(reply, d->flow, sizeof d->flow);
		return sizeof d->flow;
	case 0xff:
		if (value != 0x370b)            /* part number */
			return -1;
		reply[0] = 0x02;
		reply[1] = 0;
		return 2;
	default:
		return -1;
	}
}

static int cp210x_control(struct end *d, const uint8_t *setup, const uint8_t *data, int size, uint8_t *reply)
{
	if (setup[0] & 0x80)
		return cp210x_get(d, setup[1], value_of(setup), reply);
	return cp210x_set(d, setup[1], value_of(setup), data, size);
}

/* Errors travel as escapes, and only when the driver asked for them (INPCK). */
static void cp210x_answer(struct end *d)
{
	while (d->in.count && d->rx_count && d->sock >= 0) {
		uint8_t packet[64];
		int n = 0, k = 0;
		for (; k < d->rx_count && n + 4 <= room_of(&d->in, 63); k++) {
			uint8_t byte = d->rx[k].byte;
			if (d->escape && d->rx[k].wrong) {
				packet[n++] = (uint8_t)d->escape;
				packet[n++] = 1;
				packet[n++] = line_status(d->rx[k].wrong);
			}
			packet[n++] = byte;
			if (d->escape && !d->rx[k].wrong && byte == d->escape)
				packet[n++] = 0;
		}
		wire_drop_rx(d, k);
		usb_answer(d, &d->in, packet, n);
	}
}

/* ---- CDC ACM, and PL2303 which is close to it -------------------------------------------- */

static const uint8_t acm_configuration[] = {
	9, 2, 67, 0, 2, 1, 0, 0x80, 50,
	9, 4, 0, 0, 1, 2, 2, 1, 0, 5, 0x24, 0, 0x10, 1, 5, 0x24, 1, 0, 1, 4, 0x24, 2, 6, 5, 0x24, 6, 0, 1,
	7, 5, 0x83, 3, 16, 0, 4,
	9, 4, 1, 0, 2, 10, 0, 0, 0, 7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x02, 2, 64, 0, 0,
};

static const uint8_t pl2303_configuration[] = {
	9, 2, 39, 0, 1, 1, 0, 0x80, 50,
	9, 4, 0, 0, 3, 255, 0, 0, 0, 7, 5, 0x81, 3, 10, 0, 1, 7, 5, 0x02, 2, 64, 0, 0, 7, 5, 0x83, 2, 64, 0, 0,
};

static void line_coding(struct end *d, const uint8_t *p, int divisor)
{
	d->baud = word(p);
	if (divisor) {                          /* PL2303, a rate outside its table: 12 MHz * 32 / (m * 4^e) */
		int m = p[0] | (p[1] & 1) << 8, e = p[1] >> 1 & 7;
		d->baud = m ? 384000000 / m >> (2 * e) : 9600;
	}
	d->baud = d->baud < 1 ? 9600 : d->baud;
	d->two_stops = p[4] == 2;
	d->parity = p[5];
	d->bits = p[6] >= 5 && p[6] <= 8 ? p[6] : 8;
}

static int acm_control(struct end *d, const uint8_t *setup, const uint8_t *data, int size, uint8_t *reply)
{
	int value = value_of(setup);
	if ((setup[0] & 0x60) != 0x20)
		return -1;
	switch (setup[1]) {
	case 0x20:                              /* SET_LINE_CODING */
		if (size >= 7)
			line_coding(d, data, d->chip->pid == 0x2303 && data[3] & 0x80);
		return 0;
	case 0x21:
		memcpy(reply, (const uint8_t[]){ (uint8_t)d->baud, (uint8_t)(d->baud >> 8), (uint8_t)(d->baud >> 16),
			(uint8_t)(d->baud >> 24), d->two_stops ? 2 : 0, (uint8_t)d->parity, (uint8_t)d->bits }, 7);
		return 7;
	case 0x22:                              /* SET_CONTROL_LINE_STATE */
		d->dtr = value & 1;
		d->rts = value >> 1 & 1;
		return 0;
	case 0x23:
		wire_break(d, value != 0);
		return 0;
	default:
		return -1;
	}
}

static int pl2303_control(struct end *d, const uint8_t *setup, const uint8_t *data, int size, uint8_t *reply)
{
	int value = value_of(setup), flow = index_of(setup) & 0xf0;
	if ((setup[0] & 0x60) != 0x40)
		return acm_control(d, setup, data, size, reply);
	if (setup[0] & 0x80) {
		memset(reply, 0, 8);
		return 8;
	}
	if (value == 0)
		d->rtscts = flow == 0x40 || flow == 0x60;
	if (value == 8)
		d->rx_count = 0;
	if (value == 9)
		d->tx_count = 0;
	return 0;
}

/* A notification tells modem inputs, and the error of the byte that comes next. True: one was sent. */
static bool notify(struct end *d)
{
	int in = wire_inputs(d), wrong = d->rx_count ? d->rx[0].wrong : 0;
	if (!d->notify.count || (d->told == in && !d->tell_again && (!wrong || d->told_error)))
		return false;
	int bits = (in & IN_DCD ? 1 : 0) | (in & IN_DSR ? 2 : 0) | (in & IN_RI ? 8 : 0) | (wrong & RX_BREAK ? 4 : 0) |
		((wrong & RX_FRAMING) && !(wrong & RX_BREAK) ? 0x10 : 0) | (wrong & RX_PARITY ? 0x20 : 0) |
		(wrong & RX_OVERRUN ? 0x40 : 0) | (d->chip->pid == 0x2303 && in & IN_CTS ? 0x80 : 0);
	const uint8_t message[10] = { 0xa1, 0x20, 0, 0, 0, 0, 2, 0, (uint8_t)bits, 0 };
	d->told = in;
	d->tell_again = false;
	d->told_error = wrong;
	usb_answer(d, &d->notify, message, sizeof message);
	if (wrong & RX_BREAK && d->chip->pid != 0x2303) {        /* ACM: a break brings no byte */
		wire_drop_rx(d, 1);
		d->told_error = false;
	}
	return true;
}

static void acm_answer(struct end *d)
{
	while (d->sock >= 0) {
		if (notify(d))
			continue;
		if (!d->in.count || !d->rx_count || (d->rx[0].wrong && !d->told_error))
			return;
		uint8_t packet[64];
		int n = d->rx[0].wrong ? 1 : good_bytes(d, room_of(&d->in, 63));
		for (int i = 0; i < n; i++)
			packet[i] = d->rx[i].byte;
		d->told_error = d->rx[0].wrong ? false : d->told_error;
		wire_drop_rx(d, n);
		usb_answer(d, &d->in, packet, n);
	}
}

/* ---- all --------------------------------------------------------------------------------- */

static const struct chip chips[] = {
	{ "ftdi", 0x0403, 0x6001, 0x0600, 0x0200, 0, "FTDI", "FT232R USB UART", ftdi_configuration, 1, 2, 0,
		ftdi_control, ftdi_answer },
	{ "pl2303", 0x067b, 0x2303, 0x0300, 0x0110, 0, "Prolific Technology Inc.", "USB-Serial Controller",
		pl2303_configuration, 3, 2, 1, pl2303_control, acm_answer },
	{ "cp210x", 0x10c4, 0xea60, 0x0100, 0x0200, 0, "Silicon Labs", "CP2102 USB to UART Bridge Controller",
		cp210x_configuration, 1, 1, 0, cp210x_control, cp210x_answer },
	{ "acm", 0x1d6b, 0x0104, 0x0100, 0x0200, 2, "VMLAB", "CDC ACM port", acm_configuration, 1, 2, 3,
		acm_control, acm_answer },
};

const struct chip *chip_find(const char *name)
{
	for (size_t i = 0; i < sizeof chips / sizeof *chips; i++)
		if (strcmp(chips[i].name, name) == 0)
			return &chips[i];
	return NULL;
}
