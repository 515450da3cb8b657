// SPDX-License-Identifier: MIT
// telnet_fuzz.c: the same events and answers whatever the pieces; what is said reads back as it was.
#include "transcript.h"
#include "proto/telnet.h"

static void note(struct transcript *t, const struct telnet_event *ev)
{
	if (ev->kind == TELNET_NOTHING)
		return;
	if (ev->kind == TELNET_DATA) {
		must(ev->size > 0);
		put(&t->data, ev->data, ev->size);
		return;
	}
	put_number(&t->events, t->data.len);
	put_number(&t->events, ev->kind);
	put_number(&t->events, ev->code);
	put_number(&t->events, (unsigned long)ev->ours * 4 + ev->on * 2 + ev->cut);
	if (ev->kind == TELNET_SUB && ev->size)
		put(&t->events, ev->data, ev->size);
	must(ev->size <= TELNET_SUB_MAX);
}

static void run(struct transcript *t, const unsigned char *in, size_t n, enum cutting how, unsigned seed, int offers)
{
	struct telnet telnet;
	telnet_init(&telnet, &t->out);
	for (int i = 0; i < TELNET_OPTIONS; i++) {
		telnet_want(&telnet, telnet.options[i].code, true, offers & 1 << i);
		telnet_want(&telnet, telnet.options[i].code, false, offers & 8 << i);
	}
	while (n) {
		size_t left = next_piece(how, &seed, n);
		n -= left;
		while (left) {
			struct telnet_event ev;
			size_t used = telnet_next(&telnet, in, left, &ev);
			must(used > 0 && used <= left);
			note(t, &ev);
			in += used;
			left -= used;
		}
	}
	must(!telnet.failed);
	telnet_clear(&telnet);
}

static void read_back(const unsigned char *in, size_t n, bool nvt)
{
	struct buf wire = { 0 };
	struct transcript t = { 0 };
	struct telnet say, hear;
	telnet_init(&say, &wire);
	telnet_init(&hear, &t.out);
	if (!nvt) {
		say.options[0].us = TELNET_YES;
		hear.options[0].them = TELNET_YES;
	}
	must(!telnet_plain(&say, in, n) || !memchr(in, TELNET_IAC, n));
	telnet_data(&say, in, n);
	for (size_t at = 0; at < wire.len;) {
		struct telnet_event ev;
		at += telnet_next(&hear, buf_data(&wire) + at, wire.len - at, &ev);
		must(ev.kind == TELNET_DATA || ev.kind == TELNET_NOTHING);
		note(&t, &ev);
	}
	must(t.data.len == n && !memcmp(buf_data(&t.data), in, n));
	transcript_clear(&t);
	buf_clear(&wire);
}

static void sub_reads_back(const unsigned char *in, size_t n)
{
	struct buf wire = { 0 };
	struct telnet t;
	struct telnet_event ev;
	n = n < TELNET_SUB_MAX ? n : TELNET_SUB_MAX;
	telnet_init(&t, &wire);
	telnet_sub(&t, TELNET_COM_PORT, in, n);
	must(telnet_next(&t, buf_data(&wire), wire.len, &ev) == wire.len);
	must(ev.kind == TELNET_SUB && ev.code == TELNET_COM_PORT && !ev.cut && ev.size == n && !memcmp(ev.data, in, n));
	telnet_clear(&t);
	buf_clear(&wire);
}

int LLVMFuzzerTestOneInput(const unsigned char *in, size_t n)
{
	if (n < 2)
		return 0;
	struct transcript t[CUTTINGS] = { 0 };
	for (enum cutting how = WHOLE; how < CUTTINGS; how++)
		run(&t[how], in + 2, n - 2, how, in[0], in[1]);
	transcripts_must_be_same(&t[WHOLE], &t[BYTEWISE]);
	transcripts_must_be_same(&t[WHOLE], &t[RANDOM]);
	for (enum cutting how = WHOLE; how < CUTTINGS; how++)
		transcript_clear(&t[how]);
	if (n > 2) {
		read_back(in + 2, n - 2, false);
		read_back(in + 2, n - 2, true);
		sub_reads_back(in + 2, n - 2);
	}
	return 0;
}
