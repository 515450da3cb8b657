// SPDX-License-Identifier: MIT
// termios2_fake.c: core/port/termios2.c and marks.c on a tty driver made up here, for termios2_spec.lua:
// what no pty and no VM has (RS-485), and drivers that do something else than they say.
//   termios2_fake DRIVER COMMAND...     COMMAND: setting=value as in a URL, or marks=HEX
// Prints what happened after each.
#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static int fake_ioctl(int fd, unsigned long request, ...);
#define ioctl fake_ioctl
#include "port/termios2.c"
#undef ioctl
#include "port/marks.h"
#include "port/port.h"

/* rs485: has it; clamps: at most 100 ms of delay, as the kernel; deaf: ignores the level for receiving;
 * slow: has 9600 and nothing else; near: 2 % above what was asked; bare: termios only */
static const char *driver;
static struct termios2 termios = { .c_cflag = CS8 | CREAD | B9600, .c_ospeed = 9600, .c_ispeed = 9600,
	.c_lflag = ICANON | ECHO };
static struct serial_rs485 rs485;
static struct serial_struct serial;

static int is(const char *name) { return strcmp(driver, name) == 0; }

static void set_termios2(const struct termios2 *t)
{
	tcflag_t code = t->c_cflag & CBAUD;
	termios = *t;
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		if (rates[i].code == code)
			termios.c_ospeed = termios.c_ispeed = rates[i].rate;
	if (is("slow"))
		termios.c_ospeed = termios.c_ispeed = 9600;
	if (is("near"))
		termios.c_ospeed = termios.c_ispeed = termios.c_ospeed / 100 * 102;
}

static void set_fake_rs485(const struct serial_rs485 *r)
{
	rs485 = *r;
	if (is("clamps") && rs485.delay_rts_before_send > 100)
		rs485.delay_rts_before_send = 100;
	if (is("deaf"))
		rs485.flags &= ~SER_RS485_RTS_AFTER_SEND;
}

static int fake_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	(void)fd;
	if (is("bare") && request != TCGETS2 && request != TCSETS2)
		return errno = ENOTTY, -1;
	switch (request) {
	case TCGETS2: memcpy(arg, &termios, sizeof termios); return 0;
	case TCSETS2: set_termios2(arg); return 0;
	case TIOCGRS485: memcpy(arg, &rs485, sizeof rs485); return 0;
	case TIOCSRS485: set_fake_rs485(arg); return 0;
	case TIOCGSERIAL: memcpy(arg, &serial, sizeof serial); return 0;
	case TIOCSSERIAL: memcpy(&serial, arg, sizeof serial); return 0;
	default: return errno = EINVAL, -1;
	}
}

static void show(void)
{
	printf("%u cflag %o rs485 %x %u %u low_latency %d raw %d\n", termios.c_ospeed,
		termios.c_cflag & (CSIZE | PARENB | PARODD | CSTOPB), rs485.flags, rs485.delay_rts_before_send,
		rs485.delay_rts_after_send, !!(serial.flags & ASYNC_LOW_LATENCY), !(termios.c_lflag & (ICANON | ECHO)));
}

/* "ff00,41" are two reads. */
static void show_marks(char *hex)
{
	struct marks m = { .parity = true };
	struct port_errors errors = { 0 };
	for (char *part = strtok(hex, ","); part; part = strtok(NULL, ",")) {
		char data[64];
		size_t n = 0;
		for (unsigned byte; sscanf(part + 2 * n, "%2x", &byte) == 1; n++)
			data[n] = (char)byte;
		size_t left = marks_decode(&m, data, n, &errors);
		for (size_t i = 0; i < left; i++)
			printf("%02x", (unsigned char)data[i]);
	}
	printf(" parity %lu breaks %lu\n", errors.parity, errors.breaks);
}

int main(int argc, char **argv)
{
	struct config c;
	config_init(&c);
	driver = argc > 1 ? argv[1] : "";
	const struct tty t = { .fd = -1, .name = "tty", .driver = driver, .marks = false };
	for (int i = 2; i < argc; i++) {
		struct config next = c;
		struct err e = { 0 };
		char *value = strchr(argv[i], '=');
		*value++ = 0;
		if (!strcmp(argv[i], "marks")) {
			show_marks(value);
			continue;
		}
		next.given = 0;
		if (config_option(&next, &(struct option){ argv[i], value, strlen(value) }, &e) != 1 || termios2_set(&t, &next.line, next.given, &e) < 0)
			printf("%s: %s; ", err_name(e.code), e.text);
		else
			c = next;
		show();
	}
	return 0;
}
