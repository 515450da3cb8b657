/* SPDX-License-Identifier: MIT
 * rfc2217_client.h: the client's side of one RFC 2217 connection: negotiation, requests and which answer
 * belongs to which.  Pure: the server's bytes in; one event at a time out; what is to be said gathers in
 * `out`, which the owner sends as long as `suspended` is not set.  Requests may all go out at once, in the
 * same flight as the negotiation.  The owner calls rfc2217_client_clear. */
#ifndef PROTO_RFC2217_CLIENT_H
#define PROTO_RFC2217_CLIENT_H
#include "proto/rfc2217.h"

/* What a request is about; in the order in which they are sent. */
enum rfc2217_item {
	ITEM_BAUDRATE, ITEM_DATASIZE, ITEM_PARITY, ITEM_STOPSIZE, ITEM_FLOW, ITEM_INBOUND, ITEM_BREAK, ITEM_DTR, ITEM_RTS,
	ITEM_PURGE, ITEMS,
};

struct rfc2217_item_state {
	uint32_t asked;                      /* 0: a question, any answer will do */
	uint32_t in_force;                   /* by the last answer; 0: none so far */
	unsigned unanswered;                 /* requests without an answer yet, repetitions included */
	bool awaited;                        /* the last request has no answer yet */
	bool refused;                        /* its answer was another value: in_force */
};

enum rfc2217_client_kind {
	CLIENT_NOTHING,
	CLIENT_DATA,                         /* data, size */
	CLIENT_AGREED,                       /* the server agreed to the option */
	CLIENT_REFUSED,                      /* it did not, or gave it up */
	CLIENT_BINARY,                       /* it answered about BINARY: see rfc2217_client_transparent */
	CLIENT_ANSWER,                       /* item */
	CLIENT_MODEM,                        /* c->modem is new */
	CLIENT_LINE,                         /* value: LINE_ bits */
	CLIENT_SIGNATURE,                    /* data, size: the server's */
	CLIENT_RESUMED,                      /* or suspended: see c->suspended */
};

struct rfc2217_client_event {
	enum rfc2217_client_kind kind;
	const unsigned char *data;
	size_t size;
	enum rfc2217_item item;
	unsigned value;
};

struct rfc2217_client {
	struct telnet telnet;
	struct buf out;
	const char *signature;               /* ours, told when asked */
	bool agreed;
	bool suspended;                      /* nothing may be sent */
	bool ignore_control;                 /* the owner's: answers to SET-CONTROL are not waited for */
	bool modem_known;
	unsigned char modem;                 /* of the last notification */
	struct rfc2217_item_state items[ITEMS];
};

/* Puts the negotiation in out. signature: stays the caller's. */
void rfc2217_client_init(struct rfc2217_client *c, const char *signature);
void rfc2217_client_clear(struct rfc2217_client *c);

size_t rfc2217_client_next(struct rfc2217_client *c, const void *in, size_t n, struct rfc2217_client_event *ev);

/* Appends the request.  value: as the command has it (CONTROL_DTR_ON, 115200, PURGE_RECEIVE); 0 asks. */
void rfc2217_client_ask(struct rfc2217_client *c, enum rfc2217_item item, uint32_t value);
/* The same without waiting for an answer. */
void rfc2217_client_tell(struct rfc2217_client *c, enum rfc2217_item item, uint32_t value);
/* Says again all that is awaited: for a server that threw away what came before the agreement. */
void rfc2217_client_repeat(struct rfc2217_client *c);
/* Gives up waiting: a late answer is no answer to a later request. */
void rfc2217_client_forget(struct rfc2217_client *c);
/* A command without an answer of its own: SIGNATURE (asks), masks, suspend, resume, polls. */
void rfc2217_client_say(struct rfc2217_client *c, enum rfc2217_command command, uint32_t value);

/* The first item whose answer is awaited, or ITEMS. */
enum rfc2217_item rfc2217_client_awaits(const struct rfc2217_client *c);
/* The first item whose last request was refused, or ITEMS. */
enum rfc2217_item rfc2217_client_refused(const struct rfc2217_client *c);
/* What is awaited: "the answer to SET-BAUDRATE". */
const char *rfc2217_client_item_name(enum rfc2217_item item);

/* Bytes pass as they are, both ways: 1; not known yet 0; -1 the server refused BINARY. */
int rfc2217_client_transparent(const struct rfc2217_client *c);

#endif
