// SPDX-License-Identifier: MIT
// cp2110_part.c: see cp2110_part.h; the ioctls are in the kernel's Documentation/hid/hidraw.rst.
#include "port/cp2110_part.h"

#include <errno.h>
#include <linux/hidraw.h>
#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* As on a tty: two ends that differ by no more still understand each other. */
#define RATE_TOLERANCE 0.025

int part_failed(const struct cp2110_part *d, const char *what, int sys, struct err *e)
{
	err_sys(e, sys, "%s: %s", d->name, what);
	if (e && (sys == EIO || sys == ENODEV || sys == ETIMEDOUT || sys == EPIPE || sys == EPROTO))
		e->code = ERR_CLOSED;
	return -1;
}

/* Bytes got, the number included; -1 with errno. */
static int get(const struct cp2110_part *d, unsigned char number, unsigned char report[CP2110_REPORT])
{
	report[0] = number;
	return ioctl(d->fd, HIDIOCGFEATURE(CP2110_REPORT), report);
}

int part_say(const struct cp2110_part *d, unsigned char report, unsigned char value, const char *what, struct err *e)
{
	unsigned char bytes[2] = { report, value };
	return ioctl(d->fd, HIDIOCSFEATURE(sizeof bytes), bytes) < 0 ? part_failed(d, what, errno, e) : 0;
}

int part_identify(const struct cp2110_part *d, bool *on, struct err *e)
{
	unsigned char report[CP2110_REPORT];
	int n = get(d, CP2110_VERSION, report);
	if (n < 0 && (errno == ENODEV || errno == ETIMEDOUT))
		return part_failed(d, "asking for its part number", errno, e);
	if (n < 3 || (report[1] != CP2110_PART_CP2110 && report[1] != CP2110_PART_CP2114))
		return err_set(e, ERR_UNSUPPORTED, "%s is another HID device, not a CP2110 or CP2114 (asked for its part number, it "
			"gives %s)", d->name, n < 3 ? "none" : "another");
	n = get(d, CP2110_ENABLE, report);
	*on = n < 2 || report[1];
	return n < 0 ? part_failed(d, "asking whether it is on", errno, e) : 0;
}

int part_status(const struct cp2110_part *d, struct cp2110_status *s, struct err *e)
{
	unsigned char report[CP2110_REPORT];
	int n = get(d, CP2110_STATUS, report);
	if (n < 0)
		return part_failed(d, "asking for its status", errno, e);
	if (cp2110_get_status(report, (size_t)n, s) < 0)
		return err_set(e, ERR_PROTOCOL, "%s: a bad status report from the device", d->name);
	return 0;
}

/* ---- settings ------------------------------------------------------------------------------ */

static int get_config(const struct cp2110_part *d, struct cp2110_config *g, struct err *e)
{
	unsigned char report[CP2110_REPORT];
	int n = get(d, CP2110_CONFIG, report);
	if (n < 0)
		return part_failed(d, "asking for its settings", errno, e);
	if (cp2110_get_config(report, (size_t)n, g) < 0)
		return err_set(e, ERR_PROTOCOL, "%s: a bad settings report from the device", d->name);
	return 0;
}

static int put_config(const struct cp2110_part *d, const struct cp2110_config *g)
{
	unsigned char report[CP2110_CONFIG_SIZE];
	cp2110_put_config(report, g);
	return ioctl(d->fd, HIDIOCSFEATURE(sizeof report), report);
}

static int not_taken(const struct cp2110_part *d, const char *what, const char *asked, const char *force, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: %s %s was asked for, %s is in force (CP2110)", d->name, what, asked, force);
}

/* The first difference is named.  The long stop bit is right for whoever asked for 1.5 or 2. */
static int compare(const struct cp2110_part *d, const struct cp2110_config *asked, const struct cp2110_config *force,
	struct err *e)
{
	char a[24], f[24];
	if (fabs((double)(force->baudrate - asked->baudrate)) > (double)asked->baudrate * RATE_TOLERANCE) {
		snprintf(a, sizeof a, "%ld", asked->baudrate);
		snprintf(f, sizeof f, "%ld", force->baudrate);
		return not_taken(d, "baudrate", a, f, e);
	}
	if (force->bytesize != asked->bytesize) {
		snprintf(a, sizeof a, "%d", asked->bytesize);
		snprintf(f, sizeof f, "%d", force->bytesize);
		return not_taken(d, "bytesize", a, f, e);
	}
	if (force->parity != asked->parity)
		return not_taken(d, "parity", (char[]){ asked->parity, 0 }, (char[]){ force->parity, 0 }, e);
	if ((force->stopbits > 1) != (asked->stopbits > 1)) {
		snprintf(a, sizeof a, "%g", asked->stopbits);
		snprintf(f, sizeof f, "%g", force->stopbits);
		return not_taken(d, "stopbits", a, f, e);
	}
	if (force->rtscts != asked->rtscts)
		return not_taken(d, "rtscts", asked->rtscts ? "on" : "off", force->rtscts ? "on" : "off", e);
	return 0;
}

int part_set_line(const struct cp2110_part *d, const struct settings *s, struct err *e)
{
	const struct cp2110_config asked = { s->baudrate, s->bytesize, s->parity, s->stopbits, s->rtscts };
	struct cp2110_config old, force;
	if (s->baudrate < CP2110_BAUD_MIN || s->baudrate > CP2110_BAUD_MAX)
		return err_set(e, ERR_UNSUPPORTED, "%s: baudrate %ld: a CP2110 has %d to %d", d->name, s->baudrate, CP2110_BAUD_MIN,
			CP2110_BAUD_MAX);
	if (get_config(d, &old, e) < 0)
		return -1;
	if (put_config(d, &asked) < 0) {
		int sys = errno;
		char text[32];
		if (get_config(d, &force, NULL) < 0)         /* it answers nothing any more */
			return part_failed(d, "setting baudrate and framing", sys, e);
		settings_text(s, text);
		return err_set(e, ERR_UNSUPPORTED, "%s: the CP2110 refuses %s%s", d->name, text, s->rtscts ? " with rtscts" : "");
	}
	if (get_config(d, &force, e) == 0 && compare(d, &asked, &force, e) == 0)
		return 0;
	put_config(d, &old);
	return -1;
}
