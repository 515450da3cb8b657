// SPDX-License-Identifier: MIT
// nearest.c: list_nearest of list.h: the names most like one that is not
// there, by edit distance.
#include "port/list.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/distance.h"

enum { NEAREST = 3, NAME = DISTANCE_NAME };

struct candidates {
	struct { char path[NAME]; int distance; } best[NEAREST];
	int count, total;
};

/* Keeps the best, equal ones in the order in which they came. */
static void add(struct candidates *c, const char *path, const char *wanted)
{
	int d = distance(path, wanted), at = c->count < NEAREST ? c->count : NEAREST;
	c->total++;
	while (at > 0 && c->best[at - 1].distance > d) {
		if (at < NEAREST)
			c->best[at] = c->best[at - 1];
		at--;
	}
	if (at == NEAREST)
		return;
	snprintf(c->best[at].path, NAME, "%s", path);
	c->best[at].distance = d;
	if (c->count < NEAREST)
		c->count++;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return list_compare((*a)->d_name, (*b)->d_name);
}

/* The devices in the folder of `wanted`: links of /dev/serial/by-id, of a pty. */
static void add_folder(struct candidates *c, const char *wanted, const char *dev)
{
	char dir[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	const char *slash = strrchr(wanted, '/');
	if (!slash || slash == wanted)
		return;
	snprintf(dir, sizeof dir, "%.*s", (int)(slash - wanted), wanted);
	if (strcmp(dir, dev) == 0)      /* everything lies in /dev: there only the ports count */
		return;
	struct dirent **names;
	int n = scandir(dir, &names, NULL, by_name);
	for (int i = 0; i < n; i++) {
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		if (stat(path, &st) == 0 && S_ISCHR(st.st_mode))
			add(c, path, wanted);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

void list_nearest(const char *path, const struct list_roots *roots, char *text, size_t size)
{
	struct candidates c = { .count = 0 };
	struct list l;
	add_folder(&c, path, roots && roots->dev ? roots->dev : "/dev");
	if (!c.count && list_scan(&l, roots, NULL) == 0) {
		for (size_t i = 0; i < l.count; i++)
			add(&c, l.ports[i].device, path);
		list_clear(&l);
	}
	if (!c.count) {
		snprintf(text, size, "; this machine has no serial ports");
		return;
	}
	int n = snprintf(text, size, "; nearest: ");
	for (int i = 0; i < c.count && n > 0 && (size_t)n < size; i++)
		n += snprintf(text + n, size - (size_t)n, "%s%s", i ? ", " : "", c.best[i].path);
	if (c.total > c.count && n > 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, " (and %d more)", c.total - c.count);
}
