// SPDX-License-Identifier: MIT
// owner.c: see owner.h; the formats are those of proc(5).
#include "port/owner.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Does process pid have `real` open?  Compares names: stat on a foreign
 * descriptor can hang when it lies on a dead network file system. */
static int has_open(long pid, const char *real)
{
	char path[64], to[PATH_MAX];
	snprintf(path, sizeof path, "/proc/%ld/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return 0;
	struct dirent *entry;
	int found = 0;
	while (!found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, to, sizeof to - 1);
		if (n <= 0)
			continue;
		to[n] = 0;
		found = strcmp(to, real) == 0;
	}
	closedir(dir);
	return found;
}

static long in_open_files(const char *real)
{
	DIR *dir = opendir("/proc");
	if (!dir)
		return 0;
	struct dirent *entry;
	long found = 0;
	while (!found && (entry = readdir(dir))) {
		long pid = strtol(entry->d_name, NULL, 10);
		if (pid > 0 && has_open(pid, real))
			found = pid;
	}
	closedir(dir);
	return found;
}

/* "1: FLOCK  ADVISORY  WRITE 1234 00:05:1131 0 EOF" */
static long in_locks(const char *real)
{
	struct stat st;
	FILE *f = stat(real, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
	if (!f)
		return 0;
	char line[256];
	long found = 0;
	while (!found && fgets(line, sizeof line, f)) {
		long pid;
		unsigned major_number, minor_number;
		unsigned long inode;
		if (sscanf(line, "%*s FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major_number, &minor_number, &inode) == 4 &&
		    inode == st.st_ino && makedev(major_number, minor_number) == st.st_dev)
			found = pid > 0 ? pid : -1;
	}
	fclose(f);
	return found;
}

int owner_find(const char *device, char *text, size_t size)
{
	char real[PATH_MAX], path[64], name[64] = "";
	if (!realpath(device, real))
		return 0;
	long pid = in_locks(real);
	if (pid <= 0) {
		long other = in_open_files(real);
		pid = other ? other : pid;
	}
	if (!pid)
		return 0;
	if (!text)
		return 1;
	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(name, sizeof name, f))
		name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
	if (pid == getpid())
		snprintf(text, size, "this program");
	else if (pid < 0)       /* held in another pid namespace */
		snprintf(text, size, "another process");
	else if (*name)
		snprintf(text, size, "%s, process %ld", name, pid);
	else
		snprintf(text, size, "process %ld", pid);
	return 1;
}
