// SPDX-License-Identifier: MIT
// secretfile.c: see secretfile.h.
#include "base/secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, data, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		data += written;
		n -= (size_t)written;
	}
	return fsync(fd);
}

int secretfile_create(const char *path, unsigned mode, const char *data, size_t n, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	if (fd < 0 && errno == EEXIST)
		return err_set(e, ERR_REFUSED, "%s is there already, and a key is never overwritten; name another file", path);
	if (fd < 0)
		return err_sys(e, errno, "cannot make %s", path);
	int failed = write_all(fd, data, n) < 0 ? errno : 0;
	if (close(fd) < 0 && !failed)
		failed = errno;
	if (!failed)
		return 0;
	unlink(path);
	return err_sys(e, failed, "cannot write %s", path);
}

static int check_mode(int fd, const char *path, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_UNSUPPORTED, "%s is no file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, ERR_PERMISSION, "%s is a key, and others than its owner may open it (mode %03o); "
		               "chmod 600 %s", path, (unsigned)st.st_mode & 0777, path);
	return 0;
}

int secretfile_read(const char *path, char *data, size_t room, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, errno, "cannot read the key %s", path);
	ssize_t n = -1;
	if (check_mode(fd, path, e) == 0) {
		n = read(fd, data, room);
		if (n < 0)
			err_sys(e, errno, "cannot read the key %s", path);
	}
	close(fd);
	return (int)n;
}
