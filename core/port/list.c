// SPDX-License-Identifier: MIT
// list.c: see list.h.  sysfs is described in the kernel's Documentation/ABI;
// each attribute read may fail, because the device may go at any moment.
#include "port/list.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/hidraw.h"
#include "port/sysfs.h"

static const char *sysfs_root(const struct list_roots *r) { return r && r->sysfs ? r->sysfs : "/sys"; }
static const char *dev_root(const struct list_roots *r) { return r && r->dev ? r->dev : "/dev"; }

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *fmt, ...)
{
	va_list ap;
	char *s;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return s;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The last part of where a link in dir points, or NULL. */
static char *link_target(const char *dir, const char *name)
{
	char path[PATH_MAX], to[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ssize_t n = readlink(path, to, sizeof to - 1);
	if (n < 0)
		return NULL;
	to[n] = 0;
	return strdup(last_part(to));
}

static void cut_last_part(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
}

/* USB: `interface` is the sysfs folder of the interface that carries the tty. */
static void describe_usb(struct list_port *p, const char *interface, const char *tty_device)
{
	char device[PATH_MAX];
	snprintf(device, sizeof device, "%s", interface);
	cut_last_part(device);
	p->vid = sysfs_number(device, "idVendor", 16);
	p->pid = sysfs_number(device, "idProduct", 16);
	p->serial_number = sysfs_attribute(device, "serial");
	p->manufacturer = sysfs_attribute(device, "manufacturer");
	p->product = sysfs_attribute(device, "product");
	p->interface = sysfs_attribute(interface, "interface");
	int several = sysfs_number(device, "bNumInterfaces", 10) > 1;
	p->location = strdup(last_part(several ? interface : device));

	if (p->interface)
		p->description = format("%s - %s", p->product ? p->product : "None", p->interface);
	else
		p->description = strdup(p->product ? p->product : p->name);
	p->hwid = format("USB VID:PID=%04X:%04X%s%s LOCATION=%s", (unsigned)p->vid, (unsigned)p->pid,
		p->serial_number ? " SER=" : "", p->serial_number ? p->serial_number : "",
		p->location ? p->location : "");
	/* Which channel of the adapter: the interface, and the port on it (multi-port usb-serial). */
	int number = sysfs_number(interface, "bInterfaceNumber", 16);
	int channel = sysfs_number(tty_device, "port_number", 10);
	int named = p->serial_number && *p->serial_number;
	p->identity = format("usb:%04x:%04x:%s%s:%d.%d", (unsigned)p->vid, (unsigned)p->pid, named ? "" : "at ",
		named ? p->serial_number : last_part(device), number < 0 ? 0 : number, channel < 0 ? 0 : channel);
}

/* All fields from the sysfs folder of the device behind the tty.
 * 0, or -1: not a port, or no longer there. */
static int describe(struct list_port *p, char *device)
{
	char *bus = link_target(device, "subsystem");
	/* Since Linux 6.5 serial-core puts two devices of its own (00:02:0, 00:02:0.0) below the real one. */
	while (bus && strcmp(bus, "serial-base") == 0) {
		cut_last_part(device);
		free(bus);
		bus = link_target(device, "subsystem");
	}
	if (!bus)
		return -1;
	p->driver = link_target(device, "driver");
	if (strcmp(bus, "usb-serial") == 0 || strcmp(bus, "usb") == 0) {
		char interface[PATH_MAX];
		snprintf(interface, sizeof interface, "%s", device);
		if (strcmp(bus, "usb-serial") == 0)
			cut_last_part(interface);
		describe_usb(p, interface, device);
	} else if (strcmp(bus, "pnp") == 0) {
		p->description = strdup(p->name);
		p->hwid = sysfs_attribute(device, "id");
	} else if (strcmp(bus, "amba") == 0 || strcmp(bus, "platform") == 0) {
		p->description = strdup(p->name);
		p->hwid = strdup(last_part(device));
	}
	int gone = !p->driver || (p->identity && (p->vid < 0 || p->pid < 0));
	free(bus);
	return gone ? -1 : 0;
}

void list_port_clear(struct list_port *p)
{
	char **all[] = { &p->device, &p->name, &p->description, &p->hwid, &p->serial_number, &p->location,
		&p->manufacturer, &p->product, &p->interface, &p->driver, &p->identity };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(*all[i]);
	for (size_t i = 0; i < p->link_count; i++)
		free(p->links[i]);
	free(p->links);
	memset(p, 0, sizeof *p);
}

/* ttys whose far end is real although no device stands behind them in sysfs:
 * Bluetooth, USB gadget, Advantech servers, null modems in software. */
static int is_virtual_port(const char *name)
{
	static const char *const prefix[] = { "rfcomm", "ttyGS", "ttyAP", "tnt" };
	for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
		if (strncmp(name, prefix[i], strlen(prefix[i])) == 0)
			return 1;
	return 0;
}

int list_read(struct list_port *p, const struct list_roots *roots, const char *name)
{
	char class[PATH_MAX], path[PATH_MAX + 8], device[PATH_MAX];
	memset(p, 0, sizeof *p);
	p->vid = p->pid = -1;
	snprintf(class, sizeof class, "%s/class/tty/%s", sysfs_root(roots), name);
	snprintf(path, sizeof path, "%s/device", class);
	int has_device = realpath(path, device) != NULL;
	if (!has_device && !is_virtual_port(name))
		return 0;
	p->name = strdup(name);
	for (char *c = p->name; c && *c; c++)
		if (*c == '!')          /* how sysfs writes a slash */
			*c = '/';
	p->device = p->name ? format("%s/%s", dev_root(roots), p->name) : NULL;
	if (!p->device)
		goto no_memory;
	/* serial-core's type 0 is a place for a UART without a UART. */
	if (access(p->device, F_OK) < 0 || sysfs_number(class, "type", 10) == 0)
		goto not_a_port;
	if (has_device && describe(p, device) < 0)
		goto not_a_port;
	if (access(class, F_OK) < 0)    /* went while we read */
		goto not_a_port;
	if (!p->description)
		p->description = strdup("n/a");
	if (!p->hwid)
		p->hwid = strdup("n/a");
	if (!p->identity)
		p->identity = strdup(p->name);
	if (!p->description || !p->hwid || !p->identity)
		goto no_memory;
	return 1;
not_a_port:
	list_port_clear(p);
	return 0;
no_memory:
	list_port_clear(p);
	return -1;
}

static const char cp2110_scheme[] = "cp2110://";

const char *list_node(const struct list_port *p)
{
	size_t n = sizeof cp2110_scheme - 1;
	return strncmp(p->device, cp2110_scheme, n) == 0 ? p->device + n : p->device;
}

/* What USB does not tell, because it is not USB that carries it, the HID device itself does. */
static void describe_hid(struct list_port *p, const struct hidraw *h)
{
	p->vid = (int)h->vid;
	p->pid = (int)h->pid;
	free(p->serial_number);
	free(p->description);
	free(p->hwid);
	free(p->identity);
	free(p->location);
	p->location = NULL;
	p->serial_number = *h->serial ? strdup(h->serial) : NULL;
	p->description = strdup(*h->product ? h->product : p->name);
	p->hwid = format("USB VID:PID=%04X:%04X%s%s", h->vid, h->pid, *h->serial ? " SER=" : "", h->serial);
	p->identity = format("hid:%04x:%04x:%s", h->vid, h->pid, *h->serial ? h->serial : h->place);
}

/* As list_read, of an entry of /sys/class/hidraw. */
static int read_hidraw(struct list_port *p, const struct list_roots *roots, const char *name)
{
	char path[PATH_MAX], device[PATH_MAX], interface[PATH_MAX];
	struct hidraw h;
	memset(p, 0, sizeof *p);
	snprintf(path, sizeof path, "%s/class/hidraw/%s/device", sysfs_root(roots), name);
	if (hidraw_read(&h, roots, name) < 0 || !hidraw_is_cp2110(&h) || !realpath(path, device))
		return 0;
	p->name = strdup(name);
	p->device = format("%s%s/%s", cp2110_scheme, dev_root(roots), name);
	p->driver = link_target(device, "driver");
	strcpy(interface, device);
	cut_last_part(interface);
	if (p->name && p->device)
		describe_usb(p, interface, device);
	if (p->name && p->device && p->vid < 0)
		describe_hid(p, &h);
	if (p->name && p->device && p->description && p->hwid && p->identity)
		return 1;
	list_port_clear(p);
	return -1;
}

int list_compare(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			a += strspn(a, "0");
			b += strspn(b, "0");
			size_t la = strspn(a, "0123456789"), lb = strspn(b, "0123456789");
			int d = la != lb ? (la < lb ? -1 : 1) : strncmp(a, b, la);
			if (d)
				return d;
			a += la;
			b += lb;
		} else if (*a != *b) {
			break;
		} else {
			a++;
			b++;
		}
	}
	return (unsigned char)*a - (unsigned char)*b;
}

static int compare_ports(const void *a, const void *b)
{
	const struct list_port *p = a, *q = b;
	int d = list_compare(p->device, q->device);
	return d ? d : strcmp(p->device, q->device);
}

/* Adds the ports in a folder of sysfs: 0, or -1 without memory. */
static int scan_class(struct list *l, const struct list_roots *roots, DIR *dir,
	int (*take)(struct list_port *, const struct list_roots *, const char *))
{
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		struct list_port *more = realloc(l->ports, (l->count + 1) * sizeof *more);
		if (!more)
			return -1;
		l->ports = more;
		int got = take(&l->ports[l->count], roots, entry->d_name);
		if (got < 0)
			return -1;
		l->count += (size_t)got;
	}
	return 0;
}

int list_scan(struct list *l, const struct list_roots *roots, struct err *e)
{
	memset(l, 0, sizeof *l);
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/class/tty", sysfs_root(roots));
	DIR *dir = opendir(path);
	if (!dir)
		return err_sys(e, errno, "cannot list the serial ports in %s", path);
	int r = scan_class(l, roots, dir, list_read);
	closedir(dir);
	snprintf(path, sizeof path, "%s/class/hidraw", sysfs_root(roots));
	if (r == 0 && (dir = opendir(path))) {          /* no HID, no folder */
		r = scan_class(l, roots, dir, read_hidraw);
		closedir(dir);
	}
	if (r < 0) {
		list_clear(l);
		return err_set(e, ERR_SYSTEM, "no memory for the list of serial ports");
	}
	if (l->count)
		qsort(l->ports, l->count, sizeof *l->ports, compare_ports);
	return 0;
}

void list_clear(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		list_port_clear(&l->ports[i]);
	free(l->ports);
	memset(l, 0, sizeof *l);
}

const struct list_port *list_at(const struct list *l, const char *path)
{
	char real[PATH_MAX], here[PATH_MAX];
	if (!realpath(path, real))
		return NULL;
	for (size_t i = 0; i < l->count; i++) {
		const char *node = list_node(&l->ports[i]);
		if (strcmp(node, real) == 0 || (realpath(node, here) && strcmp(here, real) == 0))
			return &l->ports[i];
	}
	return NULL;
}

static int add_link(struct list_port *p, const char *path)
{
	char **more = realloc(p->links, (p->link_count + 1) * sizeof *more);
	if (!more)
		return -1;
	p->links = more;
	if (!(p->links[p->link_count] = strdup(path)))
		return -1;
	p->link_count++;
	return 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return list_compare((*a)->d_name, (*b)->d_name);
}

/* The links in one folder; a folder that is not there has none. */
static int links_in(struct list *l, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, compare_names), failed = 0;
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX + NAME_MAX + 2];
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		const struct list_port *p = names[i]->d_type == DT_LNK ? list_at(l, path) : NULL;
		if (p && strcmp(list_node(p), path) != 0)
			failed |= add_link(&l->ports[p - l->ports], path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return failed;
}

int list_links(struct list *l, const struct list_roots *roots, struct err *e)
{
	static const char *const folders[] = { "/serial/by-id", "/serial/by-path", "" };
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char dir[PATH_MAX];
		snprintf(dir, sizeof dir, "%s%s", dev_root(roots), folders[i]);
		if (links_in(l, dir) < 0)
			return err_set(e, ERR_SYSTEM, "no memory for the list of links in %s", dir);
	}
	return 0;
}

const struct list_port *list_find(const struct list *l, const char *identity, const char *location)
{
	const struct list_port *first = NULL;
	for (size_t i = 0; i < l->count; i++) {
		const struct list_port *p = &l->ports[i];
		if (strcmp(p->identity, identity) != 0)
			continue;
		if (!location || (p->location && strcmp(p->location, location) == 0))
			return p;
		if (!first)
			first = p;
	}
	return first;
}
