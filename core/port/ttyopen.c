// SPDX-License-Identifier: MIT
// ttyopen.c: see ttyopen.h.
#include "port/ttyopen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "port/list.h"
#include "port/owner.h"

static int busy(const char *path, struct err *e)
{
	char who[96];
	if (owner_find(path, who, sizeof who))
		return err_set(e, ERR_BUSY, "%s is in use by %s", path, who);
	return err_set(e, ERR_BUSY, "%s is in use by another program, which opened it for itself alone", path);
}

/* Is the user in the group by the user database (perhaps since after the login)? */
static bool is_member(const struct passwd *user, gid_t group)
{
	gid_t groups[256];
	int n = 256;
	getgrouplist(user->pw_name, user->pw_gid, groups, &n);
	for (int i = 0; i < n && i < 256; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static int no_permission(const char *path, struct err *e)
{
	struct stat st;
	err_set(e, ERR_PERMISSION, "no permission to open %s", path);
	if (stat(path, &st) < 0)
		return -1;
	const struct group *group = getgrgid(st.st_gid);
	const struct passwd *user = getpwuid(geteuid());
	if ((st.st_mode & (S_IRGRP | S_IWGRP)) != (S_IRGRP | S_IWGRP) || st.st_gid == 0 || !group) {
		const struct passwd *owner = getpwuid(st.st_uid);
		return err_add(e, ": only its owner %s may; a udev rule with GROUP=\"dialout\", MODE=\"0660\" opens it to a group",
			owner ? owner->pw_name : "");
	}
	if (user && is_member(user, st.st_gid))
		return err_add(e, ": group %s may, and you are in it since after this login: log in again", group->gr_name);
	return err_add(e, ": group %s may; join it with \"sudo usermod -aG %s %s\" and log in again", group->gr_name,
		group->gr_name, user ? user->pw_name : "$USER");
}

static int not_there(const char *path, struct err *e)
{
	char nearest[200];
	const char *colon = strrchr(path, ':');
	if (!strchr(path, '/') && colon && strspn(colon + 1, "0123456789") == strlen(colon + 1))
		return err_set(e, ERR_NOT_FOUND, "%s is not there; for TCP write socket://%s", path, path);
	list_nearest(path, NULL, nearest, sizeof nearest);
	return err_set(e, ERR_NOT_FOUND, "%s is not there%s", path, nearest);
}

static int open_failed(const char *path, int sys, struct err *e)
{
	switch (sys) {
	case ENOENT: case ENOTDIR: case ENODEV: case ENXIO:
		return not_there(path, e);
	case EIO:
		return err_set(e, ERR_NOT_FOUND, "%s: there is no device behind it", path);
	case EACCES: case EPERM:
		return no_permission(path, e);
	case EBUSY:
		return busy(path, e);
	case EISDIR:
		return err_set(e, ERR_UNSUPPORTED, "%s is a folder, not a serial port", path);
	default:
		return err_sys(e, sys, "cannot open %s", path);
	}
}

/* The slave of a Unix98 pty, see the kernel's devices.txt. */
static bool is_pty(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

/* TIOCEXCL stays with a tty that somebody else has open too, and so with every pty: if we were killed, nobody
 * but root could open it again.  The lock goes with us. */
int tty_exclusive(int fd, const char *path, bool on, struct err *e)
{
	if (!on) {
		ioctl(fd, TIOCNXCL);
		flock(fd, LOCK_UN);
		return 0;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? busy(path, e) : err_sys(e, errno, "%s: locking it", path);
	if (!is_pty(fd))
		ioctl(fd, TIOCEXCL);
	return 0;
}

int tty_open(const char *path, bool exclusive, struct err *e)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return open_failed(path, errno, e);
	if (!isatty(fd) && errno == ENOTTY) {
		err_set(e, ERR_UNSUPPORTED, "%s is not a serial port", path);
		if (!strncmp(path, "/dev/hidraw", 11))
			err_add(e, "; if it is a CP2110, write cp2110://%s", path);
		goto fail;
	}
	if (exclusive && tty_exclusive(fd, path, true, e) < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}
