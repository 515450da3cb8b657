/* SPDX-License-Identifier: MIT
 * rfc2217_server.h: the access server's side of one RFC 2217 connection: agreement on the option, masks
 * and notifications, suspend and resume, and the order of it all.  Pure: the client's bytes in; one event
 * at a time out; answers gather in `out`, which the owner sends as long as `suspended` is not set.  What
 * an event asks of the line, the owner does, and then answers by the value in force: exactly once, before
 * the next event.  The owner calls rfc2217_server_clear. */
#ifndef PROTO_RFC2217_SERVER_H
#define PROTO_RFC2217_SERVER_H
#include "proto/rfc2217.h"

enum rfc2217_server_kind {
	SERVER_NOTHING,                      /* all bytes are used up */
	SERVER_DATA,                         /* for the line */
	SERVER_BREAK,                        /* IAC BRK: a break of the usual length; no answer */
	SERVER_AGREED,                       /* the option is on now, or off: see s->agreed; no answer */
	SERVER_SIGNATURE,                    /* the client's: message.text; no answer */
	SERVER_ASKED,                        /* message: to be answered */
};

struct rfc2217_server_event {
	enum rfc2217_server_kind kind;
	const unsigned char *data;
	size_t size;
	struct rfc2217_message message;
};

struct rfc2217_server {
	struct telnet telnet;
	struct buf out;
	bool agreed;
	bool refused;                        /* the client said WONT */
	bool suspended;                      /* nothing may be sent */
	unsigned char modem_mask, line_mask;
	unsigned char modem;                 /* MODEM_STATE bits as they are */
	unsigned char modem_news;            /* bits of them that changed, deltas: not told yet */
	unsigned char line, line_news;
	bool first_modem;                    /* to be told in any case */
};

/* Puts the offers in out: BINARY and SUPPRESS-GO-AHEAD both ways, COM-PORT-OPTION. */
void rfc2217_server_init(struct rfc2217_server *s);
void rfc2217_server_clear(struct rfc2217_server *s);

/* Takes bytes up to the next event: how many. */
size_t rfc2217_server_next(struct rfc2217_server *s, const void *in, size_t n, struct rfc2217_server_event *ev);
/* The answer to the last event: the value in force, or the state polled. */
void rfc2217_server_answer(struct rfc2217_server *s, const struct rfc2217_message *asked, uint32_t in_force);
void rfc2217_server_sign(struct rfc2217_server *s, const char *text);

/* Asks the client to send nothing, or to go on. */
void rfc2217_server_suspend(struct rfc2217_server *s, bool on);

/* The input signals as they are now (MODEM_CD, RI, DSR, CTS): a change is told if the mask has it. */
void rfc2217_server_modem(struct rfc2217_server *s, unsigned state);
/* The state of the line as it is now, and what happened since the last call (LINE_ bits). */
void rfc2217_server_line(struct rfc2217_server *s, unsigned state, unsigned happened);
/* Tells what had to wait, because out was full or the client had suspended. */
void rfc2217_server_tell(struct rfc2217_server *s);

#endif
