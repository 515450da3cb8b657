// SPDX-License-Identifier: MIT
// hidraw.c: see hidraw.h.  What a HID device is stands in its uevent (HID_ID and the like).
#include "port/hidraw.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "port/sysfs.h"

enum { SILABS = 0x10c4, CP2110 = 0xea80, CP2114 = 0xeab0 };

static const char *sysfs_root(const struct list_roots *r) { return r && r->sysfs ? r->sysfs : "/sys"; }
static const char *dev_root(const struct list_roots *r) { return r && r->dev ? r->dev : "/dev"; }

bool hidraw_is_cp2110(const struct hidraw *h)
{
	return h->vid == SILABS && (h->pid == CP2110 || h->pid == CP2114);
}

/* Cuts what is longer. */
static void keep(char *to, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);
	memcpy(to, text, n);
	to[n] = 0;
}

static void take_line(struct hidraw *h, bool *known, const char *line)
{
	if (sscanf(line, "HID_ID=%*x:%x:%x", &h->vid, &h->pid) == 2)
		*known = true;
	else if (!strncmp(line, "HID_UNIQ=", 9))
		keep(h->serial, sizeof h->serial, line + 9);
	else if (!strncmp(line, "HID_NAME=", 9))
		keep(h->product, sizeof h->product, line + 9);
	else if (!strncmp(line, "HID_PHYS=", 9))
		keep(h->place, sizeof h->place, line + 9);
}

/* What the USB interface above the HID device tells. */
static void read_usb(struct hidraw *h, const char *device)
{
	char above[PATH_MAX];
	snprintf(above, sizeof above, "%s", device);
	char *slash = strrchr(above, '/');
	if (slash)
		*slash = 0;
	h->interface = sysfs_number(above, "bInterfaceNumber", 16);
	slash = strrchr(above, '/');
	if (slash)
		*slash = 0;
	h->bus = sysfs_number(above, "busnum", 10);
	h->device = sysfs_number(above, "devnum", 10);
}

int hidraw_read(struct hidraw *h, const struct list_roots *roots, const char *name)
{
	char path[PATH_MAX], device[PATH_MAX], line[512];
	bool known = false;
	*h = (struct hidraw){ .bus = -1, .device = -1, .interface = -1 };
	keep(h->name, sizeof h->name, name);
	snprintf(path, sizeof path, "%s/class/hidraw/%s/device", sysfs_root(roots), name);
	if (!realpath(path, device))
		return -1;
	snprintf(path, sizeof path, "%s/class/hidraw/%s/device/uevent", sysfs_root(roots), name);
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		take_line(h, &known, line);
	}
	fclose(f);
	read_usb(h, device);
	return known ? 0 : -1;
}

static int compare(const void *a, const void *b)
{
	return list_compare(((const struct hidraw *)a)->name, ((const struct hidraw *)b)->name);
}

int hidraw_scan(struct hidraw_list *l, const struct list_roots *roots, struct err *e)
{
	char path[PATH_MAX];
	*l = (struct hidraw_list){ 0 };
	snprintf(path, sizeof path, "%s/class/hidraw", sysfs_root(roots));
	DIR *dir = opendir(path);
	if (!dir)
		return 0;
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		struct hidraw *more = realloc(l->nodes, (l->count + 1) * sizeof *more);
		if (!more) {
			closedir(dir);
			hidraw_clear(l);
			return err_set(e, ERR_SYSTEM, "no memory for the list of HID devices");
		}
		l->nodes = more;
		l->count += hidraw_read(&l->nodes[l->count], roots, entry->d_name) == 0;
	}
	closedir(dir);
	if (l->count)
		qsort(l->nodes, l->count, sizeof *l->nodes, compare);
	return 0;
}

void hidraw_clear(struct hidraw_list *l)
{
	free(l->nodes);
	*l = (struct hidraw_list){ 0 };
}

/* ---- which one ---------------------------------------------------------------------------- */

struct wanted {
	const char *rest;     /* as written */
	int given;            /* parts: 0..3 */
	unsigned vid, pid;
	const char *serial;
	bool bus_form;        /* it may be BUS:DEV:IF as well, the last in `interface` */
	int interface;
};

/* A hexadecimal number of at most four digits up to ':' or the end; *s goes behind it. */
static int take_hex(const char **s, unsigned *out, size_t *digits)
{
	size_t n = 0;
	*out = 0;
	for (; isxdigit((unsigned char)(*s)[n]); n++) {
		int c = tolower((unsigned char)(*s)[n]);
		*out = *out * 16 + (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);
		if (n == 4)
			return -1;
	}
	*digits = n;
	*s += n;
	if (n == 0 || (**s && **s != ':'))
		return -1;
	*s += **s == ':';
	return 0;
}

static int parse(struct wanted *w, const char *rest, struct err *e)
{
	const char *s = rest;
	size_t first = 0, second = 0;
	*w = (struct wanted){ .rest = rest };
	if (*s && ++w->given && take_hex(&s, &w->vid, &first) < 0)
		goto fail;
	if (*s && ++w->given && take_hex(&s, &w->pid, &second) < 0)
		goto fail;
	if (*s) {
		w->given++;
		w->serial = s;
		w->bus_form = first == 4 && second == 4 && strlen(s) == 2 && isxdigit((unsigned char)s[0]) &&
			isxdigit((unsigned char)s[1]);
		w->interface = w->bus_form ? (int)strtol(s, NULL, 16) : -1;
	}
	return 0;
fail:
	return err_set(e, ERR_UNSUPPORTED, "cp2110://%s: expected cp2110:///dev/hidrawN, cp2110://VID:PID:SERIAL (numbers in "
		"hexadecimal, as 10c4:ea80; parts may be left out from the right), or cp2110:// for the only one", rest);
}

static bool matches(const struct wanted *w, const struct hidraw *h)
{
	if (w->bus_form && h->bus == (int)w->vid && h->device == (int)w->pid && h->interface == w->interface)
		return true;
	if (w->given < 2)       /* that vendor makes other HID devices too */
		return w->given && w->vid != SILABS ? h->vid == w->vid : hidraw_is_cp2110(h);
	return h->vid == w->vid && h->pid == w->pid && (!w->serial || !strcasecmp(w->serial, h->serial));
}

/* The CP2110s, or those that match, as URLs would name them. */
static void add_names(const struct hidraw_list *l, const struct wanted *w, const struct list_roots *roots, struct err *e)
{
	int named = 0;
	for (size_t i = 0; i < l->count; i++) {
		const struct hidraw *h = &l->nodes[i];
		if (w ? !matches(w, h) : !hidraw_is_cp2110(h))
			continue;
		err_add(e, "%s%04x:%04x%s%s (%s/%s)", named++ ? ", " : "", h->vid, h->pid, *h->serial ? ":" : "", h->serial,
			dev_root(roots), h->name);
	}
	if (!named)
		err_add(e, "none");
}

static int choose(const struct hidraw_list *l, const struct wanted *w, const struct list_roots *roots, char *path,
	size_t size, struct err *e)
{
	const struct hidraw *found = NULL;
	size_t count = 0;
	for (size_t i = 0; i < l->count; i++)
		if (matches(w, &l->nodes[i])) {
			found = &l->nodes[i];
			count++;
		}
	if (count == 1) {
		snprintf(path, size, "%s/%s", dev_root(roots), found->name);
		return 0;
	}
	if (count) {
		err_set(e, ERR_UNSUPPORTED, "cp2110://%s: %zu devices match; write the serial number or the path of one: ", w->rest,
			count);
		add_names(l, w, roots, e);
		return -1;
	}
	err_set(e, ERR_NOT_FOUND, "cp2110://%s: no such device is plugged in; CP2110s there: ", w->rest);
	add_names(l, NULL, roots, e);
	return w->given < 2 ? err_add(e, "; one with numbers of its maker's own is named by them: cp2110://VID:PID") : -1;
}

int hidraw_find(const char *rest, const struct list_roots *roots, char *path, size_t size, struct err *e)
{
	struct wanted w;
	struct hidraw_list l;
	if (*rest == '/') {
		if ((size_t)snprintf(path, size, "%s", rest) >= size)
			return err_set(e, ERR_UNSUPPORTED, "cp2110://%s: the path is too long", rest);
		return 0;
	}
	if (parse(&w, rest, e) < 0 || hidraw_scan(&l, roots, e) < 0)
		return -1;
	int r = choose(&l, &w, roots, path, size, e);
	hidraw_clear(&l);
	return r;
}

void hidraw_add_names(struct err *e)
{
	struct hidraw_list l;
	if (hidraw_scan(&l, NULL, NULL) < 0)
		return;
	add_names(&l, NULL, NULL, e);
	hidraw_clear(&l);
}

int hidraw_find_again(const struct hidraw *was, char *path, size_t size, struct err *e)
{
	struct hidraw_list l;
	const struct hidraw *found = NULL;
	if (hidraw_scan(&l, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		const struct hidraw *h = &l.nodes[i];
		if (h->vid != was->vid || h->pid != was->pid || strcmp(h->serial, was->serial) != 0)
			continue;
		bool same_place = !strcmp(h->place, was->place);
		if (same_place || (*h->serial && !found))
			found = h;
		if (same_place)
			break;
	}
	if (found)
		snprintf(path, size, "/dev/%s", found->name);
	else
		err_set(e, ERR_NOT_FOUND, "%04x:%04x%s%s is not plugged in", was->vid, was->pid, *was->serial ? ":" : "", was->serial);
	hidraw_clear(&l);
	return found ? 0 : -1;
}
