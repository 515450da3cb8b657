// SPDX-License-Identifier: MIT
// rfc2217.c: the client's side of RFC 2217 as a port: a layer on socket:// or socket+tls://.  Which bytes
// say what is proto/rfc2217_client.c's; here requests become operations that are pending until all their
// answers are there.  An open offers the options; a server that is near has agreed a moment later, and gets all
// settings then, as the RFC has it.  Waiting for one that is far would cost a round trip: it gets them unasked, and
// once more when it threw them away because they came before the agreement.
#include "port/rfc2217.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "port/clock.h"
#include "port/layer.h"
#include "port/rfc2217_settings.h"
#include "port/telnetwrite.h"
#include "proto/rfc2217_client.h"

/* Seconds after the agreement until what has no answer is said again: as long as half a round trip, at least
 * this; and from then on. */
#define NEAR 0.002                           /* seconds in which a near server has agreed */
#define PATIENCE 0.02
#define PATIENCE_LATER 1.0
#define DRAIN_PAUSE 0.002                    /* between questions whether all is sent */
#define DRAIN_SLACK 0.05
#define BITS_MOST 12                         /* of a byte on the line */
#define MODEM_STALE 0.3                      /* poll_modem: ask when the state is older, as pySerial does */

enum { ERRORS_TOLD = LINE_BREAK | LINE_FRAMING | LINE_PARITY | LINE_OVERRUN };

struct remote {
	struct layer l;                      /* first */
	struct rfc2217_client c;
	struct event again;                  /* repeats requests; looks again whether all is sent */
	bool poll_modem;                     /* option */
	bool waiting;                        /* for answers: port_done() follows */
	bool shaking;                        /* an open is under way */
	bool greeting;                       /* its settings are not sent yet */
	bool repeated;                       /* nothing is to be said again */
	unsigned driven, levels;             /* outputs that we have set, and at open how; others are only asked about */
	double began;                        /* when its requests went out */
	double modem_at;                     /* the last NOTIFY-MODEMSTATE */
	bool purging;                        /* received bytes are thrown away until PURGE-DATA is answered */
	bool draining, line_told;            /* NOTIFY-LINESTATE came since the last question */
	double drained_by;                   /* by the rate: some servers always say that something is left */
	uint64_t drained;                    /* of port.given: sent at that time */
	unsigned line;                       /* its bits */
	bool blocked;                        /* a write waits for FLOWCONTROL-RESUME */
	struct settings before;              /* in force before set() */
	struct err failure;                  /* of an operation that is being undone */
	bool undoing;
	char *signature;                     /* the server's, once it was asked (gensiot 2.6 dies of the question) */
	bool signing;                        /* it is being asked */
};

static struct remote *of(struct port *p) { return (struct remote *)p; }

/* ---- requests ----------------------------------------------------------------------------- */

static int send_all(struct remote *r, struct err *e)
{
	if (r->c.telnet.failed)
		return err_set(e, ERR_SYSTEM, "%s: out of memory", r->l.port.name);
	if (r->c.suspended)
		return 0;
	return layer_flush(&r->l, &r->c.out, e) < 0 && layer_write_failed(&r->l, e) < 0 ? -1 : 0;
}

static void again_after(struct remote *r, double seconds)
{
	struct timeval t = clock_interval(seconds);
	event_add(&r->again, &t);
}

/* Not waited for: some servers have no answer.  It comes before those that are. */
static void ask_levels(struct remote *r)
{
	if (!(r->driven & SIGNAL_DTR))
		rfc2217_client_say(&r->c, RFC2217_SET_CONTROL, CONTROL_DTR_ASK);
	if (!(r->driven & SIGNAL_RTS))
		rfc2217_client_say(&r->c, RFC2217_SET_CONTROL, CONTROL_RTS_ASK);
}

/* ---- how requests end --------------------------------------------------------------------- */

static void take_over_outputs(struct port *p)
{
	const struct rfc2217_item_state *dtr = &of(p)->c.items[ITEM_DTR], *rts = &of(p)->c.items[ITEM_RTS],
		*line_break = &of(p)->c.items[ITEM_BREAK];
	if (dtr->in_force == CONTROL_DTR_ON || dtr->in_force == CONTROL_DTR_OFF)
		p->outputs = (p->outputs & ~(unsigned)SIGNAL_DTR) | (dtr->in_force == CONTROL_DTR_ON ? SIGNAL_DTR : 0u);
	if (rts->in_force == CONTROL_RTS_ON || rts->in_force == CONTROL_RTS_OFF)
		p->outputs = (p->outputs & ~(unsigned)SIGNAL_RTS) | (rts->in_force == CONTROL_RTS_ON ? SIGNAL_RTS : 0u);
	if (line_break->in_force)
		p->break_on = line_break->in_force == CONTROL_BREAK_ON;
}

static void done(struct remote *r, const struct err *e)
{
	struct port *p = &r->l.port;
	r->waiting = r->shaking = r->purging = r->draining = r->signing = false;
	event_del(&r->again);
	rfc2217_client_forget(&r->c);
	port_done(p, e);
}

static int not_transparent(struct remote *r, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: the server refuses Telnet's BINARY option, so serial data would be changed on the "
		"way; use another server, or socket:// if it has a raw port", r->l.port.name);
}

/* The settings that the server took go back to what was in force before the others were refused. */
static bool undo(struct remote *r, const struct err *why)
{
	const struct rfc2217_item_state *i = r->c.items;
	struct settings now = r->before;
	rfc2217_take_settings(&r->c, &now);
	rfc2217_client_forget(&r->c);
	unsigned changed = settings_differ(&now, &r->before);
	if (r->shaking || r->undoing || !changed || i[ITEM_PURGE].refused)
		return false;
	r->undoing = true;
	r->failure = *why;
	rfc2217_ask_settings(&r->c, &r->before, changed);
	return send_all(r, NULL) == 0;
}

/* Whether all is sent cannot be asked; whether the transmitter is empty can, from servers that answer polls.
 * The question behind it has an answer in any case, and that says that the data before it has arrived. */
static void ask_drained(struct remote *r)
{
	r->line_told = false;
	rfc2217_client_say(&r->c, RFC2217_NOTIFY_LINESTATE, 0);
	rfc2217_client_ask(&r->c, ITEM_DATASIZE, 0);
	send_all(r, NULL);
}

static void all_answered(struct remote *r)
{
	struct err e = { 0 };
	struct port *p = &r->l.port;
	enum rfc2217_item refused = rfc2217_client_refused(&r->c);
	int transparent = rfc2217_client_transparent(&r->c);
	if (r->shaking && transparent == 0 && !r->repeated) {   /* wait for that too, not for ever */
		again_after(r, PATIENCE);
		return;
	}
	if (r->shaking && transparent < 0)
		not_transparent(r, &e);
	else if (refused < ITEMS && (rfc2217_refusal(&r->c, refused, p->name, &e), undo(r, &e)))
		return;
	if (r->draining && r->line_told && !(r->line & LINE_SHIFT_EMPTY) && clock_now() < r->drained_by) {
		again_after(r, DRAIN_PAUSE);
		return;
	}
	if (r->undoing) {
		e = r->failure;
		r->undoing = false;
	}
	rfc2217_take_settings(&r->c, &p->cfg.line);
	take_over_outputs(p);
	done(r, &e);
}

static void look_whether_done(struct remote *r)
{
	if (r->waiting && !r->greeting && !r->signing && rfc2217_client_awaits(&r->c) == ITEMS)
		all_answered(r);
}

/* ---- events ------------------------------------------------------------------------------- */

static void count_errors(struct port *p, unsigned bits)
{
	p->errors.breaks += !!(bits & LINE_BREAK);
	p->errors.framing += !!(bits & LINE_FRAMING);
	p->errors.parity += !!(bits & LINE_PARITY);
	p->errors.overrun += !!(bits & LINE_OVERRUN);
}

static unsigned signals_of(unsigned modem)
{
	return (modem & MODEM_CTS ? SIGNAL_CTS : 0u) | (modem & MODEM_DSR ? SIGNAL_DSR : 0u) |
		(modem & MODEM_RI ? SIGNAL_RI : 0u) | (modem & MODEM_CD ? SIGNAL_CD : 0u);
}

/* All settings, and what we want to be told. */
static void say_settings(struct remote *r)
{
	struct port *p = &r->l.port;
	r->greeting = false;
	r->began = clock_now();
	ask_levels(r);
	rfc2217_ask_settings(&r->c, &p->cfg.line, SET_FRAMING | SET_XONXOFF | SET_RTSCTS | SET_DSRDTR);
	rfc2217_ask_signals(&r->c, r->driven, r->levels);
	rfc2217_client_say(&r->c, RFC2217_SET_LINESTATE_MASK, ERRORS_TOLD);
	rfc2217_client_say(&r->c, RFC2217_SET_MODEMSTATE_MASK, 255);
}

static void agreed(struct remote *r)
{
	if (r->shaking && r->greeting) {
		event_del(&r->again);
		r->repeated = true;
		say_settings(r);
		return;
	}
	double half = (clock_now() - r->began) / 2;
	if (r->shaking && rfc2217_client_awaits(&r->c) < ITEMS)
		again_after(r, half > PATIENCE ? half : PATIENCE);
}

static void refused_option(struct remote *r)
{
	struct err e;
	err_set(&e, ERR_UNSUPPORTED, "%s does not speak RFC 2217: it refuses the COM-PORT-OPTION (a raw TCP port is socket://%s)",
		r->l.port.name, r->l.port.url.rest);
	if (r->shaking)
		done(r, &e);
	else
		port_lost(&r->l.port, &e);
}

static void happened(struct remote *r, const struct rfc2217_client_event *ev)
{
	struct port *p = &r->l.port;
	switch (ev->kind) {
	case CLIENT_DATA:
		if (!r->purging)
			layer_gather(&r->l, ev->data, ev->size);
		break;
	case CLIENT_AGREED:
		agreed(r);
		break;
	case CLIENT_REFUSED:
		refused_option(r);
		break;
	case CLIENT_BINARY:
		look_whether_done(r);
		break;
	case CLIENT_ANSWER:
		r->purging = r->purging && r->c.items[ITEM_PURGE].awaited;
		if (r->waiting)
			look_whether_done(r);
		else {                           /* somebody else changed it */
			rfc2217_take_settings(&r->c, &p->cfg.line);
			take_over_outputs(p);
		}
		break;
	case CLIENT_MODEM:
		r->modem_at = clock_now();
		port_signals_changed(p, signals_of(r->c.modem));
		break;
	case CLIENT_LINE:
		r->line = ev->value;
		r->line_told = true;
		count_errors(p, ev->value);
		break;
	case CLIENT_SIGNATURE:
		free(r->signature);
		r->signature = strndup((const char *)ev->data, ev->size);
		r->signing = false;
		look_whether_done(r);
		break;
	case CLIENT_RESUMED:
		if (!r->c.suspended && send_all(r, NULL) == 0 && r->blocked) {
			r->blocked = false;
			port_writable(p);
		}
		break;
	default:
		break;
	}
}

static bool is_busy(struct layer *l)
{
	return ((struct remote *)l)->waiting;
}

static void received(struct layer *l)
{
	struct remote *r = (struct remote *)l;
	while (l->inner && l->inner->rx.len && (!l->port.throttled || r->waiting)) {
		struct rfc2217_client_event ev;
		struct port *inner = l->inner;
		size_t used = rfc2217_client_next(&r->c, buf_data(&inner->rx), inner->rx.len, &ev);
		if (ev.kind != CLIENT_DATA)
			layer_tell(l);
		if (l->inner == inner)
			happened(r, &ev);        /* may end it all: inner stays, closed, and empty */
		if (l->inner == inner)
			port_consume(inner, used);
	}
	layer_tell(l);
	send_all(r, NULL);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct remote *r = arg;
	if (!r->waiting || !r->l.inner)
		return;
	if (r->draining) {
		ask_drained(r);
		return;
	}
	if (r->greeting) {
		say_settings(r);
		send_all(r, NULL);
		return;
	}
	r->repeated = true;
	if (rfc2217_client_awaits(&r->c) == ITEMS) {            /* only BINARY has no answer */
		all_answered(r);
		return;
	}
	if (r->shaking && !r->c.items[ITEM_DTR].in_force)
		ask_levels(r);
	rfc2217_client_repeat(&r->c);
	again_after(r, PATIENCE_LATER);
	send_all(r, NULL);
}

static void writable(struct layer *l)
{
	struct remote *r = (struct remote *)l;
	if (send_all(r, NULL) == 0 && !r->c.out.len)
		port_writable(&l->port);
}

static void ended(struct layer *l, const struct err *why)
{
	struct port *p = &l->port;
	struct err e = *why;
	if (p->state == PORT_OPEN)
		port_lost(p, &e);
	else
		done((struct remote *)l, &e);
}

/* ---- open, close -------------------------------------------------------------------------- */

/* Levels of the outputs that are driven: as asked for, or as they were before the connection was lost. */
static unsigned levels_at_open(struct remote *r)
{
	const struct port *p = &r->l.port;
	if (p->state == PORT_LOST)
		return p->outputs;
	r->driven = (p->cfg.dtr >= 0 ? SIGNAL_DTR : 0u) | (p->cfg.rts >= 0 ? SIGNAL_RTS : 0u);
	return (p->cfg.dtr > 0 ? SIGNAL_DTR : 0u) | (p->cfg.rts > 0 ? SIGNAL_RTS : 0u);
}

static void shake_hands(struct layer *l)
{
	struct remote *r = (struct remote *)l;
	struct err e = { 0 };
	r->levels = levels_at_open(r);
	r->greeting = true;
	rfc2217_client_clear(&r->c);
	rfc2217_client_init(&r->c, "moonrig " MOONRIG_VERSION);
	again_after(r, NEAR);
	if (send_all(r, &e) < 0)
		done(r, &e);
}

static const struct layer_ops layer = { .opened = shake_hands, .received = received, .writable = writable, .ended = ended,
	.busy = is_busy };

static int flag(const struct url *u, const char *key, bool *on, struct err *e)
{
	const char *value = url_get(u, key);
	return value ? value_bool(key, value, on, e) : 0;
}

static int one_flow_control(const struct settings *s, struct err *e)
{
	if (s->rtscts + s->xonxoff + s->dsrdtr > 1)
		return err_set(e, ERR_UNSUPPORTED, "RFC 2217 has one kind of flow control at a time: choose one of rtscts, xonxoff, "
			"dsrdtr");
	return 0;
}

static int open_over(struct port *p, const char *scheme, const char *const *options, struct err *e)
{
	struct remote *r = of(p);
	if (flag(&p->url, "ign_set_control", &r->c.ignore_control, e) < 0 || flag(&p->url, "poll_modem", &r->poll_modem, e) < 0
		|| one_flow_control(&p->cfg.line, e) < 0)
		return -1;
	r->l.up = &layer;
	r->waiting = r->shaking = true;
	r->repeated = r->undoing = r->blocked = false;
	event_assign(&r->again, p->base, -1, 0, on_again, r);
	return layer_open(&r->l, scheme, options, e);    /* 1: a connection takes its time */
}

static const char *const tcp_options[] = { "keepalive", NULL };

static int remote_open(struct port *p, struct err *e)
{
	return open_over(p, "socket", tcp_options, e);
}

static const char *const tls_options[] = { "keepalive", "ca", "cert", "key", "verify", "name", NULL };

static int remote_tls_open(struct port *p, struct err *e)
{
	return open_over(p, "socket+tls", tls_options, e);
}

static void remote_close(struct port *p)
{
	struct remote *r = of(p);
	if (r->l.up)
		event_del(&r->again);
	r->waiting = false;
	layer_close_after(&r->l, &r->c.out);
}

static void remote_free(struct port *p)
{
	rfc2217_client_clear(&of(p)->c);
	free(of(p)->signature);
	layer_free(p);
}

/* ---- operations --------------------------------------------------------------------------- */

/* Before its requests are made. */
static void begin(struct remote *r)
{
	if (!r->waiting)
		r->before = r->l.port.cfg.line;
}

static ssize_t remote_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct remote *r = of(p);
	if (r->c.suspended) {
		r->blocked = true;
		return 0;
	}
	return telnetwrite(&r->l, &r->c.telnet, data, n, e);
}

static int wait_for_answers(struct remote *r, struct err *e)
{
	if (send_all(r, e) < 0)
		return -1;
	r->waiting = rfc2217_client_awaits(&r->c) < ITEMS;
	return r->waiting;
}

static int remote_set(struct port *p, const struct settings *s, unsigned mask, struct err *e)
{
	struct remote *r = of(p);
	if (one_flow_control(s, e) < 0)
		return -1;
	begin(r);
	rfc2217_ask_settings(&r->c, s, mask);
	return wait_for_answers(r, e);
}

static int remote_set_signals(struct port *p, unsigned mask, unsigned values, struct err *e)
{
	begin(of(p));
	of(p)->driven |= mask;
	rfc2217_ask_signals(&of(p)->c, mask, values);
	return wait_for_answers(of(p), e);
}

static int remote_get_signals(struct port *p, unsigned *values, struct err *e)
{
	struct remote *r = of(p);
	if (!r->c.modem_known)
		return err_set(e, ERR_PROTOCOL, "%s: the server has told no modem signals (NOTIFY-MODEMSTATE)", p->name);
	if (r->poll_modem && clock_now() - r->modem_at > MODEM_STALE) {
		rfc2217_client_say(&r->c, RFC2217_NOTIFY_MODEMSTATE, 0);
		if (send_all(r, e) < 0)
			return -1;
	}
	*values = p->signals;
	return 0;
}

static int remote_set_break(struct port *p, bool on, struct err *e)
{
	begin(of(p));
	rfc2217_control(&of(p)->c, ITEM_BREAK, on ? CONTROL_BREAK_ON : CONTROL_BREAK_OFF);
	return wait_for_answers(of(p), e);
}

static int remote_flush(struct port *p, int which, struct err *e)
{
	struct remote *r = of(p);
	r->purging = which == FLUSH_INPUT;
	rfc2217_client_ask(&r->c, ITEM_PURGE, which == FLUSH_INPUT ? PURGE_RECEIVE : PURGE_TRANSMIT);
	return wait_for_answers(r, e);
}

static int remote_drain(struct port *p, struct err *e)
{
	struct remote *r = of(p);
	(void)e;
	r->draining = r->waiting = true;
	r->drained_by = clock_now() + DRAIN_SLACK + (double)(p->given - r->drained) * BITS_MOST / (double)p->cfg.line.baudrate;
	r->drained = p->given;
	ask_drained(r);
	return 1;
}

static int remote_out_waiting(struct port *p, size_t *n, struct err *e)
{
	struct remote *r = of(p);
	if (port_out_waiting(r->l.inner, n, e) < 0)
		return -1;
	*n += r->c.out.len;
	return 0;
}

static void remote_abandon(struct port *p)
{
	struct remote *r = of(p);
	r->waiting = r->purging = r->draining = r->undoing = r->signing = false;
	rfc2217_client_forget(&r->c);
	rfc2217_take_settings(&r->c, &p->cfg.line);
}

static int remote_suspend(struct port *p, bool on, struct err *e)
{
	rfc2217_client_say(&of(p)->c, on ? RFC2217_FLOWCONTROL_SUSPEND : RFC2217_FLOWCONTROL_RESUME, 0);
	return send_all(of(p), e);
}

static const char *remote_signature(struct port *p)
{
	return of(p)->signature;
}

static int remote_ask_signature(struct port *p, struct err *e)
{
	struct remote *r = of(p);
	if (r->signature)
		return 0;
	rfc2217_client_say(&r->c, RFC2217_SIGNATURE, 0);
	r->signing = true;
	if (send_all(r, e) < 0)
		return -1;
	r->waiting = true;
	return 1;
}

static const char *remote_awaits(struct port *p)
{
	static const char *const missing[] = { "no answer to SET-BAUDRATE", "no answer to SET-DATASIZE",
		"no answer to SET-PARITY", "no answer to SET-STOPSIZE", "no answer to SET-CONTROL (flow control)",
		"no answer to SET-CONTROL (inbound flow control)", "no answer to SET-CONTROL (break)",
		"no answer to SET-CONTROL (DTR)", "no answer to SET-CONTROL (RTS)", "no answer to PURGE-DATA" };
	struct remote *r = of(p);
	if (!r->l.inner || r->l.inner->state != PORT_OPEN)
		return NULL;
	if (r->c.suspended)
		return "the server has suspended us (FLOWCONTROL-SUSPEND)";
	if (r->shaking && !r->c.agreed)
		return "no answer to the offer of the COM-PORT-OPTION (does an RFC 2217 server listen there?)";
	if (r->signing)
		return "no answer to SIGNATURE";
	enum rfc2217_item i = rfc2217_client_awaits(&r->c);
	return i < ITEMS ? missing[i] : NULL;
}

#define REMOTE_OPS \
	.size = sizeof(struct remote), .settings = SET_FRAMING | SET_XONXOFF | SET_RTSCTS | SET_DSRDTR, \
	.close = remote_close, .free = remote_free, .write = remote_write, .throttle = layer_throttle, .pump = layer_pump, \
	.peek = layer_peek, .descriptor = layer_descriptor, .watch = layer_watch, .unwatch = layer_unwatch, \
	.in_waiting = layer_in_waiting, .out_waiting = remote_out_waiting, .set = remote_set, \
	.set_signals = remote_set_signals, .get_signals = remote_get_signals, .set_break = remote_set_break, \
	.drain = remote_drain, .flush = remote_flush, .abandon = remote_abandon, .awaits = remote_awaits, \
	.suspend = remote_suspend, .signature = remote_signature, .ask_signature = remote_ask_signature

static const char *const options[] = { "ign_set_control", "poll_modem", "logging", "keepalive", NULL };

const struct port_ops rfc2217_ops = { .name = "rfc2217", .options = options, .open = remote_open, REMOTE_OPS };

static const char *const options_over_tls[] = { "ign_set_control", "poll_modem", "logging", "keepalive", "ca", "cert", "key",
	"verify", "name", NULL };

const struct port_ops rfc2217_tls_ops = { .name = "rfc2217", .options = options_over_tls, .open = remote_tls_open, REMOTE_OPS };
