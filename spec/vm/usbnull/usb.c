// SPDX-License-Identifier: MIT
// usb.c: the USB side of an adapter: USB/IP's messages (the kernel's
// Documentation/usb/usbip_protocol.rst) on a socket whose other end is given
// to vhci_hcd, and the standard requests of USB 2.0 chapter 9.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usbnull.h"

enum { SUBMIT = 1, UNLINK = 2, RET_SUBMIT = 3, RET_UNLINK = 4 };
enum { GET_STATUS = 0, GET_DESCRIPTOR = 6, GET_CONFIGURATION = 8, GET_INTERFACE = 10 };
enum { DESCRIPTOR_DEVICE = 1, DESCRIPTOR_CONFIGURATION = 2, DESCRIPTOR_STRING = 3 };

struct header {
	uint32_t command, seq, devid, direction, endpoint;
	union {
		uint32_t word[7];
		struct { uint32_t flags, size, start, packets, interval; uint8_t setup[8]; } submit;
	} u;
};

static int send_all(int fd, const void *data, size_t n)
{
	return send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;       /* blocking, so all or an error */
}

static int receive_all(int fd, void *data, size_t n)
{
	return recv(fd, data, n, MSG_WAITALL) == (ssize_t)n ? 0 : -1;
}

/* ---- queues ------------------------------------------------------------------------------ */

static void drop_request(struct queue *q, int i)
{
	free(q->r[i].data);
	q->count--;
	memmove(&q->r[i], &q->r[i + 1], (size_t)(q->count - i) * sizeof *q->r);
}

static void add_request(struct queue *q, uint32_t seq, int size, uint8_t *data)
{
	if (q->count == REQUESTS)
		free(data);
	else
		q->r[q->count++] = (struct request){ .seq = seq, .size = size, .data = data };
}

void usb_answer(struct end *d, struct queue *q, const void *data, int size)
{
	uint32_t seq = q->r[0].seq;
	drop_request(q, 0);
	usb_reply(d, seq, 0, data, size, data == NULL);
}

void usb_reply(struct end *d, uint32_t seq, int status, const void *data, int size, bool out)
{
	struct header h = { .command = htonl(RET_SUBMIT), .seq = htonl(seq) };
	h.u.word[0] = htonl((uint32_t)status);
	h.u.word[1] = htonl((uint32_t)size);
	if (d->sock < 0)
		return;
	if (send_all(d->sock, &h, sizeof h) < 0 || (!out && size > 0 && send_all(d->sock, data, (size_t)size) < 0))
		usb_unplug(d);
}

/* ---- plugs ------------------------------------------------------------------------------- */

void usb_unplug(struct end *d)
{
	if (d->sock >= 0)
		close(d->sock);
	d->sock = -1;
	for (struct queue *const *q = (struct queue *const[]){ &d->in, &d->out, &d->notify, NULL }; *q; q++)
		while ((*q)->count)
			drop_request(*q, 0);
	d->dtr = d->rts = d->breaking = d->rtscts = d->overrun = d->told_error = false;
	d->tx_count = d->rx_count = 0;
	d->told = -1;
}

/* A port that was just let go may be busy for a moment. */
static int attach(const struct end *d, int sock, int port)
{
	char line[64];
	int n = snprintf(line, sizeof line, "%d %d %u 2", port, sock, d->devid);
	for (int attempt = 0; attempt < 20; attempt++) {
		int fd = open("/sys/devices/platform/vhci_hcd.0/attach", O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		int done = write(fd, line, (size_t)n) == n;
		close(fd);
		if (done)
			return 0;
		usleep(50000);
	}
	return -1;
}

int usb_plug(struct end *d)
{
	static uint32_t generation = 1;
	int pair[2];
	if (d->sock >= 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	usb_unplug(d);
	d->baud = 9600;
	d->bits = 8;
	d->parity = PARITY_NONE;
	d->two_stops = false;
	d->line_control = 0x800;
	d->escape = 0;
	d->devid = 1 << 16 | ++generation;
	for (int port = d->index; port < 8; port += 2)
		if (attach(d, pair[0], port) == 0) {
			close(pair[0]);
			d->sock = pair[1];
			return 0;
		}
	close(pair[0]);
	close(pair[1]);
	return -1;
}

/* ---- standard requests ------------------------------------------------------------------- */

static int string_descriptor(const char *s, uint8_t *reply)
{
	int n = (int)strlen(s);
	reply[0] = (uint8_t)(2 + 2 * n);
	reply[1] = DESCRIPTOR_STRING;
	for (int i = 0; i < n; i++) {
		reply[2 + 2 * i] = (uint8_t)s[i];
		reply[3 + 2 * i] = 0;
	}
	return reply[0];
}

static int device_descriptor(const struct end *d, uint8_t *reply)
{
	const struct chip *c = d->chip;
	const uint8_t bytes[18] = { 18, DESCRIPTOR_DEVICE, (uint8_t)c->usb, (uint8_t)(c->usb >> 8), c->device_class, 0, 0, 64,
		(uint8_t)d->vid, (uint8_t)(d->vid >> 8), (uint8_t)d->pid, (uint8_t)(d->pid >> 8),
		(uint8_t)c->version, (uint8_t)(c->version >> 8), 1, 2, d->serial[0] ? 3 : 0, 1 };
	memcpy(reply, bytes, sizeof bytes);
	return sizeof bytes;
}

static int get_descriptor(const struct end *d, int type, int index, uint8_t *reply)
{
	const char *const strings[] = { NULL, d->chip->manufacturer, d->chip->product, d->serial };
	const uint8_t *configuration = d->chip->configuration;
	switch (type) {
	case DESCRIPTOR_DEVICE:
		return device_descriptor(d, reply);
	case DESCRIPTOR_CONFIGURATION:
		memcpy(reply, configuration, configuration[2]);
		return configuration[2];
	case DESCRIPTOR_STRING:
		if (index == 0)
			return memcpy(reply, "\x04\x03\x09\x04", 4), 4;          /* English */
		return index <= 3 ? string_descriptor(strings[index], reply) : -1;
	default:
		return -1;
	}
}

static int standard(const struct end *d, const uint8_t *setup, uint8_t *reply)
{
	switch (setup[1]) {
	case GET_DESCRIPTOR:
		return get_descriptor(d, setup[3], setup[2], reply);
	case GET_STATUS:
		reply[0] = reply[1] = 0;
		return 2;
	case GET_CONFIGURATION:
		reply[0] = 1;
		return 1;
	case GET_INTERFACE:
		reply[0] = 0;
		return 1;
	default:
		return 0;
	}
}

/* ---- messages ---------------------------------------------------------------------------- */

static void control(struct end *d, uint32_t seq, const uint8_t *setup, const uint8_t *data, int size, bool in)
{
	uint8_t reply[REPLY_MAX];
	int wanted = setup[6] | setup[7] << 8;
	int n = setup[0] & 0x60 ? d->chip->control(d, setup, data, size, reply) : standard(d, setup, reply);
	int status = n < 0 ? -EPIPE : 0;
	if (!in)
		n = n < 0 ? 0 : size;
	else {
		n = n < 0 ? 0 : n;
		n = n > wanted ? wanted : n;
		n = n > size ? size : n;
	}
	usb_reply(d, seq, status, reply, n, !in);
}

static void unlink_request(struct end *d, uint32_t seq, uint32_t victim)
{
	struct header h = { .command = htonl(RET_UNLINK), .seq = htonl(seq) };
	for (struct queue *const *q = (struct queue *const[]){ &d->in, &d->out, &d->notify, NULL }; *q; q++)
		for (int i = 0; i < (*q)->count; i++)
			if ((*q)->r[i].seq == victim) {
				drop_request(*q, i--);
				h.u.word[0] = htonl((uint32_t)-ECONNRESET);
			}
	if (send_all(d->sock, &h, sizeof h) < 0)
		usb_unplug(d);
}

static void submitted(struct end *d, uint32_t seq, int endpoint, bool in, int size, uint8_t *data)
{
	if (!in && size == 0)
		usb_reply(d, seq, 0, NULL, 0, true);
	else if (!in)
		add_request(&d->out, seq, size, data);
	else if (endpoint == d->chip->notify) {
		if (!d->notify.count && d->told == -1)
			d->tell_again = true;
		add_request(&d->notify, seq, size, NULL);
	} else {
		d->polled = now();
		add_request(&d->in, seq, size, NULL);
	}
}

void usb_serve(struct end *d)
{
	struct header h;
	if (receive_all(d->sock, &h, sizeof h) < 0) {
		usb_unplug(d);
		return;
	}
	uint32_t seq = ntohl(h.seq);
	if (ntohl(h.command) == UNLINK) {
		unlink_request(d, seq, ntohl(h.u.word[0]));
		return;
	}
	bool in = ntohl(h.direction);
	int endpoint = (int)ntohl(h.endpoint), size = (int)ntohl(h.u.submit.size);
	uint8_t *data = NULL;
	if (!in && size > 0) {
		data = malloc((size_t)size);
		if (!data || receive_all(d->sock, data, (size_t)size) < 0) {
			free(data);
			usb_unplug(d);
			return;
		}
	}
	if (endpoint) {
		submitted(d, seq, endpoint, in, size, data);
		return;
	}
	control(d, seq, h.u.submit.setup, data, size, in);
	free(data);
}
