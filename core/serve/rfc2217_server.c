// SPDX-License-Identifier: MIT
// rfc2217_server.c: see rfc2217_server.h.  One event of the client at a time: data goes into rx; a request is
// put off until the data before it is used up, and what follows waits until it is answered.  So the order is
// the client's, and each request has one answer.  proto/rfc2217_server.c knows the protocol.
#include "serve/rfc2217_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "port/ask.h"
#include "port/layer.h"
#include "port/rfc2217_settings.h"
#include "port/telnetwrite.h"
#include "proto/rfc2217_server.h"

/* Answers that may wait for a client that does not read: then its requests wait too.  One that has suspended us
 * and goes on asking cannot be made to wait, because it must be able to resume. */
enum { ANSWERS_MOST = 64 * 1024, ANSWERS_SUSPENDED_MOST = 256 * 1024 };

/* A rate outside is refused before a driver is asked: some take anything. */
enum { RATE_LEAST = 45, RATE_MOST = 50000000 };

#define BREAK_SECONDS 0.25                   /* of IAC BRK */

struct session {
	struct layer l;                      /* first */
	struct rfc2217_server s;
	struct rfc2217_server_event asked;   /* kind SERVER_NOTHING: none */
	bool put_off;                        /* it waits until rx is used up */
	bool pending;                        /* the line is at it */
	bool blocked;                        /* a write waits for FLOWCONTROL-RESUME */
	bool ending;                         /* the client sends no more */
	struct port_errors told;             /* errors of the line that the client knows of */
	struct line own;                     /* where nobody is asked: ours */
	char *signature;                     /* the client's */
};

static struct session *of(struct port *p) { return (struct session *)p; }

static const struct line *line_of(const struct session *s)
{
	return s->l.port.line ? s->l.port.line : &s->own;
}

/* ---- the line that is our own ------------------------------------------------------------- */

/* The client's outputs at our end of the cable. */
static unsigned wired(unsigned outputs)
{
	return (outputs & SIGNAL_RTS ? SIGNAL_CTS : 0u) | (outputs & SIGNAL_DTR ? SIGNAL_DSR | SIGNAL_CD : 0u);
}

static int ask_own(struct session *s, const struct ask *a)
{
	struct port *p = &s->l.port;
	switch (a->kind) {
	case ASK_SET:
		p->cfg.line = s->own.settings = a->settings;
		port_tap_number(p, TAP_SETTINGS, a->mask);
		break;
	case ASK_SIGNALS:
		s->own.outputs = (s->own.outputs & ~a->mask) | (a->levels & a->mask);
		port_signals_changed(p, wired(s->own.outputs));
		break;
	case ASK_BREAK: case ASK_SEND_BREAK:
		if (a->kind == ASK_SEND_BREAK || (a->on && !s->own.break_on)) {
			p->errors.breaks++;              /* as on a line: a NUL byte, and a count */
			port_received(p, "", 1);
		}
		s->own.break_on = a->kind == ASK_BREAK && a->on;
		break;
	case ASK_FLUSH:
		if (a->which & FLUSH_OUTPUT) {           /* what it has sent and nobody has read */
			port_consume(p, p->rx.len);
			p->emptied++;
		}
		break;
	default:
		break;
	}
	return 0;
}

static int ask(struct session *s, const struct ask *a)
{
	struct port *p = &s->l.port;
	struct err e;
	return p->ask ? p->ask(p->ask_arg, a, &e) : ask_own(s, a);
}

/* ---- values ------------------------------------------------------------------------------- */

static uint32_t inbound_value(const struct settings *s)
{
	bool xonxoff = s->inbound ? s->inbound > 0 : s->xonxoff;
	return s->rtscts ? CONTROL_INBOUND_HARDWARE : s->dsrdtr ? CONTROL_INBOUND_DTR : xonxoff ? CONTROL_INBOUND_XONXOFF :
		CONTROL_INBOUND_NONE;
}

static uint32_t control_value(const struct line *l, uint32_t asked)
{
	switch (rfc2217_subject(asked)) {
	case SUBJECT_FLOW: return rfc2217_flow_of(&l->settings);
	case SUBJECT_INBOUND: return inbound_value(&l->settings);
	case SUBJECT_BREAK: return l->break_on ? CONTROL_BREAK_ON : CONTROL_BREAK_OFF;
	case SUBJECT_DTR: return l->outputs & SIGNAL_DTR ? CONTROL_DTR_ON : CONTROL_DTR_OFF;
	default: return l->outputs & SIGNAL_RTS ? CONTROL_RTS_ON : CONTROL_RTS_OFF;
	}
}

/* What is in force, in the words of the request. */
static uint32_t in_force(const struct session *s, const struct rfc2217_message *m)
{
	const struct line *l = line_of(s);
	switch (m->command) {
	case RFC2217_SET_BAUDRATE: return (uint32_t)l->settings.baudrate;
	case RFC2217_SET_DATASIZE: return (uint32_t)l->settings.bytesize;
	case RFC2217_SET_PARITY: return rfc2217_parity_value(l->settings.parity);
	case RFC2217_SET_STOPSIZE: return rfc2217_stopsize(l->settings.stopbits);
	case RFC2217_SET_CONTROL: return control_value(l, m->value);
	case RFC2217_NOTIFY_MODEMSTATE: return s->s.modem;
	case RFC2217_NOTIFY_LINESTATE:
		return l->sent ? LINE_SHIFT_EMPTY | LINE_HOLDING_EMPTY : 0u;
	default: return m->value;
	}
}

/* ---- requests as asks --------------------------------------------------------------------- */

/* A request for flow control: false when there is no such thing. */
static bool flow_ask(struct ask *a, uint32_t value)
{
	struct settings *s = &a->settings;
	a->mask = SET_XONXOFF | SET_RTSCTS | SET_DSRDTR;
	switch (value) {
	case CONTROL_INBOUND_NONE: case CONTROL_INBOUND_XONXOFF:
		if (s->rtscts || s->dsrdtr)              /* these are both ways, or not at all */
			return false;
		s->inbound = (value == CONTROL_INBOUND_XONXOFF) == s->xonxoff ? 0 : s->xonxoff ? -1 : 1;
		a->mask = SET_XONXOFF;
		return true;
	case CONTROL_FLOW_NONE: case CONTROL_FLOW_XONXOFF: case CONTROL_FLOW_HARDWARE: case CONTROL_FLOW_DSR:
		s->xonxoff = value == CONTROL_FLOW_XONXOFF;
		s->rtscts = value == CONTROL_FLOW_HARDWARE;
		s->dsrdtr = value == CONTROL_FLOW_DSR;
		s->inbound = 0;
		return true;
	default:
		return false;
	}
}

static bool control_ask(struct ask *a, uint32_t value)
{
	switch (rfc2217_subject(value)) {
	case SUBJECT_BREAK:
		a->kind = ASK_BREAK;
		a->on = value == CONTROL_BREAK_ON;
		return value != CONTROL_BREAK_ASK;
	case SUBJECT_DTR:
		*a = (struct ask){ .kind = ASK_SIGNALS, .mask = SIGNAL_DTR, .levels = value == CONTROL_DTR_ON ? SIGNAL_DTR : 0u };
		return value != CONTROL_DTR_ASK;
	case SUBJECT_RTS:
		*a = (struct ask){ .kind = ASK_SIGNALS, .mask = SIGNAL_RTS, .levels = value == CONTROL_RTS_ON ? SIGNAL_RTS : 0u };
		return value != CONTROL_RTS_ASK;
	default:
		return flow_ask(a, value);
	}
}

/* RFC 2217 names the buffers as the server has them: received from the line, to be transmitted on it. */
static int which_buffers(uint32_t value)
{
	return (value & PURGE_RECEIVE ? FLUSH_INPUT : 0) | (value & PURGE_TRANSMIT ? FLUSH_OUTPUT : 0);
}

/* What a request wants of the line: false, nothing (a question, or a value that cannot be). */
static bool ask_for(const struct session *s, const struct rfc2217_message *m, struct ask *a)
{
	*a = (struct ask){ .kind = ASK_SET, .settings = line_of(s)->settings };
	switch (m->command) {
	case RFC2217_SET_BAUDRATE:
		a->mask = SET_BAUDRATE;
		a->settings.baudrate = m->value;
		return m->value >= RATE_LEAST && m->value <= RATE_MOST;
	case RFC2217_SET_DATASIZE:
		a->mask = SET_BYTESIZE;
		a->settings.bytesize = (int)m->value;
		return m->value >= 5 && m->value <= 8;
	case RFC2217_SET_PARITY:
		a->mask = SET_PARITY;
		a->settings.parity = rfc2217_parity_letter(m->value);
		return a->settings.parity != 0;
	case RFC2217_SET_STOPSIZE:
		a->mask = SET_STOPBITS;
		a->settings.stopbits = rfc2217_stopbits(m->value);
		return a->settings.stopbits > 0;
	case RFC2217_SET_CONTROL:
		return control_ask(a, m->value);
	case RFC2217_PURGE_DATA:
		*a = (struct ask){ .kind = ASK_FLUSH, .which = which_buffers(m->value) };
		return true;
	case RFC2217_NOTIFY_LINESTATE: case RFC2217_NOTIFY_MODEMSTATE:
		a->kind = ASK_LOOK;
		return true;
	default:
		return false;
	}
}

/* ---- answers ------------------------------------------------------------------------------ */

static void send_all(struct session *s)
{
	struct err e;
	struct port *p = &s->l.port;
	if (s->s.telnet.failed) {
		err_sys(&e, ENOMEM, "%s: answering", p->name);
		port_lost(p, &e);
	} else if (s->s.suspended && s->s.out.len > ANSWERS_SUSPENDED_MOST) {
		err_set(&e, ERR_PROTOCOL, "%s: the client has suspended us and goes on asking", p->name);
		port_lost(p, &e);
	} else if (!s->s.suspended && layer_flush(&s->l, &s->s.out, &e) < 0)
		port_lost(p, &e);
}

static void sign(struct session *s)
{
	char text[120];
	const char *name = line_of(s)->name;
	snprintf(text, sizeof text, "moonrig " MOONRIG_VERSION "%s%s", name ? " " : "", name ? name : "");
	rfc2217_server_sign(&s->s, text);
}

static void answer(struct session *s)
{
	const struct rfc2217_message *m = &s->asked.message;
	if (s->asked.kind == SERVER_ASKED) {
		if (m->command == RFC2217_SIGNATURE)
			sign(s);
		else
			rfc2217_server_answer(&s->s, m, in_force(s, m));
	}
	s->asked.kind = SERVER_NOTHING;
	s->pending = s->put_off = false;
}

/* Does what was asked: false when the line takes its time. */
static bool serve(struct session *s)
{
	struct ask a = { .kind = ASK_SEND_BREAK, .seconds = BREAK_SECONDS };
	s->put_off = false;
	if (s->asked.kind == SERVER_BREAK || ask_for(s, &s->asked.message, &a))
		s->pending = ask(s, &a) == 1;
	if (!s->pending)
		answer(s);
	return !s->pending;
}

/* ---- events ------------------------------------------------------------------------------- */

static void listens_changed(struct session *s)
{
	struct port *p = &s->l.port;
	unsigned now = (s->s.agreed && s->s.modem_mask ? LISTENS_SIGNALS : 0u) |
		(s->s.agreed && s->s.line_mask ? LISTENS_ERRORS : 0u);
	if (now == p->listens)
		return;
	bool errors = now & ~p->listens & LISTENS_ERRORS;
	p->listens = now;
	ask(s, &(struct ask){ .kind = ASK_LISTEN });
	if (errors)
		s->told = line_of(s)->errors;
}

/* What has not been transmitted goes: waiting for that would be vain with a line that takes nothing. */
static bool purges(const struct rfc2217_message *m)
{
	return m->command == RFC2217_PURGE_DATA && m->value & PURGE_TRANSMIT;
}

/* False: what follows has to wait. */
static bool happened(struct session *s, const struct rfc2217_server_event *ev)
{
	struct port *p = &s->l.port;
	switch (ev->kind) {
	case SERVER_DATA:
		layer_gather(&s->l, ev->data, ev->size);
		return true;
	case SERVER_BREAK: case SERVER_ASKED:
		s->asked = *ev;
		s->put_off = p->ask && p->rx.len && !purges(&ev->message);
		return !s->put_off && serve(s);
	case SERVER_SIGNATURE:
		free(s->signature);
		s->signature = strndup((const char *)ev->message.text, ev->message.size);
		return true;
	default:
		return true;
	}
}

static bool may_go_on(const struct session *s)
{
	return !s->put_off && !s->pending && !s->l.port.throttled && s->l.inner &&
		(s->s.suspended || s->s.out.len < ANSWERS_MOST);
}

static void received(struct layer *l)
{
	struct session *s = (struct session *)l;
	while (may_go_on(s) && l->inner->rx.len) {
		struct rfc2217_server_event ev;
		struct port *inner = l->inner;
		size_t used = rfc2217_server_next(&s->s, buf_data(&inner->rx), inner->rx.len, &ev);
		if (ev.kind != SERVER_DATA)
			layer_tell(l);
		bool more = l->inner == inner && happened(s, &ev);
		if (l->inner != inner)
			return;
		port_consume(inner, used);
		if (!more)
			break;
	}
	layer_tell(l);
	listens_changed(s);
	if (s->ending && l->inner && !l->inner->rx.len)
		s->s.suspended = false;          /* nobody can resume us any more */
	if (s->blocked && !s->s.suspended) {
		s->blocked = false;
		port_writable(&l->port);
	}
	if (l->inner)
		send_all(s);
	if (s->ending && l->inner && !l->inner->rx.len && !s->asked.kind && !l->port.eof) {
		struct err why;
		port_why(l->inner, &why);
		port_eof(&l->port, &why);
	}
}

static void writable(struct layer *l)
{
	struct session *s = (struct session *)l;
	send_all(s);
	if (!l->inner || s->s.out.len)
		return;
	rfc2217_server_tell(&s->s);
	send_all(s);
	port_writable(&l->port);
	if (l->inner && l->inner->rx.len)
		layer_pump(&l->port);
}

/* The client sends no more: what it has sent before is served first; what comes from the line still reaches it. */
static void ended(struct layer *l, const struct err *why)
{
	struct session *s = (struct session *)l;
	if (l->inner->state != PORT_OPEN) {
		port_lost(&l->port, why);
		return;
	}
	s->ending = true;
	layer_pump(&l->port);
}

static const struct layer_ops layer = { .received = received, .writable = writable, .ended = ended };

/* ---- operations --------------------------------------------------------------------------- */

static void session_proceed(struct port *p)
{
	struct session *s = of(p);
	if (s->put_off && !p->rx.len && serve(s))
		layer_pump(p);
}

static void session_answered(struct port *p, const struct err *e)
{
	(void)e;
	struct session *s = of(p);
	if (!s->pending)
		return;
	answer(s);
	send_all(s);
	layer_pump(p);
}

static unsigned modem_bits(unsigned inputs)
{
	return (inputs & SIGNAL_CTS ? MODEM_CTS : 0u) | (inputs & SIGNAL_DSR ? MODEM_DSR : 0u) |
		(inputs & SIGNAL_RI ? MODEM_RI : 0u) | (inputs & SIGNAL_CD ? MODEM_CD : 0u);
}

static void session_line_changed(struct port *p)
{
	struct session *s = of(p);
	const struct line *l = line_of(s);
	unsigned happened = (l->errors.breaks != s->told.breaks ? LINE_BREAK : 0u) |
		(l->errors.framing != s->told.framing ? LINE_FRAMING : 0u) |
		(l->errors.parity != s->told.parity ? LINE_PARITY : 0u) |
		(l->errors.overrun != s->told.overrun ? LINE_OVERRUN : 0u);
	s->told = l->errors;
	rfc2217_server_modem(&s->s, modem_bits(l->inputs));
	rfc2217_server_line(&s->s, l->sent ? LINE_SHIFT_EMPTY | LINE_HOLDING_EMPTY : 0u, happened);
	if (l->settings.baudrate)
		p->cfg.line = l->settings;
	send_all(s);
}

static ssize_t session_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct session *s = of(p);
	if (s->s.suspended) {
		s->blocked = true;
		return 0;
	}
	return telnetwrite(&s->l, &s->s.telnet, data, n, e);
}

static int session_set(struct port *p, const struct settings *settings, unsigned mask, struct err *e)
{
	(void)mask, (void)e;
	of(p)->own.settings = *settings;
	return 0;
}

static int session_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e)
{
	(void)e;
	struct session *s = of(p);
	s->own.inputs = wired((p->outputs & ~mask) | (values & mask));
	session_line_changed(p);
	return 0;
}

static int session_get_signals(struct port *p, unsigned *values, struct err *e)
{
	(void)e;
	*values = p->signals;
	return 0;
}

static int session_set_break(struct port *p, bool on, struct err *e)
{
	(void)e;
	if (on && !p->break_on)
		of(p)->own.errors.breaks++;
	session_line_changed(p);
	return 0;
}

static int session_out_waiting(struct port *p, size_t *n, struct err *e)
{
	struct session *s = of(p);
	if (port_out_waiting(s->l.inner, n, e) < 0)
		return -1;
	*n += s->s.out.len;
	return 0;
}

static int session_suspend(struct port *p, bool on, struct err *e)
{
	(void)e;
	rfc2217_server_suspend(&of(p)->s, on);
	send_all(of(p));
	return 0;
}

static const char *session_signature(struct port *p)
{
	return of(p)->signature;
}

static int no_open(struct port *p, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: an accepted connection cannot be opened again", p->name);
}

static void session_close(struct port *p)
{
	struct session *s = of(p);
	layer_close_after(&s->l, &s->s.out);
}

static void session_free(struct port *p)
{
	rfc2217_server_clear(&of(p)->s);
	free(of(p)->signature);
	layer_free(p);
}

static const struct port_ops session_ops = {
	.name = "rfc2217", .size = sizeof(struct session), .settings = SET_LINE & ~(unsigned)(SET_RS485 | SET_LOW_LATENCY),
	.open = no_open, .close = session_close, .free = session_free, .write = session_write, .throttle = layer_throttle,
	.pump = layer_pump, .peek = layer_peek, .in_waiting = layer_in_waiting, .out_waiting = session_out_waiting,
	.set = session_set, .set_signals = session_set_signals, .get_signals = session_get_signals,
	.set_break = session_set_break, .proceed = session_proceed, .answered = session_answered,
	.line_changed = session_line_changed, .suspend = session_suspend, .signature = session_signature,
};

struct port *rfc2217_accepted(struct event_base *base, struct port *inner, struct err *e)
{
	struct url u;
	struct port *p = url_parse(&u, inner->url.text, e) < 0 ? NULL : port_new(&session_ops, base, &u);
	if (!p) {
		url_clear(&u);
		port_free(inner);
		err_sys(e, ENOMEM, "accepting");
		return NULL;
	}
	struct session *s = of(p);
	p->name = strdup(inner->name);
	p->outputs = SIGNAL_DTR | SIGNAL_RTS;
	s->own = (struct line){ .settings = p->cfg.line, .outputs = p->outputs, .inputs = wired(p->outputs), .sent = true };
	p->signals = wired(s->own.outputs);
	s->l.up = &layer;
	rfc2217_server_init(&s->s);
	s->s.modem = (unsigned char)modem_bits(s->own.inputs);
	s->s.line = LINE_SHIFT_EMPTY | LINE_HOLDING_EMPTY;
	layer_adopt(&s->l, inner);
	port_start(p);
	send_all(s);
	return p;
}
