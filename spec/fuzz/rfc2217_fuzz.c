// SPDX-License-Identifier: MIT
// rfc2217_fuzz.c: the builder of commands and answers: what was built reads back the same.
#include "transcript.h"
#include "proto/rfc2217.h"

int LLVMFuzzerTestOneInput(const unsigned char *in, size_t n)
{
	struct buf wire = { 0 };
	struct telnet t;
	struct telnet_event ev;
	struct rfc2217_message sent = { 0 }, got;
	if (n < 6)
		return 0;
	sent.command = in[0] % RFC2217_COMMANDS;
	sent.server = in[1] & 1;
	if (sent.command == RFC2217_SIGNATURE) {
		sent.text = in + 6;
		sent.size = n - 6;
	} else if (sent.command == RFC2217_SET_BAUDRATE)
		memcpy(&sent.value, in + 2, 4);
	else if (sent.command != RFC2217_FLOWCONTROL_SUSPEND && sent.command != RFC2217_FLOWCONTROL_RESUME)
		sent.value = in[2];
	telnet_init(&t, &wire);
	rfc2217_encode(&t, &sent);
	must(telnet_next(&t, buf_data(&wire), wire.len, &ev) == wire.len && ev.kind == TELNET_SUB);
	must(rfc2217_decode(&ev, &got) == 0);
	must(got.command == sent.command && got.server == sent.server && got.value == sent.value);
	size_t most = TELNET_SUB_MAX - 1, size = sent.size < most ? sent.size : most;
	must(got.size == size && (!size || !memcmp(got.text, sent.text, size)));
	must(rfc2217_name(got.command) && rfc2217_control_name(rfc2217_subject(got.value)));
	char parity = rfc2217_parity_letter(got.value);
	must(!parity || rfc2217_parity_value(parity) == got.value);
	double stopbits = rfc2217_stopbits(got.value);
	must(stopbits == 0 || rfc2217_stopsize(stopbits) == got.value);
	telnet_clear(&t);
	buf_clear(&wire);
	return 0;
}
