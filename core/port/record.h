/* SPDX-License-Identifier: MIT
 * record.h: record:FILE?url=URL opens URL with a tap that keeps the session in FILE (overwritten)
 * as the text of proto/recording.h, for replay.h to play and for people to read.  Other
 * options are those of URL. */
#ifndef PORT_RECORD_H
#define PORT_RECORD_H
#include "port/port.h"

/* For the table of schemes. */
int record_resolve(const struct url *from, struct url *to, struct tap **taps, struct err *e);

#endif
