// SPDX-License-Identifier: MIT
// err.c: see err.h.
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[ERR_NONE] = "none",
	[ERR_TIMEOUT] = "timeout",
	[ERR_CLOSED] = "closed",
	[ERR_REFUSED] = "refused",
	[ERR_BUSY] = "busy",
	[ERR_NOT_FOUND] = "not_found",
	[ERR_PERMISSION] = "permission",
	[ERR_UNSUPPORTED] = "unsupported",
	[ERR_PROTOCOL] = "protocol",
	[ERR_CANCELLED] = "cancelled",
	[ERR_SYSTEM] = "system",
};

const char *err_name(enum err_code code)
{
	return code < sizeof names / sizeof *names ? names[code] : "system";
}

static enum err_code from_errno(int sys)
{
	switch (sys) {
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case EPIPE: case ECONNRESET: case ECONNABORTED: case EIO: case ENXIO: case ENOTCONN: case ESHUTDOWN:
		return ERR_CLOSED;
	case EBUSY: case EWOULDBLOCK: case EADDRINUSE: case ETXTBSY:
		return ERR_BUSY;
	case ENOENT: case ENODEV: case EHOSTUNREACH: case ENETUNREACH: case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES: case EPERM:
		return ERR_PERMISSION;
	case ENOTTY: case EOPNOTSUPP: case ENOSYS: case EINVAL:
		return ERR_UNSUPPORTED;
	default:
		return ERR_SYSTEM;
	}
}

static void append(struct err *e, const char *fmt, va_list ap)
{
	size_t n = strlen(e->text);
	vsnprintf(e->text + n, sizeof e->text - n, fmt, ap);
}

int (err_set)(struct err *e, enum err_code code, const char *fmt, ...)
{
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	e->code = code;
	e->sys = e->ended = 0;
	e->text[0] = 0;
	append(e, fmt, ap);
	va_end(ap);
	return -1;
}

int (err_sys)(struct err *e, int sys, const char *fmt, ...)
{
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	e->code = from_errno(sys);
	e->sys = sys;
	e->ended = 0;
	e->text[0] = 0;
	append(e, fmt, ap);
	va_end(ap);
	return err_add(e, ": %s", strerror(sys));
}

int (err_add)(struct err *e, const char *fmt, ...)
{
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	append(e, fmt, ap);
	va_end(ap);
	return -1;
}
