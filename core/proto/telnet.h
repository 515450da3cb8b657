/* SPDX-License-Identifier: MIT
 * telnet.h: the Telnet layer of one connection: IAC doubling and commands (RFC 854),
 * subnegotiations (RFC 855), options by the Q method (RFC 1143), binary and NVT data
 * (RFC 856, 854).  Pure: bytes in; one event at a time out, so that the owner may stop
 * between any two; what the layer itself has to say goes to `out`.  What an option is
 * good for, the owner knows.  Events do not depend on how the bytes were cut, but for
 * the sizes of TELNET_DATA.  The owner calls telnet_clear. */
#ifndef PROTO_TELNET_H
#define PROTO_TELNET_H
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
	TELNET_SE = 240, TELNET_NOP = 241, TELNET_DM = 242, TELNET_BRK = 243, TELNET_IP = 244, TELNET_AO = 245,
	TELNET_AYT = 246, TELNET_EC = 247, TELNET_EL = 248, TELNET_GA = 249, TELNET_SB = 250, TELNET_WILL = 251,
	TELNET_WONT = 252, TELNET_DO = 253, TELNET_DONT = 254, TELNET_IAC = 255,
};
enum { TELNET_BINARY = 0, TELNET_ECHO = 1, TELNET_SGA = 3, TELNET_COM_PORT = 44 };

/* A subnegotiation longer than this is cut. */
enum { TELNET_SUB_MAX = 256 };

enum telnet_kind {
	TELNET_NOTHING,                      /* all bytes are used up */
	TELNET_DATA,                         /* data, size: into the input */
	TELNET_COMMAND,                      /* code: NOP to GA */
	TELNET_OPTION,                       /* code, ours, on: an option was agreed, refused or ended */
	TELNET_SUB,                          /* code: the option; data, size: its payload, doubling taken out */
};

struct telnet_event {
	enum telnet_kind kind;
	const unsigned char *data;
	size_t size;
	unsigned char code;
	bool ours;                           /* what we do (WILL, DO received), or what the peer does */
	bool on;
	bool cut;                            /* the payload was longer */
};

/* The states of RFC 1143.  The last two hold the queue bit: what we want has changed meanwhile. */
enum telnet_q { TELNET_NO, TELNET_YES, TELNET_WANT_NO, TELNET_WANT_YES, TELNET_WANT_NO_YES, TELNET_WANT_YES_NO };

/* An option that may be on.  All others are refused, each time they are asked for. */
struct telnet_option {
	unsigned char code;
	bool ours, theirs;                   /* the sides on which we agree to it */
	enum telnet_q us, them;
	unsigned short changes;              /* asked for by the peer */
};

/* RFC 1143 lets no two peers loop, but a WILL and a WONT that a third has thrown in go round for ever: after so many
 * changes an option stays as it is. */
enum { TELNET_CHANGES_MOST = 1000 };

enum { TELNET_OPTIONS = 3 };

struct telnet {
	struct telnet_option options[TELNET_OPTIONS];
	struct buf *out;                     /* what we say, the owner's */
	bool failed;                         /* there was no memory for it */
	unsigned char state;                 /* of the decoder */
	unsigned char verb;                  /* WILL, WONT, DO, DONT seen */
	unsigned char sub_option;
	bool sub_bad, sub_cut;
	bool cr;                             /* NVT: the last byte of data was CR */
	unsigned char *sub;                  /* TELNET_SUB_MAX bytes, from the first subnegotiation on */
	size_t sub_size;
};

/* BINARY, SUPPRESS-GO-AHEAD and COM-PORT-OPTION may be on, on both sides; nothing is said yet. */
void telnet_init(struct telnet *t, struct buf *out);
void telnet_clear(struct telnet *t);

/* Takes bytes up to the next event: how many. */
size_t telnet_next(struct telnet *t, const void *in, size_t n, struct telnet_event *ev);

/* Wants an option on or off, on our side or the peer's: says so unless it is. */
void telnet_want(struct telnet *t, unsigned char code, bool ours, bool on);
enum telnet_q telnet_state(const struct telnet *t, unsigned char code, bool ours);

/* Appends data to t->out as it goes over the wire: FF doubled; where the peer refused BINARY of us, CR as
 * CR NUL unless LF follows. */
void telnet_data(struct telnet *t, const void *data, size_t n);
/* Can these bytes go as they are?  Then they need not be copied. */
bool telnet_plain(const struct telnet *t, const void *data, size_t n);
/* Appends IAC SB option payload IAC SE. */
void telnet_sub(struct telnet *t, unsigned char option, const void *payload, size_t n);
void telnet_command(struct telnet *t, unsigned char command);

#endif
