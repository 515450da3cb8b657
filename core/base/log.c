// SPDX-License-Identifier: MIT
// log.c: see log.h.
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_warning(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "moonrig: warning: %s\n", text);
}
