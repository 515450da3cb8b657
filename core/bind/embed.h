/* SPDX-License-Identifier: MIT
 * embed.h: the Lua files inside the program, sorted by module name.
 * The table is written at build time by core/embed.lua. */
#ifndef BIND_EMBED_H
#define BIND_EMBED_H
struct embedded {
	const char *name;             /* "moonrig.scpi" */
	const unsigned char *code;    /* luac output */
	unsigned size;                /* bytes */
};
extern const struct embedded embedded_modules[];
extern const unsigned embedded_count;
#endif
