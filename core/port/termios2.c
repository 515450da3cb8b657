// SPDX-License-Identifier: MIT
// termios2.c: see termios2.h.  The kernel's own header is used: glibc's
// <termios.h> has no arbitrary rates and cannot be included beside it.
#include "port/termios2.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* A receiver samples ten bits in step with its own clock: up to here two ends still understand each other. */
#define RATE_TOLERANCE 0.025

/* Rates with a code of their own, which stty and other programs can read back; BOTHER for the rest. */
static const struct { unsigned rate; tcflag_t code; } rates[] = {
	{ 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 }, { 200, B200 }, { 300, B300 }, { 600, B600 },
	{ 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 },
	{ 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
	{ 500000, B500000 }, { 576000, B576000 }, { 921600, B921600 }, { 1000000, B1000000 }, { 1152000, B1152000 },
	{ 1500000, B1500000 }, { 2000000, B2000000 }, { 2500000, B2500000 }, { 3000000, B3000000 }, { 3500000, B3500000 },
	{ 4000000, B4000000 },
};

static const tcflag_t sizes[] = { [5] = CS5, [6] = CS6, [7] = CS7, [8] = CS8 };

/* ---- settings to and from flags ---------------------------------------------------------- */

static tcflag_t parity_flags(char parity)
{
	switch (parity) {
	case 'E': return PARENB;
	case 'O': return PARENB | PARODD;
	case 'M': return PARENB | PARODD | CMSPAR;
	case 'S': return PARENB | CMSPAR;
	default: return 0;
	}
}

/* IXON is output that XOFF stops, IXOFF input that we stop by XOFF. */
static tcflag_t xon_flags(const struct settings *s)
{
	bool in = s->inbound ? s->inbound > 0 : s->xonxoff;
	return (s->xonxoff ? IXON : 0u) | (in ? IXOFF : 0u);
}

static tcflag_t rate_code(long rate)
{
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		if (rates[i].rate == rate)
			return rates[i].code;
	return BOTHER;
}

static char parity_of(tcflag_t cflag)
{
	if (!(cflag & PARENB))
		return 'N';
	if (cflag & CMSPAR)
		return cflag & PARODD ? 'M' : 'S';
	return cflag & PARODD ? 'O' : 'E';
}

/* Raw: every byte passes as it is, both ways; no signals, no echo, CLOCAL. */
static void make_raw(struct termios2 *t, bool marks)
{
	t->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | ISTRIP | INLCR | IGNCR | ICRNL | IUCLC |
		IXANY | IMAXBEL | IUTF8);
	t->c_iflag |= marks ? PARMRK | INPCK : 0;
	t->c_oflag &= ~(tcflag_t)OPOST;
	t->c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHOE | ECHOK | ECHONL | ISIG | IEXTEN | TOSTOP);
	t->c_cflag |= CREAD | CLOCAL;
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
	t->c_cc[VSTART] = 0x11;
	t->c_cc[VSTOP] = 0x13;
}

/* Termios knows one flag for "more than one stop bit": 1.5 with 5 bits, 2 with more.  To a receiver both
 * are right, so that 1.5 is taken for any size, as pySerial does. */
static void put(struct termios2 *t, const struct settings *s)
{
	t->c_cflag &= ~(tcflag_t)(CSIZE | PARENB | PARODD | CMSPAR | CSTOPB | CRTSCTS | CBAUD | (CBAUD << IBSHIFT));
	t->c_cflag |= sizes[s->bytesize] | parity_flags(s->parity) | rate_code(s->baudrate) |
		(rate_code(s->baudrate) << IBSHIFT);
	t->c_cflag |= (s->stopbits > 1 ? CSTOPB : 0u) | (s->rtscts ? CRTSCTS : 0u);
	t->c_iflag &= ~(tcflag_t)(IXON | IXOFF);
	t->c_iflag |= xon_flags(s);
	t->c_ispeed = t->c_ospeed = (speed_t)s->baudrate;
}

/* What is in force; where it is as good as asked, in the words of the one who asked. */
static void get(const struct termios2 *t, const struct settings *asked, struct settings *s)
{
	*s = *asked;
	double rate = t->c_ospeed, in = t->c_ispeed, want = (double)asked->baudrate;
	if (fabs(rate - want) > want * RATE_TOLERANCE)
		s->baudrate = (long)t->c_ospeed;
	else if (t->c_ispeed && fabs(in - want) > want * RATE_TOLERANCE)
		s->baudrate = (long)t->c_ispeed;
	for (int bits = 5; bits <= 8; bits++)
		if (sizes[bits] == (t->c_cflag & CSIZE))
			s->bytesize = bits;
	s->parity = parity_of(t->c_cflag);
	if ((asked->stopbits > 1) != !!(t->c_cflag & CSTOPB))
		s->stopbits = t->c_cflag & CSTOPB ? 2 : 1;
	s->rtscts = t->c_cflag & CRTSCTS;
	if ((t->c_iflag & (IXON | IXOFF)) != xon_flags(asked)) {
		bool inbound = t->c_iflag & IXOFF;
		s->xonxoff = t->c_iflag & IXON;
		s->inbound = inbound == s->xonxoff ? 0 : inbound ? 1 : -1;
	}
}

/* ---- errors ------------------------------------------------------------------------------ */

static void value_text(const struct settings *s, unsigned bit, char text[24])
{
	const struct rs485 *r = &s->rs485;
	switch (bit) {
	case SET_BAUDRATE: snprintf(text, 24, "%ld", s->baudrate); break;
	case SET_BYTESIZE: snprintf(text, 24, "%d", s->bytesize); break;
	case SET_PARITY: snprintf(text, 24, "%c", s->parity); break;
	case SET_STOPBITS: snprintf(text, 24, "%g", s->stopbits); break;
	case SET_XONXOFF: snprintf(text, 24, "%s", s->xonxoff ? "on" : "off"); break;
	case SET_RTSCTS: snprintf(text, 24, "%s", s->rtscts ? "on" : "off"); break;
	case SET_DSRDTR: snprintf(text, 24, "%s", s->dsrdtr ? "on" : "off"); break;
	case SET_LOW_LATENCY: snprintf(text, 24, "%s", s->low_latency ? "on" : "off"); break;
	default:
		snprintf(text, 24, r->on ? "on %d%d%d %g/%g" : "off", r->rts_level_for_tx, r->rts_level_for_rx, r->loopback,
			r->delay_before_tx, r->delay_before_rx);
	}
}

/* asked and in force differ in `bits`; the first is named. */
static int not_taken(const struct tty *t, const struct settings *asked, const struct settings *force, unsigned bits,
	const char *why, struct err *e)
{
	char a[24], f[24];
	unsigned bit = bits & -bits;
	value_text(asked, bit, a);
	value_text(force, bit, f);
	err_set(e, ERR_UNSUPPORTED, "%s: %s %s was asked for, %s is in force", t->name, setting_name(bit), a, f);
	if (*t->driver)
		err_add(e, " (driver %s%s%s)", t->driver, *why ? ": " : "", why);
	else if (*why)
		err_add(e, " (%s)", why);
	return -1;
}

/* An ioctl failed: gone, or not known to this driver. */
static int failed(const struct tty *t, const char *what, int sys, struct err *e)
{
	if (sys == EIO || sys == ENXIO || sys == ENODEV)
		return err_set(e, ERR_CLOSED, "%s: the device is gone (setting %s: %s)", t->name, what, strerror(sys));
	if (sys == ENOTTY || sys == EINVAL || sys == EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "%s: %s is not known to its driver%s%s", t->name, what, *t->driver ? " " : "",
			t->driver);
	return err_sys(e, sys, "%s: setting %s", t->name, what);
}

/* Drivers that accept, read back as asked, and yet do not do it. */
static int refuse(const struct tty *t, const struct settings *s, unsigned mask, struct err *e)
{
	struct settings force = *s;
	if ((mask & SET_DSRDTR) && s->dsrdtr) {
		force.dsrdtr = false;
		return not_taken(t, s, &force, SET_DSRDTR, "Linux has no DSR/DTR flow control", e);
	}
	if (!strcmp(t->driver, "ftdi_sio") && s->bytesize == 5) {
		force.bytesize = 8;
		return not_taken(t, s, &force, SET_BYTESIZE, "the chip has 7 and 8", e);
	}
	if (!strcmp(t->driver, "cdc_acm") && s->rtscts) {
		force.rtscts = false;
		return not_taken(t, s, &force, SET_RTSCTS, "the protocol has no CTS", e);
	}
	return 0;
}

/* ---- termios ----------------------------------------------------------------------------- */

static int set_termios(const struct tty *t, const struct settings *s, const struct termios2 *old, struct err *e)
{
	struct termios2 now = *old, got;
	struct settings force;
	make_raw(&now, t->marks);
	put(&now, s);
	if (ioctl(t->fd, TCSETS2, &now) < 0 || ioctl(t->fd, TCGETS2, &got) < 0)
		return failed(t, "its settings", errno, e);
	get(&got, s, &force);
	unsigned bits = settings_differ(s, &force);
	return bits ? not_taken(t, s, &force, bits, "", e) : 0;
}

int termios2_get(const struct tty *t, struct settings *s, struct err *e)
{
	struct termios2 termios;
	struct settings none = *s;
	none.baudrate = 0;
	none.stopbits = 1;
	none.xonxoff = false;
	none.inbound = 0;
	if (ioctl(t->fd, TCGETS2, &termios) < 0)
		return failed(t, "its settings", errno, e);
	get(&termios, &none, s);
	return 0;
}

/* ---- RS-485 ------------------------------------------------------------------------------ */

static __u32 milliseconds(double seconds)
{
	return (__u32)ceil(seconds * 1e3 - 1e-6);
}

static int set_rs485(const struct tty *t, const struct settings *s, const struct serial_rs485 *old, struct err *e)
{
	const struct rs485 *r = &s->rs485;
	const __u32 ours = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND | SER_RS485_RTS_AFTER_SEND | SER_RS485_RX_DURING_TX;
	struct serial_rs485 k = *old;
	k.flags &= ~ours;
	if (r->on) {
		k.flags |= SER_RS485_ENABLED | (r->rts_level_for_tx ? SER_RS485_RTS_ON_SEND : 0u) |
			(r->rts_level_for_rx ? SER_RS485_RTS_AFTER_SEND : 0u) | (r->loopback ? SER_RS485_RX_DURING_TX : 0u);
		k.delay_rts_before_send = milliseconds(r->delay_before_tx);
		k.delay_rts_after_send = milliseconds(r->delay_before_rx);
	}
	const struct serial_rs485 asked = k;
	if (ioctl(t->fd, TIOCSRS485, &k) < 0 || ioctl(t->fd, TIOCGRS485, &k) < 0)
		return failed(t, "rs485", errno, e);
	__u32 differ = r->on ? (k.flags ^ asked.flags) & ours : k.flags & SER_RS485_ENABLED;
	if (r->on && (k.delay_rts_before_send != asked.delay_rts_before_send ||
		k.delay_rts_after_send != asked.delay_rts_after_send))
		differ |= 1;
	if (!differ)
		return 0;
	struct settings force = *s;
	force.rs485 = (struct rs485){ .on = k.flags & SER_RS485_ENABLED,
		.rts_level_for_tx = k.flags & SER_RS485_RTS_ON_SEND, .rts_level_for_rx = k.flags & SER_RS485_RTS_AFTER_SEND,
		.loopback = k.flags & SER_RS485_RX_DURING_TX,
		.delay_before_tx = k.delay_rts_before_send / 1e3, .delay_before_rx = k.delay_rts_after_send / 1e3 };
	return not_taken(t, s, &force, SET_RS485, "RTS levels for tx, rx, loopback, delays", e);
}

/* ---- low latency ------------------------------------------------------------------------- */

static int set_low_latency(const struct tty *t, const struct settings *s, const struct serial_struct *old,
	struct err *e)
{
	struct serial_struct k = *old;
	k.flags = s->low_latency ? k.flags | ASYNC_LOW_LATENCY : k.flags & ~ASYNC_LOW_LATENCY;
	if (ioctl(t->fd, TIOCSSERIAL, &k) < 0 || ioctl(t->fd, TIOCGSERIAL, &k) < 0)
		return failed(t, "low_latency", errno, e);
	struct settings force = *s;
	force.low_latency = k.flags & ASYNC_LOW_LATENCY;
	return force.low_latency == s->low_latency ? 0 : not_taken(t, s, &force, SET_LOW_LATENCY, "", e);
}

/* ---- all ---------------------------------------------------------------------------------- */

int termios2_set(const struct tty *t, const struct settings *s, unsigned mask, struct err *e)
{
	struct termios2 termios;
	struct serial_rs485 rs485 = { .flags = 0 };
	struct serial_struct serial;
	if (refuse(t, s, mask, e) < 0)
		return -1;
	if (ioctl(t->fd, TCGETS2, &termios) < 0)
		return errno == ENOTTY ? err_set(e, ERR_UNSUPPORTED, "%s is not a serial port", t->name) :
			failed(t, "its settings", errno, e);
	bool with_rs485 = mask & SET_RS485, with_latency = mask & SET_LOW_LATENCY;
	if (with_rs485 && ioctl(t->fd, TIOCGRS485, &rs485) < 0) {
		if (s->rs485.on)
			return failed(t, "rs485", errno, e);
		with_rs485 = false;     /* cannot be on */
	}
	if (with_latency && ioctl(t->fd, TIOCGSERIAL, &serial) < 0) {
		if (s->low_latency)
			return failed(t, "low_latency", errno, e);
		with_latency = false;
	}
	if (set_termios(t, s, &termios, e) < 0)
		goto fail;
	if (with_rs485 && set_rs485(t, s, &rs485, e) < 0)
		goto fail;
	if (with_latency && set_low_latency(t, s, &serial, e) < 0)
		goto fail;
	return 0;
fail:
	if (with_rs485)
		ioctl(t->fd, TIOCSRS485, &rs485);
	if (with_latency)
		ioctl(t->fd, TIOCSSERIAL, &serial);
	ioctl(t->fd, TCSETS2, &termios);
	return -1;
}
