/* SPDX-License-Identifier: MIT
 * log.h: words for the user that are not an error: "moonrig: ..." on stderr.  Not for what a function can
 * return as an error. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* "moonrig: warning: ..." */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What a service does: "moonrig: ..." */
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
