// SPDX-License-Identifier: MIT
// device.c: the transport for native ttys.  termios2.c puts settings in force,
// ttyopen.c opens, fdport.c moves bytes; here they come together with modem
// signals, break, error counts and finding an adapter again after a replug.
// Nothing is flushed at open, and no ioctl is used that waits for output.
#include "port/device.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/fdport.h"
#include "port/linger.h"
#include "port/list.h"
#include "port/marks.h"
#include "port/termios2.h"
#include "port/ttyopen.h"

#define USB_DELAY 0.002                      /* until a byte written is on the line, seconds */

struct device {
	struct fdport f;                     /* first */
	bool pts;                            /* the slave of a pty: no wire, no rate */
	bool pty;                            /* ... and nothing gives it signals: no errors, no break either */
	bool usb;                            /* what the chip does is known late */
	bool counts;                         /* the driver has TIOCGICOUNT */
	char driver[32];
	char identity[448], location[32];    /* what list_find wants; "" where there is none */
	struct port_errors before;           /* the driver's counts at open */
	struct marks marks;
	double sent_by;                      /* when the last byte written leaves, by the baud rate */
};

static struct device *of(struct port *p) { return (struct device *)p; }

/* The device went away, or the driver does not know this. */
static int failed(struct port *p, const char *what, int sys, struct err *e)
{
	err_sys(e, sys, "%s of %s", what, p->name);
	if (e && (sys == ENOTTY || sys == EINVAL)) {
		const char *driver = of(p)->driver;
		err_set(e, ERR_UNSUPPORTED, "%s has no %s%s%s%s", p->name, what, *driver ? " (driver " : "", driver,
			*driver ? ")" : "");
	}
	return -1;
}

/* ---- signals ----------------------------------------------------------------------------- */

static const struct { unsigned signal; int line; } lines[] = {
	{ SIGNAL_DTR, TIOCM_DTR }, { SIGNAL_RTS, TIOCM_RTS }, { SIGNAL_CTS, TIOCM_CTS }, { SIGNAL_DSR, TIOCM_DSR },
	{ SIGNAL_RI, TIOCM_RNG }, { SIGNAL_CD, TIOCM_CAR },
};

static int to_lines(unsigned signals)
{
	int m = 0;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		m |= signals & lines[i].signal ? lines[i].line : 0;
	return m;
}

static unsigned to_signals(int m)
{
	unsigned signals = 0;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		signals |= m & lines[i].line ? lines[i].signal : 0;
	return signals;
}

static int device_get_signals(struct port *p, unsigned *values, struct err *e)
{
	int m;
	if (ioctl(of(p)->f.rfd, TIOCMGET, &m) < 0)
		return failed(p, "modem signals", errno, e);
	*values = to_signals(m) & ~(unsigned)(SIGNAL_DTR | SIGNAL_RTS);
	return 0;
}

static int change_outputs(struct port *p, int fd, unsigned mask, unsigned values, struct err *e)
{
	int up = to_lines(mask & values), down = to_lines(mask & ~values), m, r;
	if (up && down) {       /* both in one step, as a reset circuit wants them */
		r = ioctl(fd, TIOCMGET, &m);
		m = (m | up) & ~down;
		r = r < 0 ? r : ioctl(fd, TIOCMSET, &m);
	} else
		r = up ? ioctl(fd, TIOCMBIS, &up) : ioctl(fd, TIOCMBIC, &down);
	return r < 0 ? failed(p, "modem signals", errno, e) : 0;
}

static int device_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e)
{
	return change_outputs(p, of(p)->f.rfd, mask, values, e);
}

/* Levels asked for, or those from before a replug; then what they are. */
static int first_signals(struct port *p, int fd, struct err *e)
{
	unsigned mask = 0, values = p->outputs;
	int m;
	if (p->state == PORT_LOST)
		mask = of(p)->pty ? 0 : SIGNAL_DTR | SIGNAL_RTS;
	else {
		mask = (p->cfg.dtr >= 0 ? SIGNAL_DTR : 0u) | (p->cfg.rts >= 0 ? SIGNAL_RTS : 0u);
		values = (p->cfg.dtr > 0 ? SIGNAL_DTR : 0u) | (p->cfg.rts > 0 ? SIGNAL_RTS : 0u);
	}
	if (mask && change_outputs(p, fd, mask, values, e) < 0)
		return -1;
	p->outputs = ioctl(fd, TIOCMGET, &m) == 0 ? to_signals(m) & (SIGNAL_DTR | SIGNAL_RTS) : 0;
	return 0;
}

/* ---- error counts ------------------------------------------------------------------------ */

static bool read_counts(int fd, struct port_errors *n)
{
	struct serial_icounter_struct c;
	if (ioctl(fd, TIOCGICOUNT, &c) < 0)
		return false;
	*n = (struct port_errors){ .parity = (unsigned)c.parity, .framing = (unsigned)c.frame,
		.overrun = (unsigned)c.overrun + (unsigned)c.buf_overrun, .breaks = (unsigned)c.brk };
	return true;
}

static int device_get_errors(struct port *p, struct port_errors *n, struct err *e)
{
	struct device *d = of(p);
	struct port_errors c;
	if (!d->counts)
		return 0;
	if (!read_counts(d->f.rfd, &c))
		return failed(p, "error counts", errno, e);
	n->parity += c.parity - d->before.parity;
	n->framing += c.framing - d->before.framing;
	n->overrun += c.overrun - d->before.overrun;
	n->breaks += c.breaks - d->before.breaks;
	return 0;
}

static size_t take_marks(struct fdport *f, char *data, size_t n)
{
	struct device *d = (struct device *)f;
	struct port_errors none = { 0 };
	return marks_decode(&d->marks, data, n, d->counts ? &none : &f->port.errors);
}

/* Errors are counted by the driver; pl2303 has no counter, cp210x looks for errors only when bytes are marked. */
static void choose_counting(struct device *d, int fd)
{
	d->counts = !d->pty && read_counts(fd, &d->before);
	bool marked = !d->pty && (!d->counts || !strcmp(d->driver, "cp210x"));
	d->f.filter = marked ? take_marks : NULL;
	d->marks = (struct marks){ 0 };
}

/* ---- open, close ------------------------------------------------------------------------- */

/* Which driver, and which adapter, so that find_again knows it under another name. */
static void identify(struct device *d, int fd)
{
	struct stat st;
	char path[64], to[256];
	int m;
	d->pts = d->pty = d->usb = false;
	*d->driver = 0;
	if (fstat(fd, &st) < 0)
		return;
	unsigned number = major(st.st_rdev);
	if (number >= 136 && number <= 143) {           /* slaves of Unix98 ptys, see devices.txt */
		d->pts = true;
		d->pty = ioctl(fd, TIOCMGET, &m) < 0;
		strcpy(d->driver, "pty");
		return;
	}
	snprintf(path, sizeof path, "/sys/dev/char/%u:%u", number, minor(st.st_rdev));
	ssize_t n = readlink(path, to, sizeof to - 1);
	if (n <= 0)
		return;
	to[n] = 0;
	struct list_port here;
	if (list_read(&here, NULL, strrchr(to, '/') ? strrchr(to, '/') + 1 : to) != 1)
		return;
	snprintf(d->driver, sizeof d->driver, "%s", here.driver ? here.driver : "");
	d->usb = here.vid >= 0;
	snprintf(d->identity, sizeof d->identity, "%s", here.identity);
	snprintf(d->location, sizeof d->location, "%s", here.location ? here.location : "");
	list_port_clear(&here);
}

static struct tty tty_of(struct port *p, int fd)
{
	return (struct tty){ .fd = fd, .name = p->name, .driver = of(p)->driver, .marks = of(p)->f.filter != NULL };
}

/* RS-485 and low latency are left as found unless somebody asked. */
static unsigned settings_at_open(const struct config *c)
{
	unsigned asked = c->given | (c->line.rs485.on ? SET_RS485 : 0u) | (c->line.low_latency ? SET_LOW_LATENCY : 0u);
	return (SET_LINE & ~(unsigned)(SET_RS485 | SET_LOW_LATENCY)) | (asked & (SET_RS485 | SET_LOW_LATENCY));
}

static int device_open(struct port *p, struct err *e)
{
	struct device *d = of(p);
	const char *path = p->url.rest;
	if (!*path)
		return err_set(e, ERR_UNSUPPORTED, "%s names no device", p->url.text);
	int fd = tty_open(path, p->cfg.exclusive, e);
	if (fd < 0)
		return -1;
	free(p->name);
	if (!(p->name = strdup(path))) {
		err_sys(e, ENOMEM, "opening %s", path);
		goto fail;
	}
	identify(d, fd);
	choose_counting(d, fd);
	d->marks.parity = p->cfg.line.parity != 'N';
	d->f.gone = d->pty ? "the other end of the pty was closed" : "the device was unplugged or hung up";
	d->f.eof_is_lost = true;
	struct tty t = tty_of(p, fd);
	if (first_signals(p, fd, e) < 0 || termios2_set(&t, &p->cfg.line, settings_at_open(&p->cfg), e) < 0)
		goto fail;
	if (fdport_attach(&d->f, fd, fd, e) < 0)
		goto fail;
	d->sent_by = 0;
	return 0;
fail:
	if (e && e->code == ERR_CLOSED)                 /* an 8250 place without a UART answers EIO */
		err_set(e, ERR_NOT_FOUND, "%s: there is no device behind it", path);
	tty_exclusive(fd, path, false, NULL);
	close(fd);
	return -1;
}

static void device_close(struct port *p)
{
	struct device *d = of(p);
	if (d->f.attached) {
		struct port_errors n = p->errors;
		if (device_get_errors(p, &n, NULL) == 0)
			p->errors = n;                  /* a re-opened port goes on counting */
		/* TIOCEXCL stays with a pty whose master is open, so it is taken back. */
		tty_exclusive(d->f.rfd, p->name, false, NULL);
		int rest = d->pts ? -1 : dup(d->f.rfd);
		fdport_close(p);
		if (rest >= 0)
			linger_close(p->base, rest);
	}
}

/* ---- output ------------------------------------------------------------------------------ */

static double bits_per_byte(const struct settings *s)
{
	return 1 + s->bytesize + (s->parity != 'N') + s->stopbits;
}

static ssize_t device_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct device *d = of(p);
	ssize_t w = fdport_write(p, data, n, e);
	if (w > 0 && !d->pts) {
		double from = clock_now() + (d->usb ? USB_DELAY : 0);
		from = d->sent_by > from ? d->sent_by : from;
		d->sent_by = from + (double)w * bits_per_byte(&p->cfg.line) / (double)p->cfg.line.baudrate;
	}
	return w;
}

/* What the kernel still holds, or else the chip. A UART tells whether it is empty; USB drivers tell it late
 * or not at all, so that for them it is reckoned from the rate too. */
static int device_out_waiting(struct port *p, size_t *n, struct err *e)
{
	struct device *d = of(p);
	int status;
	if (fdport_out_waiting(p, n, e) < 0)
		return -1;
	if (*n || d->pts)
		return 0;
	bool told = ioctl(d->f.wfd, TIOCSERGETLSR, &status) == 0;
	double left = told && !d->usb ? 0 : d->sent_by - clock_now();
	if (left > 0)
		*n = (size_t)(left * (double)p->cfg.line.baudrate / bits_per_byte(&p->cfg.line)) + 1;
	else
		*n = told && !(status & TIOCSER_TEMT);
	return 0;
}

/* ---- settings, break, flush --------------------------------------------------------------- */

static int device_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	struct device *d = of(p);
	struct tty t = tty_of(p, d->f.rfd);
	if (termios2_set(&t, s, mask, e) < 0)
		return -1;
	d->marks.parity = s->parity != 'N';
	return 0;
}

/* TIOCSBRK would wait for unsent output; port_send_break comes here when there is none. */
static int device_set_break(struct port *p, bool on, struct err *e)
{
	struct device *d = of(p);
	if (d->pty)                             /* says yes and does nothing */
		return failed(p, "break", ENOTTY, e);
	return ioctl(d->f.rfd, on ? TIOCSBRK : TIOCCBRK) < 0 ? failed(p, "break", errno, e) : 0;
}

static int device_suspend(struct port *p, bool on, struct err *e)
{
	return ioctl(of(p)->f.wfd, TCXONC, on ? TCIOFF : TCION) < 0 ? failed(p, "suspend", errno, e) : 0;
}

static int device_flush(struct port *p, int which, struct err *e)
{
	unsigned long queue = which == FLUSH_INPUT ? TCIFLUSH : which == FLUSH_OUTPUT ? TCOFLUSH : TCIOFLUSH;
	of(p)->marks.seen = which & FLUSH_INPUT ? 0 : of(p)->marks.seen;
	if (which & FLUSH_OUTPUT)
		of(p)->sent_by = 0;
	return ioctl(of(p)->f.rfd, TCFLSH, queue) < 0 ? failed(p, "flush", errno, e) : 0;
}

/* ---- coming back ------------------------------------------------------------------------- */

static int device_find_again(struct port *p, struct err *e)
{
	struct device *d = of(p);
	struct list l;
	if (!*d->identity)
		return access(p->url.rest, F_OK) < 0 ? err_sys(e, errno, "%s", p->url.rest) : 0;
	if (list_scan(&l, NULL, e) < 0)
		return -1;
	const struct list_port *found = list_find(&l, d->identity, *d->location ? d->location : NULL);
	char *path = found ? strdup(found->device) : NULL;
	list_clear(&l);
	if (!path)
		return err_set(e, ERR_NOT_FOUND, "%s (%s) is not plugged in", p->url.rest, d->identity);
	free(p->url.rest);
	p->url.rest = path;
	return 0;
}

const struct port_ops device_ops = {
	.name = "device",
	.size = sizeof(struct device),
	.settings = SET_LINE | SET_EXCLUSIVE,
	.poll_signals = true,
	.open = device_open,
	.close = device_close,
	.write = device_write,
	.throttle = fdport_throttle,
	.pump = fdport_pump,
	.in_waiting = fdport_in_waiting,
	.out_waiting = device_out_waiting,
	.set = device_set,
	.set_signals = device_set_signals,
	.get_signals = device_get_signals,
	.set_break = device_set_break,
	.flush = device_flush,
	.suspend = device_suspend,
	.get_errors = device_get_errors,
	.find_again = device_find_again,
};
