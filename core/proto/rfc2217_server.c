// SPDX-License-Identifier: MIT
// rfc2217_server.c: see rfc2217_server.h.
#include "proto/rfc2217_server.h"

#include <string.h>

/* With so much unsent, changes are gathered into one notification. */
enum { OUT_FULL = 16 * 1024 };

/* Initial masks: no line state, all modem state. */
enum { LINE_MASK = 0, MODEM_MASK = 255 };

/* Error bits are events, the others levels. */
enum { LINE_EVENTS = LINE_BREAK | LINE_FRAMING | LINE_PARITY | LINE_OVERRUN | LINE_TIMEOUT };

void rfc2217_server_init(struct rfc2217_server *s)
{
	*s = (struct rfc2217_server){ .line_mask = LINE_MASK, .modem_mask = MODEM_MASK };
	telnet_init(&s->telnet, &s->out);
	telnet_want(&s->telnet, TELNET_BINARY, true, true);
	telnet_want(&s->telnet, TELNET_BINARY, false, true);
	telnet_want(&s->telnet, TELNET_SGA, true, true);
	telnet_want(&s->telnet, TELNET_SGA, false, true);
	telnet_want(&s->telnet, TELNET_COM_PORT, false, true);
}

void rfc2217_server_clear(struct rfc2217_server *s)
{
	telnet_clear(&s->telnet);
	buf_clear(&s->out);
}

/* ---- answers and notifications ------------------------------------------------------------ */

static void say(struct rfc2217_server *s, enum rfc2217_command command, uint32_t value)
{
	rfc2217_encode(&s->telnet, &(struct rfc2217_message){ .command = command, .server = true, .value = value });
}

void rfc2217_server_answer(struct rfc2217_server *s, const struct rfc2217_message *asked, uint32_t in_force)
{
	say(s, asked->command, in_force);
}

void rfc2217_server_sign(struct rfc2217_server *s, const char *text)
{
	rfc2217_encode(&s->telnet, &(struct rfc2217_message){ .command = RFC2217_SIGNATURE, .server = true,
		.text = (const unsigned char *)text, .size = strlen(text) });
}

void rfc2217_server_suspend(struct rfc2217_server *s, bool on)
{
	if (s->agreed)
		say(s, on ? RFC2217_FLOWCONTROL_SUSPEND : RFC2217_FLOWCONTROL_RESUME, 0);
}

static void tell_modem(struct rfc2217_server *s)
{
	if (s->modem_news & s->modem_mask || s->first_modem) {
		unsigned deltas = s->modem_news & ~(unsigned)MODEM_STATE;
		say(s, RFC2217_NOTIFY_MODEMSTATE, (s->modem | deltas) & s->modem_mask);
	}
	s->modem_news = 0;
	s->first_modem = false;
}

static void tell_line(struct rfc2217_server *s)
{
	if (s->line_news & s->line_mask)
		say(s, RFC2217_NOTIFY_LINESTATE, (s->line | (s->line_news & LINE_EVENTS)) & s->line_mask);
	s->line_news = 0;
}

void rfc2217_server_tell(struct rfc2217_server *s)
{
	if (!s->agreed) {
		s->modem_news = s->line_news = 0;
		return;
	}
	if (s->suspended || s->out.len >= OUT_FULL)
		return;
	tell_modem(s);
	tell_line(s);
}

void rfc2217_server_modem(struct rfc2217_server *s, unsigned state)
{
	unsigned changed = (s->modem ^ state) & MODEM_STATE, news = changed;
	news |= changed & MODEM_CD ? MODEM_DELTA_CD : 0u;
	news |= changed & MODEM_DSR ? MODEM_DELTA_DSR : 0u;
	news |= changed & MODEM_CTS ? MODEM_DELTA_CTS : 0u;
	news |= changed & s->modem & MODEM_RI ? MODEM_RI_ENDED : 0u;
	s->modem = (unsigned char)(state & MODEM_STATE);
	s->modem_news |= (unsigned char)news;
	if (news)
		rfc2217_server_tell(s);
}

void rfc2217_server_line(struct rfc2217_server *s, unsigned state, unsigned happened)
{
	unsigned news = (s->line ^ state) | (happened & LINE_EVENTS);
	s->line = (unsigned char)state;
	s->line_news |= (unsigned char)news;
	if (news)
		rfc2217_server_tell(s);
}

/* ---- what the client says ----------------------------------------------------------------- */

static bool agreement(struct rfc2217_server *s, const struct telnet_event *t)
{
	bool before = s->agreed;
	if (t->code != TELNET_COM_PORT)
		return false;
	if (!t->ours)                            /* WILL and WONT decide; a client that knows only DO is taken at that */
		s->refused = !t->on;
	bool one_side = telnet_state(&s->telnet, TELNET_COM_PORT, t->ours) == TELNET_YES ||
		telnet_state(&s->telnet, TELNET_COM_PORT, !t->ours) == TELNET_YES;
	s->agreed = !s->refused && one_side;
	if (s->agreed && !before) {
		s->line_mask = LINE_MASK;
		s->modem_mask = MODEM_MASK;
		s->first_modem = true;
		rfc2217_server_tell(s);
	}
	if (!s->agreed)
		s->suspended = false;
	return s->agreed != before;
}

static void set_mask(struct rfc2217_server *s, const struct rfc2217_message *m)
{
	*(m->command == RFC2217_SET_LINESTATE_MASK ? &s->line_mask : &s->modem_mask) = (unsigned char)m->value;
	rfc2217_server_answer(s, m, m->value);
}

static void suspend(struct rfc2217_server *s, bool on)
{
	s->suspended = on;
	if (!on)
		rfc2217_server_tell(s);
}

/* Reserved values have no answer: SET-CONTROL above the last one, PURGE-DATA of nothing. */
static bool is_reserved(const struct rfc2217_message *m)
{
	return (m->command == RFC2217_SET_CONTROL && m->value > CONTROL_LAST) ||
		(m->command == RFC2217_PURGE_DATA && (m->value < PURGE_RECEIVE || m->value > PURGE_BOTH));
}

/* Is there something for the owner? */
static bool command(struct rfc2217_server *s, const struct telnet_event *t, struct rfc2217_server_event *ev)
{
	struct rfc2217_message m;
	if (!s->agreed || rfc2217_decode(t, &m) < 0 || m.server || is_reserved(&m))
		return false;
	switch (m.command) {
	case RFC2217_SET_LINESTATE_MASK: case RFC2217_SET_MODEMSTATE_MASK:
		set_mask(s, &m);
		return false;
	case RFC2217_FLOWCONTROL_SUSPEND: case RFC2217_FLOWCONTROL_RESUME:
		suspend(s, m.command == RFC2217_FLOWCONTROL_SUSPEND);
		return false;
	default:
		ev->kind = m.command == RFC2217_SIGNATURE && m.size ? SERVER_SIGNATURE : SERVER_ASKED;
		ev->message = m;
		return true;
	}
}

static bool take(struct rfc2217_server *s, const struct telnet_event *t, struct rfc2217_server_event *ev)
{
	switch (t->kind) {
	case TELNET_DATA:
		*ev = (struct rfc2217_server_event){ .kind = SERVER_DATA, .data = t->data, .size = t->size };
		return true;
	case TELNET_COMMAND:
		ev->kind = t->code == TELNET_BRK ? SERVER_BREAK : SERVER_NOTHING;
		return ev->kind != SERVER_NOTHING;
	case TELNET_OPTION:
		ev->kind = agreement(s, t) ? SERVER_AGREED : SERVER_NOTHING;
		return ev->kind != SERVER_NOTHING;
	case TELNET_SUB:
		return command(s, t, ev);
	default:
		return false;
	}
}

size_t rfc2217_server_next(struct rfc2217_server *s, const void *in, size_t n, struct rfc2217_server_event *ev)
{
	const char *at = in;
	size_t used = 0;
	*ev = (struct rfc2217_server_event){ .kind = SERVER_NOTHING };
	while (used < n) {
		struct telnet_event t;
		used += telnet_next(&s->telnet, at + used, n - used, &t);
		if (take(s, &t, ev))
			break;
	}
	return used;
}
