// SPDX-License-Identifier: MIT
// rfc2217_client_fuzz.c: a server that says anything, to a client with requests under way.
#include "transcript.h"
#include "proto/rfc2217_client.h"

static void note(struct transcript *t, struct rfc2217_client *c, const struct rfc2217_client_event *ev)
{
	if (ev->kind == CLIENT_NOTHING)
		return;
	if (ev->kind == CLIENT_DATA) {
		put(&t->data, ev->data, ev->size);
		return;
	}
	put_number(&t->events, t->data.len);
	put_number(&t->events, ev->kind);
	put_number(&t->events, ev->value);
	put_number(&t->events, c->modem);
	put_number(&t->events, (unsigned long)(rfc2217_client_transparent(c) + 1) * 4 + c->agreed * 2 + c->suspended);
	put_number(&t->events, rfc2217_client_awaits(c));
	put_number(&t->events, rfc2217_client_refused(c));
	if (ev->kind == CLIENT_SIGNATURE)
		put(&t->events, ev->data, ev->size);
	if (ev->kind != CLIENT_ANSWER)
		return;
	must(ev->item < ITEMS && rfc2217_client_item_name(ev->item));
	put_number(&t->events, c->items[ev->item].in_force);
	if (!c->items[ev->item].awaited && t->events.len % 3 == 0)
		rfc2217_client_ask(c, ev->item, c->items[ev->item].in_force ^ 1);
}

static void run(struct transcript *t, const unsigned char *in, size_t n, enum cutting how, unsigned seed, unsigned ask)
{
	struct rfc2217_client c = { 0 };
	rfc2217_client_init(&c, "me");
	for (enum rfc2217_item i = 0; i < ITEMS; i++)
		if (ask >> i % 8 & 1)
			rfc2217_client_ask(&c, i, ask * 5 + i);
	while (n) {
		size_t left = next_piece(how, &seed, n);
		n -= left;
		while (left) {
			struct rfc2217_client_event ev;
			size_t used = rfc2217_client_next(&c, in, left, &ev);
			must(used > 0 && used <= left);
			note(t, &c, &ev);
			in += used;
			left -= used;
		}
	}
	rfc2217_client_repeat(&c);
	rfc2217_client_forget(&c);
	must(rfc2217_client_awaits(&c) == ITEMS && !c.telnet.failed);
	if (c.out.len)
		put(&t->out, buf_data(&c.out), c.out.len);
	rfc2217_client_clear(&c);
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
	return 0;
}
