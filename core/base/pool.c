// SPDX-License-Identifier: MIT
// pool.c: see pool.h.  Under AddressSanitizer every block is malloc's own, so
// that a use after free is seen.
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { LARGEST = 0 };
#else
enum { LARGEST = 256 };
#endif
enum { GRAIN = 16, CLASSES = 256 / GRAIN + 1, SLAB = 32 * 1024 };

struct block { struct block *next; };
struct slab {
	struct slab *next;
	size_t align;                        /* memory begins at a multiple of GRAIN */
	char memory[SLAB - 2 * sizeof(void *)];
};

struct pool {
	struct block *free[CLASSES];
	struct slab *slabs;
	char *cut, *end;                     /* what is left of the newest slab */
};

struct pool *pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	for (struct slab *s = p->slabs, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	free(p);
}

static size_t class_of(size_t size)
{
	return (size + GRAIN - 1) / GRAIN;
}

static void *cut(struct pool *p, size_t size)
{
	if ((size_t)(p->end - p->cut) < size) {
		struct slab *s = malloc(sizeof *s);
		if (!s)
			return NULL;
		s->next = p->slabs;
		p->slabs = s;
		p->cut = s->memory;
		p->end = s->memory + sizeof s->memory;
	}
	void *at = p->cut;
	p->cut += size;
	return at;
}

static void *take(struct pool *p, size_t size)
{
	size_t c = class_of(size);
	struct block *b = p->free[c];
	if (!b)
		return cut(p, c * GRAIN);
	p->free[c] = b->next;
	return b;
}

static void give(struct pool *p, void *at, size_t size)
{
	struct block *b = at;
	size_t c = class_of(size);
	b->next = p->free[c];
	p->free[c] = b;
}

void *pool_resize(struct pool *p, void *at, size_t had, size_t want)
{
	if (!at)
		return want == 0 ? NULL : want <= LARGEST ? take(p, want) : malloc(want);
	if (want == 0) {
		if (had <= LARGEST)
			give(p, at, had);
		else
			free(at);
		return NULL;
	}
	if (had > LARGEST && want > LARGEST)
		return realloc(at, want);
	if (had <= LARGEST && want <= LARGEST && class_of(had) == class_of(want))
		return at;
	void *to = want <= LARGEST ? take(p, want) : malloc(want);
	if (!to)
		return NULL;
	memcpy(to, at, had < want ? had : want);
	pool_resize(p, at, had, 0);
	return to;
}
