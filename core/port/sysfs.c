// SPDX-License-Identifier: MIT
// sysfs.c: see sysfs.h.
#include "port/sysfs.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *sysfs_attribute(const char *dir, const char *name)
{
	char path[PATH_MAX], line[1024];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	char *got = fgets(line, sizeof line, f);
	int failed = ferror(f);
	fclose(f);
	if (failed)
		return NULL;
	if (!got)
		return strdup("");
	char *end = line + strlen(line);
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = 0;
	char *start = line;
	while (isspace((unsigned char)*start))
		start++;
	return strdup(start);
}

int sysfs_number(const char *dir, const char *name, int base)
{
	char *s = sysfs_attribute(dir, name), *end;
	long n = s ? strtol(s, &end, base) : -1;
	int ok = s && end != s && n >= 0 && n <= INT_MAX;
	free(s);
	return ok ? (int)n : -1;
}
