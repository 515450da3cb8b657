/* SPDX-License-Identifier: MIT
 * list.h: the serial ports of this machine, found by walking /sys/class/tty,
 * with pySerial's fields and pySerial's wording of `description` and `hwid`.
 * Opens no port.  A port unplugged during the walk is left out.  Of what
 * pySerial shows nothing is missing; ports on a platform bus (SoC UARTs) and
 * of any driver are there as well, and CP2110s, which are no ttys; 8250 ports without a UART are not.
 * The caller frees a list with list_clear. */
#ifndef PORT_LIST_H
#define PORT_LIST_H
#include <stddef.h>
#include "base/err.h"

/* Where to look; NULL stands for "/sys" and "/dev". */
struct list_roots {
	const char *sysfs, *dev;
};

/* Strings that are NULL and numbers that are -1 are not known. */
struct list_port {
	char *device;         /* what is opened: "/dev/ttyUSB0", "cp2110:///dev/hidraw3" */
	char *name;           /* "ttyUSB0", "hidraw3" */
	char *description;    /* "product - interface", the product, the name, or "n/a" */
	char *hwid;           /* "USB VID:PID=0403:6001 SER=A1 LOCATION=1-1", a PNP id, or "n/a" */
	int vid, pid;
	char *serial_number, *location, *manufacturer, *product, *interface;
	char *driver;         /* the kernel's: "ftdi_sio", "serial", "cdc_acm" */
	char *identity;       /* the same for the same adapter and channel, whatever its name is today */
	char **links;         /* after list_links: paths that lead here, /dev/serial/by-id first */
	size_t link_count;
};

struct list {
	struct list_port *ports;    /* in natural order of device */
	size_t count;
};

/* All ports into l, which list_scan overwrites. */
int list_scan(struct list *l, const struct list_roots *roots, struct err *e);
/* Fills `links` of each port: /dev/serial/by-id, by-path, and links right under /dev. */
int list_links(struct list *l, const struct list_roots *roots, struct err *e);
void list_clear(struct list *l);
/* One entry of /sys/class/tty: 1 a port (list_port_clear frees it), 0 not one, -1 no memory. */
int list_read(struct list_port *p, const struct list_roots *roots, const char *name);
void list_port_clear(struct list_port *p);

/* Its node in /dev. */
const char *list_node(const struct list_port *p);
/* The port that `path` is, or leads to through links; NULL if it is none of them. */
const struct list_port *list_at(const struct list *l, const char *path);
/* The port with this identity; of several (clones that share a serial number)
 * the one at `location` (may be NULL), else the first.  NULL if there is none. */
const struct list_port *list_find(const struct list *l, const char *identity, const char *location);
/* A hint for `path` that is not there, into text: "; nearest: /dev/ttyUSB0, /dev/ttyUSB1" */
void list_nearest(const char *path, const struct list_roots *roots, char *text, size_t size);

/* <0, 0, >0 with numbers inside the text compared as numbers: ttyS2 before ttyS10. */
int list_compare(const char *a, const char *b);

#endif
