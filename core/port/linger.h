/* SPDX-License-Identifier: MIT
 * linger.h: closes a tty or a connection whose output is still on its way.
 * close(2) of a tty itself would stop the program until all is sent (up to
 * 30 s where the other end holds it back), and that of a connection would throw
 * it away if bytes are unread; here the loop goes on and the close follows. */
#ifndef PORT_LINGER_H
#define PORT_LINGER_H

struct event_base;

/* fd is taken over.  What is not sent after 30 s is thrown away. */
void linger_close(struct event_base *base, int fd);
/* The same for a connected socket: 5 s. */
void linger_close_socket(struct event_base *base, int fd);
/* The program ends: those that are left are closed now, and the kernel waits until they are sent. */
void linger_end(struct event_base *base);

#endif
