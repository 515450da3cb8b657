// SPDX-License-Identifier: MIT
// main.c: usbnull [-f] [-c FIFO] KIND[:SERIAL[:VID:PID]] KIND[:SERIAL[:VID:PID]]
//   KIND   ftdi pl2303 cp210x acm; SERIAL "-": none
//   -f     bytes are not paced by the baud rate
//   -c     where commands are read from (default /tmp/usbnull.ctl), N is 0 or 1:
//          unplug N, plug N [SERIAL], ring N 0|1, cable 0|1, overrun N, quit
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "usbnull.h"

struct end ends[2];
bool cable = true, unpaced;

double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int parse_kind(struct end *d, char *text)
{
	char *rest, *kind = strtok_r(text, ":", &rest), *serial = strtok_r(NULL, ":", &rest);
	char *vid = strtok_r(NULL, ":", &rest), *pid = strtok_r(NULL, ":", &rest);
	d->chip = kind ? chip_find(kind) : NULL;
	if (!d->chip)
		return -1;
	d->vid = vid ? (uint16_t)strtol(vid, NULL, 16) : d->chip->vid;
	d->pid = pid ? (uint16_t)strtol(pid, NULL, 16) : d->chip->pid;
	if (!serial)
		snprintf(d->serial, sizeof d->serial, "NULL%04d", d->index + 1);
	else if (strcmp(serial, "-") != 0)
		snprintf(d->serial, sizeof d->serial, "%s", serial);
	return 0;
}

static void command(const char *line)
{
	char verb[16], serial[64];
	int a = 0, b = 0, n = sscanf(line, "%15s %d %d", verb, &a, &b);
	struct end *d = &ends[a == 1];
	if (n < 1)
		return;
	if (!strcmp(verb, "quit"))
		exit(0);
	else if (!strcmp(verb, "unplug"))
		usb_unplug(d);
	else if (!strcmp(verb, "plug")) {
		if (sscanf(line, "%*s %*d %63s", serial) == 1)
			strcpy(d->serial, serial);
		if (usb_plug(d) < 0)
			fprintf(stderr, "usbnull: cannot plug %d\n", d->index);
	} else if (!strcmp(verb, "ring"))
		d->ring = b;
	else if (!strcmp(verb, "cable"))
		cable = a;
	else if (!strcmp(verb, "overrun"))
		d->overrun = true;
	else
		fprintf(stderr, "usbnull: what is \"%s\"?\n", line);
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

/* Answers what can be answered and moves what is due; returns when to look again. */
static double work(void)
{
	double time = now(), when = time + 3600;
	for (int round = 0; round < 2; round++) {               /* twice: answers make room, inputs change */
		for (int i = 0; i < 2; i++) {
			double next = wire_step(&ends[i], time);
			when = next < when ? next : when;
		}
		for (int i = 0; i < 2; i++)
			if (ends[i].sock >= 0)
				ends[i].chip->answer(&ends[i]);
	}
	return when;
}

static int run(int fifo)
{
	for (;;) {
		double pause = work() - now();
		pause = pause < 0 ? 0 : pause;
		struct timespec t = { (time_t)pause, (long)((pause - (double)(time_t)pause) * 1e9) };
		struct pollfd fds[3] = { { ends[0].sock, POLLIN, 0 }, { ends[1].sock, POLLIN, 0 }, { fifo, POLLIN, 0 } };
		if (ppoll(fds, 3, &t, NULL) < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < 2; i++)
			if (ends[i].sock >= 0 && fds[i].fd == ends[i].sock && fds[i].revents)
				usb_serve(&ends[i]);
		if (fds[2].revents)
			read_commands(fifo);
	}
}

int main(int argc, char **argv)
{
	const char *path = "/tmp/usbnull.ctl";
	int option;
	while ((option = getopt(argc, argv, "fc:")) > 0) {
		if (option == 'f')
			unpaced = true;
		else if (option == 'c')
			path = optarg;
		else
			return 64;
	}
	for (int i = 0; i < 2; i++) {
		ends[i].index = i;
		ends[i].sock = -1;
		if (argc - optind != 2 || parse_kind(&ends[i], argv[optind + i]) < 0) {
			fprintf(stderr, "usbnull [-f] [-c FIFO] KIND[:SERIAL[:VID:PID]] KIND[:SERIAL[:VID:PID]]\n");
			return 64;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	unlink(path);
	int fifo = mkfifo(path, 0666) == 0 ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	if (fifo < 0 || usb_plug(&ends[0]) < 0 || usb_plug(&ends[1]) < 0) {
		perror("usbnull");
		return 1;
	}
	return run(fifo);
}
