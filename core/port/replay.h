/* SPDX-License-Identifier: MIT
 * replay.h: replay:FILE?match=strict|loose&speed=1 plays a recorded session (proto/recording.h) as the
 * device: what was sent then is expected now, and what came back then comes again, as long
 * after the request as it did (divided by speed; speed=inf: at once).  No device is touched.
 *
 * strict, the default: the bytes written must be those of the recording, in its order, cut as you like;
 *   others raise `protocol` with what was expected and what was got, and change nothing.
 * loose: each recorded tx is a request of its own, answered with what followed it, whatever came before;
 *   of equal ones the next in order; a write that begins no request is ignored, as many devices do.
 * Settings, outputs, break are accepted and not compared.  Inputs follow the recording.  Where the
 * recording ends with `lost` the port ends too; otherwise it stays silent. */
#ifndef PORT_REPLAY_H
#define PORT_REPLAY_H
#include "port/port.h"

extern const struct port_ops replay_ops;

#endif
