// SPDX-License-Identifier: MIT
// rfc2217_server_fuzz.c: a client that says anything: the same requests and answers whatever the pieces; nothing of
// the option before it is agreed to.
#include "transcript.h"
#include "proto/rfc2217_server.h"

static void note(struct transcript *t, struct rfc2217_server *s, const struct rfc2217_server_event *ev)
{
	const struct rfc2217_message *m = &ev->message;
	if (ev->kind == SERVER_NOTHING)
		return;
	if (ev->kind == SERVER_DATA) {
		put(&t->data, ev->data, ev->size);
		return;
	}
	put_number(&t->events, t->data.len);
	put_number(&t->events, ev->kind);
	put_number(&t->events, (unsigned long)s->agreed * 2 + s->suspended);
	if (ev->kind == SERVER_SIGNATURE && m->size)
		put(&t->events, m->text, m->size);
	if (ev->kind != SERVER_ASKED)
		return;
	must(s->agreed && !m->server);
	put_number(&t->events, m->command);
	put_number(&t->events, m->value);
	if (m->command == RFC2217_SIGNATURE)
		rfc2217_server_sign(s, "a\xff" "b");
	else
		rfc2217_server_answer(s, m, m->value ^ 0xff00ff);
	rfc2217_server_modem(s, (m->value * 37) & 0xf0);
	rfc2217_server_line(s, m->value & 0x60, m->value & 0x1e);
}

static void run(struct transcript *t, const unsigned char *in, size_t n, enum cutting how, unsigned seed)
{
	struct rfc2217_server s;
	rfc2217_server_init(&s);
	while (n) {
		size_t left = next_piece(how, &seed, n);
		n -= left;
		while (left) {
			struct rfc2217_server_event ev;
			size_t used = rfc2217_server_next(&s, in, left, &ev);
			must(used > 0 && used <= left);
			note(t, &s, &ev);
			in += used;
			left -= used;
		}
	}
	must(!s.telnet.failed);
	if (s.out.len)
		put(&t->out, buf_data(&s.out), s.out.len);
	rfc2217_server_clear(&s);
}

int LLVMFuzzerTestOneInput(const unsigned char *in, size_t n)
{
	if (n < 1)
		return 0;
	struct transcript t[CUTTINGS] = { 0 };
	for (enum cutting how = WHOLE; how < CUTTINGS; how++)
		run(&t[how], in + 1, n - 1, how, in[0]);
	transcripts_must_be_same(&t[WHOLE], &t[BYTEWISE]);
	transcripts_must_be_same(&t[WHOLE], &t[RANDOM]);
	for (enum cutting how = WHOLE; how < CUTTINGS; how++)
		transcript_clear(&t[how]);
	return 0;
}
