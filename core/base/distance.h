/* SPDX-License-Identifier: MIT
 * distance.h: how alike two names are, for messages that suggest what may
 * have been meant. */
#ifndef BASE_DISTANCE_H
#define BASE_DISTANCE_H

enum { DISTANCE_NAME = 128 };       /* longer names are compared up to here */

/* Edit distance (Levenshtein) of two names, letters of either case alike. */
int distance(const char *a, const char *b);

#endif
