// SPDX-License-Identifier: MIT
// distance.c: see distance.h.
#include "base/distance.h"

#include <ctype.h>
#include <string.h>

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

int distance(const char *a, const char *b)
{
	int row[DISTANCE_NAME + 1];
	size_t la = strnlen(a, DISTANCE_NAME), lb = strnlen(b, DISTANCE_NAME);
	for (size_t j = 0; j <= lb; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= la; i++) {
		int diagonal = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= lb; j++) {
			int same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			int here = min3(row[j] + 1, row[j - 1] + 1, diagonal + !same);
			diagonal = row[j];
			row[j] = here;
		}
	}
	return row[lb];
}
