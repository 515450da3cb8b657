// SPDX-License-Identifier: MIT
// cp2110.c: a Silicon Labs CP2110 (AN434) made in user space through /dev/uhid; its line is a pty.
//   cp2110 [-c FIFO] [-f LINK] [-l LOG] [-s SERIAL] [-i VID:PID] [-n PART]
//   -c   where commands are read from (default /tmp/cp2110.ctl):
//          unplug, plug [SERIAL], alter RATE (what becomes of any other; 0 none), refuse 0|1 (settings),
//          cts 0|1 (obeyed with rtscts), parity, overrun, break 0|1, junk (malformed reports), dead 0|1, quit
//   -f   a link to the far end of the line (default /tmp/cp2110.far)
//   -l   what it is told, a line each: config, enable, purge, break; and bytes that found its FIFO full
// It sends at its baud rate, and a report a millisecond at most, as an interrupt endpoint does.
#include <errno.h>
#include <fcntl.h>
#include <linux/uhid.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { FIFO = 480, USB = 64, DATA = 63 };

struct queue { unsigned char bytes[FIFO + USB]; size_t n; };

static struct {
	int uhid, line, held;                /* the pty's two ends */
	char serial[64];
	unsigned vid, pid, part;
	bool plugged, enabled, refuse, no_cts, dead, line_break, sending_break;
	unsigned long alter;
	unsigned char config[9], errors;
	struct queue tx, rx;
	double tx_due, rx_due, report_due;
	FILE *log;
} chip = { .uhid = -1, .vid = 0x10c4, .pid = 0xea80, .part = 0x0a };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long baud(void)
{
	const unsigned char *c = chip.config;
	return (unsigned long)c[1] << 24 | (unsigned long)c[2] << 16 | (unsigned long)c[3] << 8 | c[4];
}

static double byte_time(void)
{
	const unsigned char *c = chip.config;
	return (double)(1 + 5 + c[7] + (c[5] != 0) + 1 + c[8]) / (double)baud();
}

/* ---- uhid ---------------------------------------------------------------------------------- */

static void say(const struct uhid_event *ev)
{
	if (write(chip.uhid, ev, sizeof *ev) < 0)
		perror("cp2110: uhid");
}

static size_t describe(unsigned char *d)
{
	static const unsigned char head[] = { 0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08 };
	static const unsigned char features[][2] = { { 0x41, 1 }, { 0x42, 6 }, { 0x43, 1 }, { 0x46, 2 }, { 0x50, 8 },
		{ 0x51, 1 }, { 0x52, 1 } };
	size_t n = sizeof head;
	memcpy(d, head, n);
	for (unsigned char i = 1; i <= DATA; i++) {
		const unsigned char report[] = { 0x85, i, 0x95, i, 0x09, 0x01, 0x81, 0x02, 0x09, 0x01, 0x91, 0x02 };
		memcpy(d + n, report, sizeof report);
		n += sizeof report;
	}
	for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
		const unsigned char report[] = { 0x85, features[i][0], 0x95, features[i][1], 0x09, 0x01, 0xb1, 0x02 };
		memcpy(d + n, report, sizeof report);
		n += sizeof report;
	}
	d[n++] = 0xc0;
	return n;
}

static void plug(void)
{
	static const unsigned char fresh[9] = { 0x50, 0, 1, 0xc2, 0, 0, 0, 3, 0 };      /* 115200 8N1 */
	struct uhid_event ev = { .type = UHID_CREATE2 };
	if (chip.plugged)
		return;
	memcpy(chip.config, fresh, sizeof fresh);
	chip.enabled = chip.sending_break = chip.line_break = false;
	chip.tx.n = chip.rx.n = 0;
	chip.errors = 0;
	strcpy((char *)ev.u.create2.name, "Silicon Laboratories CP2110 HID USB-to-UART Bridge");
	snprintf((char *)ev.u.create2.phys, sizeof ev.u.create2.phys, "uhid-%d/input0", (int)getpid());
	memcpy(ev.u.create2.uniq, chip.serial, sizeof chip.serial);
	ev.u.create2.rd_size = (uint16_t)describe(ev.u.create2.rd_data);
	ev.u.create2.bus = 3;                        /* USB */
	ev.u.create2.vendor = chip.vid;
	ev.u.create2.product = chip.pid;
	ev.u.create2.version = 0x100;
	chip.uhid = open("/dev/uhid", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (chip.uhid < 0) {
		perror("cp2110: /dev/uhid");
		exit(1);
	}
	say(&ev);
	chip.plugged = true;
}

static void unplug(void)
{
	if (!chip.plugged)
		return;
	say(&(struct uhid_event){ .type = UHID_DESTROY });
	close(chip.uhid);
	chip.uhid = -1;
	chip.plugged = false;
}

/* ---- feature reports ----------------------------------------------------------------------- */

static size_t get_feature(unsigned char number, unsigned char *r)
{
	size_t waiting = chip.tx.n ? chip.tx.n - 1 : 0;      /* the first is on the line, and in the FIFO no more */
	r[0] = number;
	switch (number) {
	case 0x41:
		r[1] = chip.enabled;
		return 2;
	case 0x42:
		r[1] = (unsigned char)(waiting >> 8);
		r[2] = (unsigned char)waiting;
		r[3] = (unsigned char)(chip.rx.n >> 8);
		r[4] = (unsigned char)chip.rx.n;
		r[5] = chip.errors;
		r[6] = chip.line_break || chip.sending_break;
		chip.errors = 0;
		return 7;
	case 0x46:
		r[1] = (unsigned char)chip.part;
		r[2] = 1;
		return 3;
	case 0x50:
		memcpy(r, chip.config, sizeof chip.config);
		return sizeof chip.config;
	default:
		return 0;
	}
}

static int set_config(const unsigned char *r, size_t n)
{
	if (n != 9 || chip.refuse || r[5] > 4 || r[6] > 1 || r[7] > 3 || r[8] > 1)
		return EIO;
	memcpy(chip.config, r, n);
	fprintf(chip.log, "config %lu %d%c%d flow %d\n", baud(), 5 + r[7], "NOEMS"[r[5]], 1 + r[8], r[6]);
	if (chip.alter)
		for (int i = 0; i < 4; i++)
			chip.config[1 + i] = (unsigned char)(chip.alter >> (24 - 8 * i));
	return 0;
}

static int set_feature(const unsigned char *r, size_t n)
{
	if (n < 2)
		return EIO;
	switch (r[0]) {
	case 0x41:
		chip.enabled = r[1];
		fprintf(chip.log, "enable %d\n", r[1]);
		return 0;
	case 0x43:
		chip.tx.n = r[1] & 1 ? 0 : chip.tx.n;
		chip.rx.n = r[1] & 2 ? 0 : chip.rx.n;
		fprintf(chip.log, "purge %d\n", r[1]);
		return 0;
	case 0x50:
		return set_config(r, n);
	case 0x51: case 0x52:
		chip.sending_break = r[0] == 0x51;
		fprintf(chip.log, r[0] == 0x51 ? "break %d\n" : "break ends\n", r[1]);
		return 0;
	default:
		return EIO;
	}
}

/* Data for the line.  A full FIFO holds up the bus in a real part; here it is a mistake of the host. */
static void take_output(const unsigned char *r, size_t n)
{
	size_t size = n > 1 && r[0] <= DATA && r[0] <= n - 1 ? r[0] : 0;
	if (!size || !chip.enabled || chip.tx.n + size > sizeof chip.tx.bytes) {
		fprintf(chip.log, "lost %zu\n", n - 1);
		return;
	}
	if (!chip.tx.n)
		chip.tx_due = now() + byte_time();
	memcpy(chip.tx.bytes + chip.tx.n, r + 1, size);
	chip.tx.n += size;
}

static void serve(void)
{
	struct uhid_event ev, answer = { 0 };
	while (chip.plugged && read(chip.uhid, &ev, sizeof ev) > 0) {
		if (ev.type == UHID_OUTPUT)
			take_output(ev.u.output.data, ev.u.output.size);
		else if (ev.type == UHID_GET_REPORT && !chip.dead) {
			answer.type = UHID_GET_REPORT_REPLY;
			answer.u.get_report_reply.id = ev.u.get_report.id;
			size_t n = ev.u.get_report.rtype == UHID_FEATURE_REPORT ?
				get_feature(ev.u.get_report.rnum, answer.u.get_report_reply.data) : 0;
			answer.u.get_report_reply.size = (uint16_t)n;
			answer.u.get_report_reply.err = n ? 0 : EIO;
			say(&answer);
		} else if (ev.type == UHID_SET_REPORT && !chip.dead) {
			answer.type = UHID_SET_REPORT_REPLY;
			answer.u.set_report_reply.id = ev.u.set_report.id;
			answer.u.set_report_reply.err = (uint16_t)set_feature(ev.u.set_report.data, ev.u.set_report.size);
			say(&answer);
		}
	}
}

/* ---- the line ------------------------------------------------------------------------------ */

static void take_front(struct queue *q, size_t n)
{
	memmove(q->bytes, q->bytes + n, q->n - n);
	q->n -= n;
}

static void send_report(size_t n)
{
	struct uhid_event ev = { .type = UHID_INPUT2 };
	ev.u.input2.size = (uint16_t)(n + 1);
	ev.u.input2.data[0] = (unsigned char)n;
	memcpy(ev.u.input2.data + 1, chip.rx.bytes, n);
	say(&ev);
	take_front(&chip.rx, n);
}

/* A report that is shorter than its number says, and one that is nothing but a number. */
static void send_junk(void)
{
	struct uhid_event ev = { .type = UHID_INPUT2 };
	memcpy(ev.u.input2.data, "\x0a" "abc", 4);
	ev.u.input2.size = 4;
	say(&ev);
	ev.u.input2.size = 1;
	say(&ev);
}

static void transmit(double time)
{
	bool held = chip.config[6] && chip.no_cts;
	size_t n = 0;
	for (; n < chip.tx.n && chip.tx_due <= time && !held; n++)
		chip.tx_due += byte_time();
	if (held || !chip.tx.n)
		chip.tx_due = time + byte_time();
	if (n && write(chip.line, chip.tx.bytes, n) < 0)
		perror("cp2110: line");
	take_front(&chip.tx, n);
}

static void receive(double time)
{
	unsigned char bytes[FIFO];
	double due = (time - chip.rx_due) / byte_time();
	size_t room = FIFO - chip.rx.n, most = due > (double)room ? room : due > 0 ? (size_t)due : 0;
	ssize_t n = most ? read(chip.line, bytes, most) : 0;
	if (n > 0 && chip.enabled) {
		memcpy(chip.rx.bytes + chip.rx.n, bytes, (size_t)n);
		chip.rx.n += (size_t)n;
	}
	if (n > 0)
		chip.rx_due += (double)n * byte_time();
	if (chip.rx_due < time - 0.01)
		chip.rx_due = time - 0.01;
	if (chip.rx.n && chip.report_due <= time) {
		send_report(chip.rx.n < DATA ? chip.rx.n : DATA);
		chip.report_due = time + 0.001;
	}
}

/* ---- commands ------------------------------------------------------------------------------ */

static void command(char *line)
{
	char verb[16], text[64] = "";
	if (sscanf(line, "%15s %63s", verb, text) < 1)
		return;
	unsigned long number = strtoul(text, NULL, 10);
	if (!strcmp(verb, "quit"))
		exit(0);
	else if (!strcmp(verb, "unplug"))
		unplug();
	else if (!strcmp(verb, "plug")) {
		if (*text)
			memcpy(chip.serial, text, sizeof text);
		plug();
	} else if (!strcmp(verb, "alter"))
		chip.alter = number;
	else if (!strcmp(verb, "refuse"))
		chip.refuse = number;
	else if (!strcmp(verb, "cts"))
		chip.no_cts = !number;
	else if (!strcmp(verb, "parity"))
		chip.errors |= 1;
	else if (!strcmp(verb, "overrun"))
		chip.errors |= 2;
	else if (!strcmp(verb, "break"))
		chip.line_break = number;
	else if (!strcmp(verb, "junk"))
		send_junk();
	else if (!strcmp(verb, "dead"))
		chip.dead = number;
	else
		fprintf(stderr, "cp2110: what is \"%s\"?\n", line);
	fprintf(chip.log, "done %s\n", verb);
}

static void read_commands(int fifo)
{
	char text[512];
	ssize_t n = read(fifo, text, sizeof text - 1);
	if (n <= 0)
		return;
	text[n] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		command(line);
}

static int open_line(const char *link)
{
	struct termios t;
	chip.line = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (chip.line < 0 || grantpt(chip.line) < 0 || unlockpt(chip.line) < 0)
		return -1;
	chip.held = open(ptsname(chip.line), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (chip.held < 0 || tcgetattr(chip.held, &t) < 0)
		return -1;
	cfmakeraw(&t);
	unlink(link);
	return tcsetattr(chip.held, TCSANOW, &t) < 0 ? -1 : symlink(ptsname(chip.line), link);
}

static int run(int fifo)
{
	for (;;) {
		bool busy = chip.tx.n || chip.rx.n;
		bool full = chip.rx.n >= FIFO;
		struct pollfd fds[3] = { { chip.uhid, POLLIN, 0 }, { fifo, POLLIN, 0 }, { full || busy ? -1 : chip.line, POLLIN, 0 } };
		if (poll(fds, 3, busy ? 1 : chip.plugged ? 100 : 1000) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents)
			read_commands(fifo);
		if (!chip.plugged)
			continue;
		serve();
		transmit(now());
		receive(now());
		fflush(chip.log);
	}
}

int main(int argc, char **argv)
{
	const char *path = "/tmp/cp2110.ctl", *far = "/tmp/cp2110.far", *log = "/dev/null";
	int option;
	while ((option = getopt(argc, argv, "c:f:l:s:i:n:")) > 0) {
		if (option == 'c')
			path = optarg;
		else if (option == 'f')
			far = optarg;
		else if (option == 'l')
			log = optarg;
		else if (option == 's')
			snprintf(chip.serial, sizeof chip.serial, "%s", optarg);
		else if (option == 'n')
			chip.part = (unsigned)strtoul(optarg, NULL, 16);
		else if (option != 'i' || sscanf(optarg, "%x:%x", &chip.vid, &chip.pid) != 2)
			return 64;
	}
	unlink(path);
	int fifo = mkfifo(path, 0666) == 0 ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	chip.log = fopen(log, "we");
	if (fifo < 0 || !chip.log || open_line(far) < 0) {
		perror("cp2110");
		return 1;
	}
	setlinebuf(chip.log);
	plug();
	return run(fifo);
}
