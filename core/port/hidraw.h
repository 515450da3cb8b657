/* SPDX-License-Identifier: MIT
 * hidraw.h: the HID devices of this machine, found by walking /sys/class/hidraw, and which of them are
 * CP2110s.  Opens none. */
#ifndef PORT_HIDRAW_H
#define PORT_HIDRAW_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "port/list.h"

struct hidraw {
	char name[32];        /* "hidraw3" */
	unsigned vid, pid;
	char serial[64];      /* "" where there is none */
	char product[128];    /* "Silicon Laboratories CP2110 HID USB-to-UART Bridge" */
	char place[64];       /* the socket: "usb-0000:00:14.0-1/input0", "" where it is not known */
	int bus, device, interface;          /* as lsusb counts; -1 */
};

struct hidraw_list {
	struct hidraw *nodes; /* in natural order of name */
	size_t count;
};

/* One entry of /sys/class/hidraw: 0, or -1 when it is not there or going. */
int hidraw_read(struct hidraw *h, const struct list_roots *roots, const char *name);
/* A machine without HID devices has none; -1: no memory.  The caller frees the list with hidraw_clear. */
int hidraw_scan(struct hidraw_list *l, const struct list_roots *roots, struct err *e);
void hidraw_clear(struct hidraw_list *l);

/* By the numbers that Silicon Labs gives to CP2110 and CP2114. */
bool hidraw_is_cp2110(const struct hidraw *h);
/* Which device the rest of a cp2110:// URL means: a path, "VID:PID:SERIAL" with parts left out from the right,
 * or pySerial's "BUS:DEV:IF".  `path` gets its node. */
int hidraw_find(const char *rest, const struct list_roots *roots, char *path, size_t size, struct err *e);
/* Appends the CP2110s that are there: "10c4:ea80:00A1 (/dev/hidraw3)", or "none". */
void hidraw_add_names(struct err *e);
/* The same device again, whatever its name is now: by serial number (clones that share one: in the same
 * socket), or by the socket. */
int hidraw_find_again(const struct hidraw *was, char *path, size_t size, struct err *e);

#endif
