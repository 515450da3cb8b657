// SPDX-License-Identifier: MIT
// hidopen.c: see hidopen.h.
#include "port/hidopen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "port/owner.h"

static int busy(const char *path, struct err *e)
{
	char who[96];
	return err_set(e, ERR_BUSY, "%s is in use by %s", path, owner_find(path, who, sizeof who) ? who : "another program");
}

/* udev gives hidraw nodes to root alone. */
static int no_permission(const char *path, const struct hidraw *h, struct err *e)
{
	return err_set(e, ERR_PERMISSION, "no permission to open %s: udev leaves HID devices to root. Put into "
		"/etc/udev/rules.d/60-cp2110.rules: KERNEL==\"hidraw*\", ATTRS{idVendor}==\"%04x\", ATTRS{idProduct}==\"%04x\", "
		"GROUP=\"dialout\", MODE=\"0660\" and plug it in anew", path, h->vid, h->pid);
}

/* Asked before it is opened: to open a tty moves its signals. */
static int identify(const char *path, struct hidraw *h, struct err *e)
{
	struct stat st;
	char sys[64], to[256];
	if (stat(path, &st) < 0) {
		err_sys(e, errno, "%s", path);
		err_add(e, "; CP2110s there: ");
		hidraw_add_names(e);
		return -1;
	}
	snprintf(sys, sizeof sys, "/sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	ssize_t n = S_ISCHR(st.st_mode) ? readlink(sys, to, sizeof to - 1) : -1;
	const char *name = "";
	if (n > 0) {
		to[n] = 0;
		name = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
	}
	if (strncmp(name, "hidraw", 6) != 0)
		return err_set(e, ERR_UNSUPPORTED, "%s is not a hidraw device, through which a CP2110 is reached", path);
	if (hidraw_read(h, NULL, name) < 0)
		return err_set(e, ERR_NOT_FOUND, "%s: the device is just going", path);
	return 0;
}

int hid_open(const char *path, bool exclusive, struct hidraw *which, struct err *e)
{
	if (identify(path, which, e) < 0)
		return -1;
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? no_permission(path, which, e) : err_sys(e, errno, "cannot open %s", path);
	if (exclusive && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int sys = errno;
		close(fd);
		return sys == EWOULDBLOCK ? busy(path, e) : err_sys(e, sys, "%s: locking it", path);
	}
	return fd;
}
