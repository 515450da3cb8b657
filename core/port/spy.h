/* SPDX-License-Identifier: MIT
 * spy.h: spy://URL?file=&color&raw&all&format=text|pcapng opens URL with a tap that writes down
 * what passes, to a file (overwritten) or to standard error.  Other options are those of URL.
 * Where URL has a query of its own: spy://?file=log.txt&url=URL, to the end of the text.
 *
 * text, default: the lines of pySerial's spy, in its words (see base/hexdump.h), except that RX is
 *   shown when the bytes arrive, not when they are read.  Labels TX RX Q-TX Q-RX BRK RTS DTR
 *   CTS DSR RI CD.  all: reads that got nothing, in_waiting, and changes of input signals too.
 * raw: only the bytes.  color: TX red, RX green, the rest white, and back to normal.
 * pcapng: for Wireshark and tshark (see proto/pcapng.h), with settings, open, close in comments. */
#ifndef PORT_SPY_H
#define PORT_SPY_H
#include "port/capture.h"
#include "port/port.h"

/* For the table of schemes. */
int spy_resolve(const struct url *from, struct url *to, struct tap **taps, struct err *e);
/* A tap that writes pcapng to a capture, which it holds; NULL: *e says why. */
struct tap *spy_capture(struct capture *c, struct err *e);

#endif
