// SPDX-License-Identifier: MIT
// escape_fuzz.c: what escape_bytes writes is one line of ASCII and comes back as it was; what
// escape_terminal lets through has no control byte; unescape survives any text.
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

static void must(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
	struct buf text = { 0 }, bytes = { 0 }, shown = { 0 };
	struct err e;
	must(escape_bytes(&text, input, size) == 0);
	for (size_t i = 0; i < text.len; i++)
		must(buf_data(&text)[i] >= ' ' && buf_data(&text)[i] < 127);
	must(unescape(&bytes, text.len ? buf_data(&text) : "", text.len, &e) == 0);
	must(bytes.len == size && (size == 0 || memcmp(buf_data(&bytes), input, size) == 0));
	must(escape_terminal(&shown, input, size) == 0);
	for (size_t i = 0; i < shown.len; i++) {
		unsigned char c = (unsigned char)buf_data(&shown)[i];
		must(c >= ' ' && c != 127);
		must(c != 0xc2 || (unsigned char)buf_data(&shown)[i + 1] >= 0xa0);
	}
	buf_clear(&bytes);
	if (unescape(&bytes, (const char *)input, size, &e) == 0)
		must(bytes.len <= size);
	buf_clear(&text);
	buf_clear(&bytes);
	buf_clear(&shown);
	return 0;
}
