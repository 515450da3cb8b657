// SPDX-License-Identifier: MIT
// record.c: see record.h.
#include "port/record.h"

#include <stdlib.h>
#include <string.h>

#include "port/tapfile.h"
#include "proto/recording.h"

_Static_assert(SIGNAL_DTR == 1 && SIGNAL_RTS == 2 && SIGNAL_CTS == 4 && SIGNAL_DSR == 8 && SIGNAL_RI == 16
	&& SIGNAL_CD == 32, "the bits of proto/recording.h are those of port.h");

enum { INPUTS = SIGNAL_CTS | SIGNAL_DSR | SIGNAL_RI | SIGNAL_CD };

struct recorder {
	struct tap tap;
	struct tapfile file;
	struct buf line;
};

static enum recording_kind kind_of(enum tap_kind kind)
{
	switch (kind) {
	case TAP_RX: return RECORDING_RX;
	case TAP_TX: return RECORDING_TX;
	case TAP_FLUSH_INPUT: return RECORDING_FLUSH_INPUT;
	case TAP_FLUSH_OUTPUT: return RECORDING_FLUSH_OUTPUT;
	case TAP_BREAK: case TAP_SEND_BREAK: return RECORDING_BREAK;
	case TAP_SET_SIGNAL: return RECORDING_SET;
	case TAP_GET_SIGNAL: return RECORDING_ASKED;
	case TAP_SIGNALS: return RECORDING_SIGNALS;
	case TAP_SETTINGS: return RECORDING_SETTINGS;
	case TAP_OPEN: return RECORDING_OPEN;
	case TAP_CLOSE: return RECORDING_CLOSE;
	case TAP_LOST: return RECORDING_LOST;
	default: return RECORDING_DRAIN;
	}
}

static void record_see(struct tap *t, struct port *p, const struct tap_event *seen)
{
	struct recorder *r = (struct recorder *)t;
	char settings[32] = "";
	if (seen->kind == TAP_READ_NOTHING || seen->kind == TAP_IN_WAITING)
		return;
	struct recording_event ev = { .kind = kind_of(seen->kind), .time = tapfile_clock(&r->file), .data = seen->data,
		.size = seen->size, .signals = seen->signal, .on = seen->number, .seconds = seen->seconds,
		.settings = settings };
	if (p->ops->settings & SET_FRAMING)
		settings_text(&p->cfg.line, settings);
	if (seen->kind == TAP_SIGNALS)
		ev.signals = (unsigned)seen->number & INPUTS;
	if (seen->kind == TAP_OPEN || seen->kind == TAP_LOST) {
		ev.data = seen->kind == TAP_OPEN ? p->url.text : p->why ? p->why->text : "lost";
		ev.size = strlen(ev.data);
	}
	tapfile_write(&r->file, &r->line, recording_write(&r->line, &ev));
}

static void record_free(struct tap *t)
{
	struct recorder *r = (struct recorder *)t;
	tapfile_close(&r->file);
	buf_clear(&r->line);
	free(r);
}

int record_resolve(const struct url *from, struct url *to, struct tap **taps, struct err *e)
{
	static const char *const own[] = { "url", NULL };
	if (!*from->rest || !url_get(from, "url"))
		return err_set(e, ERR_UNSUPPORTED, "%s: the %s is missing; write record:FILE?url=URL", from->text,
			*from->rest ? "URL of the port" : "file");
	struct recorder *r = calloc(1, sizeof *r);
	if (!r)
		return err_set(e, ERR_SYSTEM, "%s: out of memory", from->text);
	r->tap = (struct tap){ .next = *taps, .see = record_see, .free = record_free };
	r->file.fd = -1;
	if (tapfile_inner(to, from, url_get(from, "url"), own, e) < 0)
		goto fail;
	if (tapfile_open(&r->file, from->rest, e) < 0) {
		err_add(e, " (opening %s)", from->text);
		url_clear(to);
		goto fail;
	}
	tapfile_write(&r->file, &r->line, recording_head(&r->line, r->file.epoch / 1000000));
	*taps = &r->tap;
	return 0;
fail:
	record_free(&r->tap);
	return -1;
}
