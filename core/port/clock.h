/* SPDX-License-Identifier: MIT
 * clock.h: time for transports: seconds of the monotonic clock, and a length of
 * time as libevent's timers want it.  The tasks' clock is sched/wait.h. */
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H
#include <math.h>
#include <sys/time.h>
#include <time.h>

/* Monotonic seconds. */
static inline double clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* seconds: 0 or more, finite. */
static inline struct timeval clock_interval(double seconds)
{
	double whole = floor(seconds);
	return (struct timeval){ (long)whole, (long)((seconds - whole) * 1e6) };
}

#endif
