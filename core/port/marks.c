// SPDX-License-Identifier: MIT
// marks.c: see marks.h.
#include "port/marks.h"

#include "port/port.h"

size_t marks_decode(struct marks *m, char *data, size_t n, struct port_errors *errors)
{
	size_t left = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];
		if (m->seen == 2) {
			*(c == 0 ? &errors->breaks : m->parity ? &errors->parity : &errors->framing) += 1;
			m->seen = 0;
		} else if (m->seen == 1 && c == 0) {
			m->seen = 2;
			continue;
		} else if (m->seen == 0 && c == 0xff) {
			m->seen = 1;
			continue;
		} else
			m->seen = 0;
		data[left++] = data[i];
	}
	return left;
}
