// SPDX-License-Identifier: MIT
// recording_fuzz.c: any text is read or refused; what was read and is written again reads the same.
#include <stdlib.h>
#include <string.h>

#include "proto/recording.h"

static void must(int ok)
{
	if (!ok)
		abort();
}

static void must_equal(const struct recording *a, const struct recording *b)
{
	must(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct recording_event *x = &a->events[i], *y = &b->events[i];
		must(x->kind == y->kind && x->time == y->time && x->size == y->size && x->signals == y->signals);
		must(x->on == y->on && (x->size == 0 || memcmp(x->data, y->data, x->size) == 0));
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
	struct buf text = { 0 };
	struct recording first, second;
	struct err e;
	must(recording_head(&text, size) == 0 && buf_append(&text, input, size) == 0);
	if (recording_read(&first, buf_data(&text), text.len, &e) == 0) {
		buf_clear(&text);
		must(recording_head(&text, 0) == 0);
		for (size_t i = 0; i < first.count; i++) {
			first.events[i].settings = "9600 8N1";
			must(recording_write(&text, &first.events[i]) == 0);
		}
		must(recording_read(&second, buf_data(&text), text.len, &e) == 0);
		must_equal(&first, &second);
		recording_clear(&first);
		recording_clear(&second);
	}
	buf_clear(&text);
	return 0;
}
