// SPDX-License-Identifier: MIT
// pattern.c: see pattern.h.  A thread is one attempt: where it began, the item it waits at,
// its captures.  The live threads are kept in the order in which Lua's matcher would try
// them, so the first to arrive at the end is the match that Lua finds.  Between two bytes
// only the live threads are remembered; that is all a search needs to go on later.
#include "base/pattern_program.h"

#include <stdlib.h>
#include <string.h>

/* Work beyond one visit of each item per byte, in visits, before a search is called too complex: some
 * tenths of a second.  And the threads that may be alive at once.  Only %b and %1 get there. */
enum { EXTRA_STEPS = 20 * 1000 * 1000, MOST_THREADS = 16 * 1024 };

/* A thread is a row of numbers: these, then begin and end of each capture. */
enum { ROW_ITEM, ROW_PROGRESS, ROW_BEGIN, ROW_CAPTURES };

struct threads {
	size_t *rows;
	size_t size, room;
};

struct pattern {
	struct program program;
	/* A pattern without magic is searched for by Knuth, Morris and Pratt's method instead. */
	unsigned char *literal;
	size_t literal_size;
	size_t *border;                 /* [i]: length of the longest proper prefix that ends literal[0..i] */
	size_t partial;                 /* bytes of literal that the data so far ends with */

	size_t init;                    /* where the search began */
	const char *data;               /* the bytes, during a search */
	size_t at;                      /* the next one to look at */
	int c;                          /* that byte, or -1 at the end of the data */
	size_t row;                     /* numbers in a row */
	struct threads live, next;
	size_t *work;                   /* the row in hand */
	size_t *visited;                /* per item: `round` when it was last reached */
	size_t round;
	size_t *lazy;                   /* items that may take the byte in hand after all else failed */
	size_t steps, extra_steps;      /* visits at this byte; of all bytes, those beyond one per item */
	bool found, touched;            /* a match was found; the end of the data was asked for */
	struct err *err;
	struct pattern_match match;
};

/* ---- threads ------------------------------------------------------------------------------ */

static int too_complex(struct pattern *p)
{
	return err_set(p->err, ERR_UNSUPPORTED, "pattern too complex for these bytes");
}

static int threads_add(struct pattern *p, size_t item, size_t progress)
{
	struct threads *t = &p->next;
	if (t->size == t->room) {
		if (t->room >= MOST_THREADS)
			return too_complex(p);
		size_t room = t->room ? 2 * t->room : 8;
		size_t *rows = realloc(t->rows, room * p->row * sizeof *rows);
		if (!rows)
			return err_set(p->err, ERR_SYSTEM, "no memory to search for a pattern");
		t->rows = rows;
		t->room = room;
	}
	size_t *row = t->rows + t->size++ * p->row;
	memcpy(row, p->work, p->row * sizeof *row);
	row[ROW_ITEM] = item;
	row[ROW_PROGRESS] = progress;
	return 0;
}

static void accept(struct pattern *p)
{
	const size_t *capture = p->work + ROW_CAPTURES;
	p->found = true;
	p->match.begin = p->work[ROW_BEGIN];
	p->match.end = p->at;
	for (unsigned k = 0; k < p->program.captures; k++) {
		p->match.capture[k].begin = capture[2 * k];
		p->match.capture[k].end = capture[2 * k + 1];
	}
}

/* %b: progress is the number of brackets open. */
static int take_balance(struct pattern *p, const struct item *it, size_t item, size_t depth)
{
	if (depth == 0)
		return p->c == it->open ? threads_add(p, item, 1) : 0;
	if (p->c == it->close)
		return --depth ? threads_add(p, item, depth) : threads_add(p, item + 1, 0);
	return p->c < 0 ? 0 : threads_add(p, item, depth + (p->c == it->open));
}

/* %1: progress is the number of bytes that were repeated so far. */
static int take_backref(struct pattern *p, const size_t *capture, size_t item, size_t done)
{
	if (p->c != (unsigned char)p->data[capture[0] + done])
		return 0;
	if (capture[0] + done + 1 < capture[1])
		return threads_add(p, item, done + 1);
	return threads_add(p, item + 1, 0);
}

/* The byte in hand for an item that needs one. */
static int take(struct pattern *p, const struct item *it, size_t item, size_t progress)
{
	switch (it->kind) {
	case ITEM_BYTE:
		return p->c >= 0 && byteset_has(&it->set, (unsigned char)p->c) ? threads_add(p, item + 1, 0) : 0;
	case ITEM_BALANCE:
		return take_balance(p, it, item, progress);
	case ITEM_BACKREF:
		return take_backref(p, p->work + ROW_CAPTURES + 2 * it->capture, item, progress);
	default:
		return 0;
	}
}

/* May a thread go past this item without using a byte?  Notes captures. */
static bool pass(struct pattern *p, const struct item *it)
{
	size_t *capture = p->work + ROW_CAPTURES + 2 * it->capture;
	unsigned char before;
	switch (it->kind) {
	case ITEM_FRONTIER:
		before = p->at > 0 ? (unsigned char)p->data[p->at - 1] : 0;
		return !byteset_has(&it->set, before) && byteset_has(&it->set, p->c < 0 ? 0 : (unsigned char)p->c);
	case ITEM_OPEN:
		capture[0] = p->at;
		return true;
	case ITEM_CLOSE:
		capture[1] = p->at;
		return true;
	case ITEM_POSITION:
		capture[0] = p->at;
		capture[1] = PATTERN_POSITION;
		return true;
	case ITEM_BACKREF:
		return capture[0] == capture[1];
	case ITEM_END:
		return p->c < 0;
	default:
		return it->kind != ITEM_BYTE && it->kind != ITEM_BALANCE;
	}
}

/* The first visit of an item at this byte; later ones lead nowhere new. */
static bool first_visit(struct pattern *p, size_t item)
{
	if (item >= p->program.apart && item < p->program.apart_end)
		return true;
	if (p->visited[item] == p->round)
		return false;
	p->visited[item] = p->round;
	return true;
}

/* Takes the thread in p->work on from an item, until it has used the byte in hand and stands in p->next, or
 * failed (0), or is accepted (1).  Captures that lie to the right of a thread's item hold rubbish: they are set
 * before they count. */
static int advance(struct pattern *p, size_t item, size_t progress)
{
	size_t lazy = 0;
	for (;; item++, progress = 0) {
		const struct item *it = &p->program.items[item];
		bool takes = p->c >= 0 && byteset_has(&it->set, (unsigned char)p->c);
		p->steps++;
		if (progress == 0 && !first_visit(p, item))
			break;
		if (it->kind == ITEM_ACCEPT) {
			accept(p);
			return 1;
		}
		p->touched |= p->c < 0 && it->kind <= ITEM_END;
		if (it->kind == ITEM_LAZY && takes)
			p->lazy[lazy++] = item;
		else if (takes && it->kind == ITEM_GREEDY && threads_add(p, item, 0))
			return -1;
		else if (takes && it->kind == ITEM_OPTIONAL && threads_add(p, item + 1, 0))
			return -1;
		if (progress > 0 || !pass(p, it)) {
			if (take(p, it, item, progress))
				return -1;
			break;
		}
	}
	while (lazy > 0)
		if (threads_add(p, p->lazy[--lazy], 0))
			return -1;
	return 0;
}

/* All threads, in order, look at the byte in hand; then a new one begins.  A match ends those behind it. */
static int step(struct pattern *p)
{
	const struct program *g = &p->program;
	p->steps = 0;
	p->round++;
	p->next.size = 0;
	for (size_t i = 0; i < p->live.size; i++) {
		memcpy(p->work, p->live.rows + i * p->row, p->row * sizeof *p->work);
		int done = advance(p, p->work[ROW_ITEM], p->work[ROW_PROGRESS]);
		if (done)
			return done;
	}
	if (p->steps > 2 * g->size && (p->extra_steps += p->steps - 2 * g->size) > EXTRA_STEPS)
		return too_complex(p);
	if (p->found || (g->anchored && p->at != p->init))
		return 0;
	if (p->c >= 0 && g->has_first && !byteset_has(&g->first, (unsigned char)p->c))
		return 0;
	p->work[ROW_BEGIN] = p->at;
	return advance(p, 0, 0);
}

/* ---- searching ---------------------------------------------------------------------------- */

/* With no thread alive: on to the next byte where one can begin.  False when there is none. */
static bool skip(struct pattern *p, size_t len)
{
	const struct program *g = &p->program;
	if (p->found)
		return false;
	if (g->anchored && p->at != p->init) {
		p->at = len;
	} else if (g->first_byte >= 0) {
		const char *hit = memchr(p->data + p->at, g->first_byte, len - p->at);
		p->at = hit ? (size_t)(hit - p->data) : len;
	} else if (g->has_first) {
		while (p->at < len && !byteset_has(&g->first, (unsigned char)p->data[p->at]))
			p->at++;
	}
	return p->at < len;
}

static int search_program(struct pattern *p, size_t len)
{
	p->touched = false;
	while (p->at < len && (p->live.size > 0 || skip(p, len))) {
		p->c = (unsigned char)p->data[p->at];
		if (step(p) < 0)
			return -1;
		struct threads t = p->live;
		p->live = p->next;
		p->next = t;
		p->at++;
	}
	p->c = -1;
	if (p->at == len && (p->live.size > 0 || !p->found) && step(p) < 0)
		return -1;
	p->match.resume = p->live.size > 0 ? p->live.rows[ROW_BEGIN] : p->at;
	return p->found;
}

static int search_literal(struct pattern *p, size_t len)
{
	const char *data = p->data;
	const unsigned char *literal = p->literal;
	size_t n = p->literal_size, k = p->partial;
	while (k < n && p->at < len) {
		if (k == 0) {
			const char *hit = memchr(data + p->at, literal[0], len - p->at);
			p->at = hit ? (size_t)(hit - data) : len;
			if (!hit)
				break;
		}
		unsigned char c = (unsigned char)data[p->at++];
		while (k > 0 && literal[k] != c)
			k = p->border[k - 1];
		k += literal[k] == c;
	}
	p->partial = k;
	p->found = k == n;
	p->match.begin = p->match.resume = p->at - k;
	p->match.end = p->at;
	return p->found;
}

int pattern_search(struct pattern *p, const char *data, size_t len, struct pattern_match *out, struct err *err)
{
	int found = 0;
	p->data = data;
	p->err = err;
	p->match.resume = p->at;
	if (p->at <= len)
		found = p->literal ? search_literal(p, len) : search_program(p, len);
	p->match.open = p->touched;
	p->match.captures = p->program.captures;
	*out = p->match;
	return found;
}

void pattern_restart(struct pattern *p, size_t init)
{
	p->init = p->at = init;
	p->live.size = 0;
	p->partial = 0;
	p->extra_steps = 0;
	p->found = p->touched = false;
}

/* ---- making ------------------------------------------------------------------------------- */

static int make_literal(struct pattern *p, const char *text, size_t n)
{
	p->literal = malloc(n + 1);
	p->border = calloc(n + 1, sizeof *p->border);
	if (!p->literal || !p->border)
		return -1;
	memcpy(p->literal, text, n);
	p->literal_size = n;
	for (size_t i = 1, k = 0; i < n; i++) {
		while (k > 0 && text[i] != text[k])
			k = p->border[k - 1];
		k += text[i] == text[k];
		p->border[i] = k;
	}
	return 0;
}

static int make_threads(struct pattern *p)
{
	size_t n = p->program.size;
	p->row = ROW_CAPTURES + 2 * p->program.captures;
	p->work = calloc(p->row, sizeof *p->work);
	p->visited = calloc(n, sizeof *p->visited);
	p->lazy = calloc(n, sizeof *p->lazy);
	return p->work && p->visited && p->lazy ? 0 : -1;
}

static bool has_magic(const char *pat, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pat[i] && strchr("^$*+?.([%-", pat[i]))
			return true;
	return false;
}

struct pattern *pattern_new(const char *pat, size_t patlen, bool plain, struct err *err)
{
	struct pattern *p = calloc(1, sizeof *p);
	if (!p) {
		err_set(err, ERR_SYSTEM, "no memory for a pattern");
		return NULL;
	}
	plain = plain || !has_magic(pat, patlen);
	if (!plain && program_compile(&p->program, pat, patlen, err))
		goto fail;
	if (plain ? make_literal(p, pat, patlen) : make_threads(p)) {
		err_set(err, ERR_SYSTEM, "no memory for a pattern");
		goto fail;
	}
	return p;
fail:
	pattern_free(p);
	return NULL;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	free(p->program.items);
	free(p->literal);
	free(p->border);
	free(p->live.rows);
	free(p->next.rows);
	free(p->work);
	free(p->visited);
	free(p->lazy);
	free(p);
}

int pattern_find(const char *pat, size_t patlen, bool plain, const char *data, size_t len, size_t init,
	struct pattern_match *out, struct err *err)
{
	struct pattern *p = pattern_new(pat, patlen, plain, err);
	if (!p)
		return -1;
	pattern_restart(p, init);
	int found = pattern_search(p, data, len, out, err);
	pattern_free(p);
	return found;
}
