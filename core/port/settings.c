// SPDX-License-Identifier: MIT
// settings.c: see settings.h.  One table of names; pySerial's ranges.
#include "port/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_init(struct config *c)
{
	*c = (struct config){
		.line = { .baudrate = 9600, .bytesize = 8, .parity = 'N', .stopbits = 1,
			.rs485 = { .rts_level_for_tx = true } },
		.exclusive = true, .dtr = -1, .rts = -1,
		.timeout = 5, .write_timeout = 5,
		.eol = "\n", .eol_size = 1,
		.window = 1024 * 1024,
	};
}

const char *setting_name(unsigned bit)
{
	static const char *const names[] = { "baudrate", "bytesize", "parity", "stopbits", "xonxoff", "rtscts", "dsrdtr",
		"rs485", "low_latency", "exclusive", "dtr/rts" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (bit == 1u << i)
			return names[i];
	return "setting";
}

static int parity_option(char *parity, const char *value, struct err *e)
{
	if (!*value || value[1] || !strchr("NEOMS", *value))
		return err_set(e, ERR_UNSUPPORTED, "option parity=%s: expected N, E, O, M or S", value);
	*parity = *value;
	return 0;
}

static int stopbits_option(double *stopbits, const char *value, struct err *e)
{
	char *end;
	double d = strtod(value, &end);
	if (!*value || *end || (d != 1 && d != 1.5 && d != 2))
		return err_set(e, ERR_UNSUPPORTED, "option stopbits=%s: expected 1, 1.5 or 2", value);
	*stopbits = d;
	return 0;
}

static int level_option(const char *key, signed char *level, const char *value, struct err *e)
{
	bool on;
	if (value_bool(key, value, &on, e) < 0)
		return -1;
	*level = on;
	return 0;
}

static int eol_option(struct config *c, const struct option *o, struct err *e)
{
	if (o->size == 0 || o->size > EOL_MAX)
		return err_set(e, ERR_UNSUPPORTED, "option eol: expected 1 to %d bytes, got %zu", EOL_MAX, o->size);
	memcpy(c->eol, o->value, o->size);
	c->eol_size = (unsigned char)o->size;
	return 0;
}

static int rs485_option(struct rs485 *r, const char *key, const char *value, struct err *e)
{
	r->on = true;
	if (!strcmp(key, "rs485.rts_level_for_tx"))
		return value_bool(key, value, &r->rts_level_for_tx, e);
	if (!strcmp(key, "rs485.rts_level_for_rx"))
		return value_bool(key, value, &r->rts_level_for_rx, e);
	if (!strcmp(key, "rs485.loopback"))
		return value_bool(key, value, &r->loopback, e);
	if (!strcmp(key, "rs485.delay_before_tx"))
		return value_seconds(key, value, &r->delay_before_tx, e);
	if (!strcmp(key, "rs485.delay_before_rx"))
		return value_seconds(key, value, &r->delay_before_rx, e);
	return err_set(e, ERR_UNSUPPORTED, "unknown option %s (rs485 has rts_level_for_tx, rts_level_for_rx, loopback, "
		"delay_before_tx, delay_before_rx)", key);
}

static int line_option(struct config *c, const char *key, const char *value, struct err *e)
{
	struct settings *s = &c->line;
	long n;
	unsigned bit = 0;
	int r = -1;
	if (!strcmp(key, "baudrate"))
		bit = SET_BAUDRATE, r = value_integer(key, value, 1, 2147483647, &s->baudrate, e);
	else if (!strcmp(key, "bytesize")) {
		bit = SET_BYTESIZE, r = value_integer(key, value, 5, 8, &n, e);
		if (r == 0)
			s->bytesize = (int)n;
	} else if (!strcmp(key, "parity"))
		bit = SET_PARITY, r = parity_option(&s->parity, value, e);
	else if (!strcmp(key, "stopbits"))
		bit = SET_STOPBITS, r = stopbits_option(&s->stopbits, value, e);
	else if (!strcmp(key, "xonxoff"))
		bit = SET_XONXOFF, s->inbound = 0, r = value_bool(key, value, &s->xonxoff, e);
	else if (!strcmp(key, "rtscts"))
		bit = SET_RTSCTS, r = value_bool(key, value, &s->rtscts, e);
	else if (!strcmp(key, "dsrdtr"))
		bit = SET_DSRDTR, r = value_bool(key, value, &s->dsrdtr, e);
	else if (!strcmp(key, "low_latency"))
		bit = SET_LOW_LATENCY, r = value_bool(key, value, &s->low_latency, e);
	else if (!strcmp(key, "rs485"))
		bit = SET_RS485, r = value_bool(key, value, &s->rs485.on, e);
	else if (!strncmp(key, "rs485.", 6))
		bit = SET_RS485, r = rs485_option(&s->rs485, key, value, e);
	else
		return 0;
	c->given |= bit;
	return r < 0 ? -1 : 1;
}

static int finite_seconds(const char *key, const char *value, double *out, struct err *e)
{
	if (value_seconds(key, value, out, e) < 0)
		return -1;
	return isinf(*out) ? err_set(e, ERR_UNSUPPORTED, "option %s=%s: expected seconds, not for ever", key, value) : 0;
}

int config_option(struct config *c, const struct option *o, struct err *e)
{
	const char *key = o->key, *value = o->value;
	int r = line_option(c, key, value, e);
	if (r)
		return r;
	long n;
	if (!strcmp(key, "timeout"))
		r = value_seconds(key, value, &c->timeout, e);
	else if (!strcmp(key, "write_timeout"))
		r = value_seconds(key, value, &c->write_timeout, e);
	else if (!strcmp(key, "inter_byte_timeout"))
		r = value_seconds(key, value, &c->inter_byte_timeout, e);
	else if (!strcmp(key, "output_delay"))
		r = finite_seconds(key, value, &c->output_delay, e);
	else if (!strcmp(key, "output_line_delay"))
		r = finite_seconds(key, value, &c->output_line_delay, e);
	else if (!strcmp(key, "eol"))
		r = eol_option(c, o, e);
	else if (!strcmp(key, "reconnect"))
		r = value_bool(key, value, &c->reconnect, e);
	else if (!strcmp(key, "window")) {
		r = value_integer(key, value, 1, 1L << 30, &n, e);
		if (r == 0)
			c->window = (size_t)n;
	} else if (!strcmp(key, "exclusive"))
		c->given |= SET_EXCLUSIVE, r = value_bool(key, value, &c->exclusive, e);
	else if (!strcmp(key, "dtr"))
		c->given |= SET_SIGNALS, r = level_option(key, &c->dtr, value, e);
	else if (!strcmp(key, "rts"))
		c->given |= SET_SIGNALS, r = level_option(key, &c->rts, value, e);
	else
		return 0;
	return r < 0 ? -1 : 1;
}

static bool in_list(const char *const *list, const char *key)
{
	for (; list && *list; list++)
		if (!strcmp(*list, key))
			return true;
	return false;
}

int config_apply(struct config *c, const struct url *u, unsigned means, const char *const *own, struct err *e)
{
	for (unsigned i = 0; i < u->count; i++) {
		const struct option *o = &u->options[i];
		if (in_list(own, o->key))
			continue;
		int r = config_option(c, o, e);
		if (r < 0)
			return err_add(e, " (opening %s)", u->text);
		if (r)
			continue;
		err_set(e, ERR_UNSUPPORTED, "unknown option \"%s\" for %s:// (known: baudrate bytesize parity stopbits timeout "
			"write_timeout inter_byte_timeout xonxoff rtscts dsrdtr exclusive rs485 low_latency eol dtr rts reconnect "
			"window output_delay output_line_delay", o->key, u->scheme);
		for (const char *const *k = own; k && *k; k++)
			err_add(e, " %s", *k);
		return err_add(e, ")");
	}
	if (!url_get(u, "write_timeout"))
		c->write_timeout = c->timeout;
	unsigned bad = c->given & ~means;
	if (bad)
		return err_set(e, ERR_UNSUPPORTED, "option \"%s\" means nothing for %s:// (%s): leave it out",
			setting_name(bad & -bad), u->scheme, u->text);
	return 0;
}

unsigned settings_differ(const struct settings *a, const struct settings *b)
{
	const struct rs485 *x = &a->rs485, *y = &b->rs485;
	bool rs485 = x->on != y->on || (x->on && (x->rts_level_for_tx != y->rts_level_for_tx ||
		x->rts_level_for_rx != y->rts_level_for_rx || x->loopback != y->loopback ||
		x->delay_before_tx != y->delay_before_tx || x->delay_before_rx != y->delay_before_rx));
	return (a->baudrate != b->baudrate ? SET_BAUDRATE : 0u) | (a->bytesize != b->bytesize ? SET_BYTESIZE : 0u) |
		(a->parity != b->parity ? SET_PARITY : 0u) | (a->stopbits != b->stopbits ? SET_STOPBITS : 0u) |
		(a->xonxoff != b->xonxoff || a->inbound != b->inbound ? SET_XONXOFF : 0u) | (a->rtscts != b->rtscts ? SET_RTSCTS : 0u) |
		(a->dsrdtr != b->dsrdtr ? SET_DSRDTR : 0u) | (rs485 ? SET_RS485 : 0u) |
		(a->low_latency != b->low_latency ? SET_LOW_LATENCY : 0u);
}

void settings_text(const struct settings *s, char text[32])
{
	snprintf(text, 32, "%ld %d%c%g", s->baudrate, s->bytesize, s->parity, s->stopbits);
}
