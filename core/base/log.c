// SPDX-License-Identifier: MIT
// log.c: see log.h.
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *before, const char *fmt, va_list ap)
{
	char text[512];
	vsnprintf(text, sizeof text, fmt, ap);
	fprintf(stderr, "moonrig: %s%s\n", before, text);
}

void log_warning(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

void log_note(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}
