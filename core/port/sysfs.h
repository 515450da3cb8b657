/* SPDX-License-Identifier: MIT
 * sysfs.h: reads single attributes of sysfs, each of which may be gone at any moment. */
#ifndef PORT_SYSFS_H
#define PORT_SYSFS_H

/* The first line of an attribute without blanks around it (the caller frees it), or NULL. */
char *sysfs_attribute(const char *dir, const char *name);
/* A number in the attribute, or -1. */
int sysfs_number(const char *dir, const char *name, int base);

#endif
