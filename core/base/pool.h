/* SPDX-License-Identifier: MIT
 * pool.h: memory for many small blocks that come and go: a free list for each
 * size class of 16 bytes up to 256, cut from slabs; larger blocks go to malloc.
 * The caller says a block's size when it gives it back (as Lua does).  Slabs
 * return to the system with pool_free.  One thread. */
#ifndef BASE_POOL_H
#define BASE_POOL_H
#include <stddef.h>

struct pool;

struct pool *pool_new(void);
/* Gives back every slab: no block of the pool may be used any more. */
void pool_free(struct pool *p);
/* As lua_Alloc: at NULL a new block, want 0 frees, else resizes.  NULL without memory. */
void *pool_resize(struct pool *p, void *at, size_t had, size_t want);

#endif
