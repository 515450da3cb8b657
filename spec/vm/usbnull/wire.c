// SPDX-License-Identifier: MIT
// wire.c: the null-modem cable.  RTS->CTS, DTR->DSR+DCD.  A character is a
// waveform which the receiver samples by its own settings, so that a wrong
// rate, parity or stop bit gives the errors it gives on a bench.
#include <string.h>

#include "usbnull.h"

static struct end *peer(const struct end *d) { return &ends[!d->index]; }

int wire_inputs(const struct end *d)
{
	const struct end *p = peer(d);
	int in = d->ring ? IN_RI : 0;
	if (!cable || p->sock < 0)
		return in;
	return in | (p->rts && !p->hold ? IN_CTS : 0) | (p->dtr ? IN_DSR | IN_DCD : 0);
}

void wire_drop_rx(struct end *d, int n)
{
	d->rx_count -= n;
	memmove(d->rx, d->rx + n, (size_t)d->rx_count * sizeof *d->rx);
}

static void receive(struct end *d, int byte, int wrong)
{
	if (d->sock < 0)
		return;
	if (d->rx_count == RX_FIFO) {
		d->overrun = true;
		return;
	}
	d->rx[d->rx_count].byte = (uint8_t)byte;
	d->rx[d->rx_count++].wrong = (uint8_t)(wrong | (d->overrun ? RX_OVERRUN : 0));
	d->overrun = false;
}

/* A break reaches the other end as one zero byte after a character's time. */
void wire_break(struct end *d, bool on)
{
	if (on && !d->breaking) {
		d->break_at = now() + 11.0 / d->baud;
		d->break_sent = false;
	}
	d->breaking = on;
}

static int parity_bit(int parity, int bits, int byte)
{
	int odd = __builtin_parity((unsigned)byte & ((1u << bits) - 1));
	return parity == PARITY_ODD ? !odd : parity == PARITY_EVEN ? odd : parity == PARITY_MARK;
}

static double frame_time(const struct end *d)
{
	return (double)(1 + d->bits + (d->parity != PARITY_NONE) + (d->two_stops ? 2 : 1)) / d->baud;
}

struct waveform {
	int level[16];
	double bit, end;        /* seconds */
};

static struct waveform transmit(const struct end *d, int byte)
{
	struct waveform w = { .bit = 1.0 / d->baud };
	int n = 0;
	w.level[n++] = 0;
	for (int i = 0; i < d->bits; i++)
		w.level[n++] = byte >> i & 1;
	if (d->parity != PARITY_NONE)
		w.level[n++] = parity_bit(d->parity, d->bits, byte);
	w.level[n++] = 1;
	if (d->two_stops)
		w.level[n++] = 1;
	w.end = n * w.bit;
	return w;
}

static int level(const struct waveform *w, double t)
{
	return t >= w->end ? 1 : w->level[(int)(t / w->bit)];
}

/* One character from the middle of its start bit; returns where its stop bit was sampled. */
static double sample(struct end *d, const struct waveform *w, double start)
{
	double bit = 1.0 / d->baud;
	int byte = 0, wrong = 0, k = d->bits + 1, any = 0;
	for (int i = 0; i < d->bits; i++)
		byte |= level(w, start + (i + 1) * bit) << i;
	any = byte;
	if (d->parity != PARITY_NONE) {
		int got = level(w, start + k++ * bit);
		any |= got;
		wrong |= got != parity_bit(d->parity, d->bits, byte) ? RX_PARITY : 0;
	}
	if (!level(w, start + k * bit))
		wrong = any ? wrong | RX_FRAMING : RX_BREAK | RX_FRAMING;
	receive(d, byte, wrong);
	return start + k * bit;
}

static void carry(const struct end *from, int byte)
{
	struct end *to = peer(from);
	if (!cable || to->sock < 0)
		return;
	struct waveform w = transmit(from, byte);
	double t = 0, fine = w.bit / 8, half = 0.5 / to->baud;
	for (int guard = 0; guard < 64; guard++) {
		while (t < w.end && level(&w, t))                /* a falling edge starts a frame */
			t += fine;
		if (t >= w.end)
			return;
		if (level(&w, t + half)) {                       /* a spike, no start bit */
			t += half;
			continue;
		}
		t = sample(to, &w, t + half);
		while (t < w.end && !level(&w, t))               /* after a bad stop bit the line has to rise */
			t += fine;
	}
}

/* From USB into the transmit FIFO; a full FIFO holds the request. */
static void fill_fifo(struct end *d, double time)
{
	while (d->out.count && d->tx_count < TX_FIFO) {
		struct request *r = &d->out.r[0];
		int n = r->size - r->done < TX_FIFO - d->tx_count ? r->size - r->done : TX_FIFO - d->tx_count;
		if (!d->tx_count && d->next < time)
			d->next = time;
		memcpy(d->tx + d->tx_count, r->data + r->done, (size_t)n);
		d->tx_count += n;
		r->done += n;
		if (r->done < r->size)
			return;
		usb_answer(d, &d->out, NULL, r->size);
	}
}

double wire_step(struct end *d, double time)
{
	double when = time + 3600;
	struct end *to = peer(d);
	if (d->sock < 0)
		return when;
	if (d->breaking && !d->break_sent && d->break_at <= time && cable) {
		d->break_sent = true;
		receive(to, 0, RX_BREAK | RX_FRAMING);
	}
	if (d->breaking && !d->break_sent)
		when = d->break_at;
	d->hold = d->rtscts && d->rx_count > RX_FIFO / 2;
	double latest = time - 0.005 - frame_time(d);            /* when this program was late, no burst follows */
	d->next = d->next < latest ? latest : d->next;
	for (;;) {
		fill_fifo(d, time);
		if (!d->tx_count || d->breaking || (d->rtscts && !(wire_inputs(d) & IN_CTS)))
			return when;
		double end = d->next + frame_time(d);
		if (!unpaced && end > time)
			return end < when ? end : when;
		/* A kernel that drains slowly (the machine is emulated) is no overrun: time stands still for it.
		 * One that has not asked for 50 ms (port closed, or throttled) does overrun. */
		if (to->rx_count > RX_FIFO - 16 && time - to->polled < 0.05) {
			d->next = time;
			return time + 0.0005;
		}
		carry(d, d->tx[0]);
		memmove(d->tx, d->tx + 1, (size_t)--d->tx_count);
		d->next = unpaced ? time : end;
	}
}
