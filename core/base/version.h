/* SPDX-License-Identifier: MIT
 * version.h: the one place where the version stands. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H
#define MOONRIG_VERSION "0.1.0"
#endif
