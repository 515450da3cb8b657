// SPDX-License-Identifier: MIT
// spy.c: see spy.h.
#include "port/spy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hexdump.h"
#include "port/tapfile.h"
#include "proto/pcapng.h"

enum format { FORMAT_TEXT, FORMAT_RAW, FORMAT_PCAPNG };

struct spy {
	struct tap tap;
	struct tapfile file;
	struct capture *capture;    /* takes what the file would, unless NULL */
	struct buf text;        /* of the event in hand */
	enum format format;
	bool color, all;
	bool begun;             /* pcapng: the head was written */
	unsigned signals;       /* SIGNAL_ bits last shown */
};

static const struct {
	unsigned bit, pcapng;
	const char *label;
} signals[] = {
	{ SIGNAL_DTR, PCAPNG_DTR, "DTR" }, { SIGNAL_RTS, PCAPNG_RTS, "RTS" }, { SIGNAL_CTS, PCAPNG_CTS, "CTS" },
	{ SIGNAL_DSR, PCAPNG_DSR, "DSR" }, { SIGNAL_RI, PCAPNG_RI, "RI" }, { SIGNAL_CD, PCAPNG_CD, "CD" },
};
enum { SIGNALS = sizeof signals / sizeof *signals };

/* The shortest text that reads back the same, as Python prints a number. */
static void number_text(char text[32], double value)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, 32, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
}

/* ---- text --------------------------------------------------------------------------------- */

static const char *const red = "\033[31m", *const green = "\033[32m", *const white = "\033[37m";

static int put_color(struct spy *s, const char *code)
{
	return s->color ? buf_append(&s->text, code, strlen(code)) : 0;
}

/* Back to normal at the end of the last line, not behind it. */
static int end_color(struct spy *s)
{
	bool line = s->text.len > 0 && buf_data(&s->text)[s->text.len - 1] == '\n' && s->format == FORMAT_TEXT;
	if (s->color && line)
		s->text.len--;
	return put_color(s, "\033[0m") || (s->color && line && buf_append(&s->text, "\n", 1)) ? -1 : 0;
}

static double seconds(const struct spy *s)
{
	return (double)tapfile_clock(&s->file) / 1e6;
}

static int show_bytes(struct spy *s, const char *label, const char *color, const struct tap_event *ev)
{
	int failed = put_color(s, color);
	if (s->format == FORMAT_RAW)
		failed |= buf_append(&s->text, ev->data, ev->size);
	else
		failed |= hexdump_bytes(&s->text, seconds(s), label, ev->data, ev->size);
	return failed | end_color(s);
}

static int show_text(struct spy *s, const char *label, const char *color, const char *text)
{
	return put_color(s, color) | hexdump_text(&s->text, seconds(s), label, text) | end_color(s);
}

static int show_signal(struct spy *s, unsigned bit, bool active)
{
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i].bit == bit)
			return show_text(s, signals[i].label, white, active ? "active" : "inactive");
	return 0;
}

static int show_changes(struct spy *s, unsigned levels)
{
	unsigned changed = (levels ^ s->signals) & ~(unsigned)(SIGNAL_DTR | SIGNAL_RTS);
	int failed = 0;
	for (int i = 0; i < SIGNALS; i++)
		if (changed & signals[i].bit)
			failed |= show_signal(s, signals[i].bit, levels & signals[i].bit);
	return failed;
}

/* What pySerial shows only with `all`, and nothing that it does not know. */
static int see_all(struct spy *s, const struct tap_event *ev)
{
	char text[40];
	switch (ev->kind) {
	case TAP_READ_NOTHING:
		return show_text(s, "RX", green, "<empty>");
	case TAP_IN_WAITING:
		snprintf(text, sizeof text, "in_waiting -> %ld", ev->number);
		return show_text(s, "Q-RX", white, text);
	case TAP_SIGNALS:
		return show_changes(s, (unsigned)ev->number);
	default:
		return 0;
	}
}

static int see_text(struct spy *s, const struct tap_event *ev)
{
	char text[60] = "send_break ";
	switch (ev->kind) {
	case TAP_RX:
		return show_bytes(s, "RX", green, ev);
	case TAP_TX:
		return show_bytes(s, "TX", red, ev);
	case TAP_FLUSH_INPUT:
		return show_text(s, "Q-RX", white, "reset_input_buffer");
	case TAP_FLUSH_OUTPUT:
		return show_text(s, "Q-TX", white, "reset_output_buffer");
	case TAP_DRAIN:
		return show_text(s, "Q-TX", white, "flush");
	case TAP_BREAK:
		return show_text(s, "BRK", white, ev->number ? "active" : "inactive");
	case TAP_SEND_BREAK:
		number_text(text + strlen(text), ev->seconds);
		return show_text(s, "BRK", white, strcat(text, "s"));
	case TAP_SET_SIGNAL: case TAP_GET_SIGNAL:
		return show_signal(s, ev->signal, ev->number);
	default:
		return s->all ? see_all(s, ev) : 0;
	}
}

/* ---- pcapng ------------------------------------------------------------------------------- */

static unsigned pcapng_signals(unsigned levels)
{
	unsigned bits = 0;
	for (int i = 0; i < SIGNALS; i++)
		bits |= levels & signals[i].bit ? signals[i].pcapng : 0u;
	return bits;
}

enum { COMMENT_MAX = 500 };

static void comment_on_settings(char comment[COMMENT_MAX], const char *what, const struct port *p)
{
	char text[32] = "";
	if (p->ops->settings & SET_FRAMING)
		settings_text(&p->cfg.line, text);
	snprintf(comment, COMMENT_MAX, *text ? "%s, %s" : "%s", what, text);
}

/* What happened, in words; "" for bytes and signals, where the packet says it. */
static void comment_on(char comment[COMMENT_MAX], const struct port *p, const struct tap_event *ev)
{
	char number[32];
	const char *text = "";
	switch (ev->kind) {
	case TAP_READ_NOTHING: text = "read nothing"; break;
	case TAP_FLUSH_INPUT: text = "flush_input"; break;
	case TAP_FLUSH_OUTPUT: text = "flush_output"; break;
	case TAP_DRAIN: text = "drain"; break;
	case TAP_BREAK: text = ev->number ? "break on" : "break off"; break;
	case TAP_CLOSE: text = "close"; break;
	case TAP_IN_WAITING:
		snprintf(comment, COMMENT_MAX, "in_waiting %ld", ev->number);
		return;
	case TAP_SEND_BREAK:
		number_text(number, ev->seconds);
		snprintf(comment, COMMENT_MAX, "break %s s", number);
		return;
	case TAP_LOST:
		snprintf(comment, COMMENT_MAX, "lost: %s", p->why ? p->why->text : "");
		return;
	case TAP_OPEN: case TAP_SETTINGS:
		comment_on_settings(comment, ev->kind == TAP_OPEN ? "open" : "settings", p);
		return;
	default:
		break;
	}
	snprintf(comment, COMMENT_MAX, "%s", text);
}

static enum pcapng_event event_of(enum tap_kind kind)
{
	switch (kind) {
	case TAP_RX: return PCAPNG_RX;
	case TAP_TX: return PCAPNG_TX;
	case TAP_BREAK: case TAP_SEND_BREAK: return PCAPNG_BREAK;
	default: return PCAPNG_STATUS;
	}
}

static int see_pcapng(struct spy *s, const struct port *p, const struct tap_event *ev, unsigned levels)
{
	char comment[COMMENT_MAX];
	if (!s->begun && pcapng_head(&s->text, p->name ? p->name : "", p->url.text ? p->url.text : ""))
		return -1;
	s->begun = true;
	bool signal = ev->kind == TAP_SET_SIGNAL || ev->kind == TAP_GET_SIGNAL || ev->kind == TAP_SIGNALS;
	bool idle = ev->kind == TAP_READ_NOTHING || ev->kind == TAP_IN_WAITING;
	if ((signal && levels == s->signals) || (idle && !s->all))
		return 0;
	comment_on(comment, p, ev);
	uint64_t clock = tapfile_clock(&s->file);
	return pcapng_packet(&s->text, &(struct pcapng_packet){ .event = event_of(ev->kind), .time = s->file.epoch + clock,
		.since_start = clock, .signals = pcapng_signals(levels), .data = ev->data, .size = ev->size,
		.comment = *comment ? comment : NULL });
}

/* ---- the tap ------------------------------------------------------------------------------ */

/* The levels as this event tells them. */
static unsigned levels_after(const struct spy *s, const struct port *p, const struct tap_event *ev)
{
	switch (ev->kind) {
	case TAP_SET_SIGNAL: case TAP_GET_SIGNAL:
		return (s->signals & ~ev->signal) | (ev->number ? ev->signal : 0u);
	case TAP_SIGNALS:
		return (unsigned)ev->number;
	case TAP_OPEN:
		return p->outputs | p->signals;
	default:
		return s->signals;
	}
}

/* What a capture has no room for is not there at all: it ends with a packet that says so. */
static int fit(struct spy *s)
{
	char comment[80];
	uint64_t clock = tapfile_clock(&s->file);
	if (capture_has_room(s->capture, s->text.len))
		return 0;
	s->capture->full = true;
	buf_consume(&s->text, s->text.len);
	snprintf(comment, sizeof comment, "cut here: more than %.4g MiB", (double)s->capture->limit / 1048576);
	return s->capture->size == 0 ? 0 : pcapng_packet(&s->text, &(struct pcapng_packet){ .event = PCAPNG_STATUS,
		.time = s->file.epoch + clock, .since_start = clock, .comment = comment });
}

static void spy_see(struct tap *t, struct port *p, const struct tap_event *ev)
{
	struct spy *s = (struct spy *)t;
	unsigned levels = levels_after(s, p, ev);
	int failed = 0;
	if (s->capture && !capture_is_on(s->capture)) {
		s->signals = levels;
		return;
	}
	if (s->format == FORMAT_PCAPNG)
		failed = see_pcapng(s, p, ev, levels);
	else if (s->format == FORMAT_TEXT || ev->kind == TAP_RX || ev->kind == TAP_TX)
		failed = see_text(s, ev);
	s->signals = levels;
	if (s->capture)
		capture_write(s->capture, &s->text, failed | fit(s));
	else
		tapfile_write(&s->file, &s->text, failed);
}

static void spy_free(struct tap *t)
{
	struct spy *s = (struct spy *)t;
	tapfile_close(&s->file);
	if (s->capture)
		capture_release(s->capture);
	buf_clear(&s->text);
	free(s);
}

struct tap *spy_capture(struct capture *c, struct err *e)
{
	struct spy *s = calloc(1, sizeof *s);
	if (!s) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->tap = (struct tap){ .see = spy_see, .free = spy_free };
	s->format = FORMAT_PCAPNG;
	s->capture = capture_hold(c);
	tapfile_open(&s->file, NULL, e);    /* for its clock */
	return &s->tap;
}

static int read_flag(const struct url *u, const char *key, bool *flag, struct err *e)
{
	const char *value = url_get(u, key);
	return value ? value_bool(key, value, flag, e) : 0;
}

static int read_options(struct spy *s, const struct url *u, struct err *e)
{
	const char *format = url_get(u, "format");
	bool raw = false;
	if (read_flag(u, "color", &s->color, e) < 0 || read_flag(u, "all", &s->all, e) < 0
		|| read_flag(u, "raw", &raw, e) < 0)
		return -1;
	s->format = raw ? FORMAT_RAW : FORMAT_TEXT;
	if (!format || strcmp(format, "text") == 0)
		return 0;
	if (strcmp(format, "pcapng") != 0)
		return err_set(e, ERR_UNSUPPORTED, "option format=%s: expected text or pcapng (opening %s)", format, u->text);
	if (raw || s->color)
		return err_set(e, ERR_UNSUPPORTED, "option %s means nothing with format=pcapng (opening %s)",
			raw ? "raw" : "color", u->text);
	if (!url_get(u, "file"))
		return err_set(e, ERR_UNSUPPORTED, "option file is missing: format=pcapng is no text for the terminal "
			"(opening %s)", u->text);
	s->format = FORMAT_PCAPNG;
	return 0;
}

int spy_resolve(const struct url *from, struct url *to, struct tap **taps, struct err *e)
{
	static const char *const own[] = { "file", "color", "raw", "all", "format", "url", NULL };
	static const char *const own_without_url[] = { "file", "color", "raw", "all", "format", NULL };
	bool in_rest = *from->rest;
	struct spy *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, ERR_SYSTEM, "%s: out of memory", from->text);
	s->tap = (struct tap){ .next = *taps, .see = spy_see, .free = spy_free };
	s->file.fd = -1;
	if (read_options(s, from, e) < 0)
		goto fail;
	if (tapfile_inner(to, from, in_rest ? from->rest : url_get(from, "url"), in_rest ? own_without_url : own, e) < 0)
		goto fail;
	if (tapfile_open(&s->file, url_get(from, "file"), e) < 0) {
		err_add(e, " (opening %s)", from->text);
		url_clear(to);
		goto fail;
	}
	*taps = &s->tap;
	return 0;
fail:
	spy_free(&s->tap);
	return -1;
}
