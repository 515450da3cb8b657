// SPDX-License-Identifier: MIT
// cp2110_fuzz.c: any bytes are a report or none; settings read from one make the same report again, and data
// stays within it.
#include "transcript.h"
#include "proto/cp2110.h"

int LLVMFuzzerTestOneInput(const unsigned char *in, size_t n)
{
	struct cp2110_config c;
	struct cp2110_status s;
	unsigned char report[CP2110_REPORT];
	if (cp2110_get_config(in, n, &c) == 0) {
		cp2110_put_config(report, &c);
		must(!memcmp(report, in, CP2110_CONFIG_SIZE));
	}
	if (cp2110_get_status(in, n, &s) == 0)
		must(s.tx <= 0xffff && s.rx <= 0xffff);
	size_t size = cp2110_get_data(in, n);
	must(size == 0 || size < n);
	if (n) {
		size = cp2110_put_data(report, in, n);
		must(size <= n && cp2110_get_data(report, size + 1) == size && !memcmp(report + 1, in, size));
	}
	return 0;
}
