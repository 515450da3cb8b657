/* bridge: the least that TCP<->tty bridging can cost: one epoll loop.
 *   bridge PORT TTY [PORT TTY...]     listens on 127.0.0.1:PORT, one client per
 *                                     port at a time
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

struct side { int fd, kind; unsigned ev; struct port *p; char *pend; size_t len, off; };
struct port { struct side l, s, t; };	/* listener, socket, tty */
static int ep;
static char buf[65536];

static void want(struct side *d, unsigned ev)
{
	if (d->ev == ev || d->fd < 0)
		return;
	struct epoll_event e = { .events = ev, .data.ptr = d };
	epoll_ctl(ep, d->ev == ~0u ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, d->fd, &e);
	d->ev = ev;
}
static void drop(struct port *p)
{
	close(p->s.fd);
	p->s.fd = -1;
	p->s.ev = ~0u;
	p->s.len = p->t.len = 0;
	want(&p->t, 0);
	want(&p->l, EPOLLIN);
}
/* a's bytes to b; b's unsent rest is kept in b->pend */
static int copy(struct side *a, struct side *b)
{
	ssize_t n = read(a->fd, buf, sizeof buf);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	ssize_t w = write(b->fd, buf, n);
	if (w < 0) {
		if (errno != EAGAIN)
			return -1;
		w = 0;
	}
	if (w < n) {
		b->pend = realloc(b->pend, n - w);
		memcpy(b->pend, buf + w, n - w);
		b->len = n - w;
		b->off = 0;
		want(b, (b->ev & EPOLLIN) | EPOLLOUT);
		want(a, a->ev & ~EPOLLIN);
	}
	return 0;
}
static int drain(struct side *b, struct side *a)
{
	ssize_t w = write(b->fd, b->pend + b->off, b->len - b->off);
	if (w < 0)
		return errno == EAGAIN ? 0 : -1;
	b->off += w;
	if (b->off == b->len) {
		b->len = b->off = 0;
		want(b, b->ev & ~EPOLLOUT);
		want(a, a->ev | EPOLLIN);
	}
	return 0;
}
int main(int argc, char **argv)
{
	int n = (argc - 1) / 2;
	struct port *ps = calloc(n, sizeof *ps);
	signal(SIGPIPE, SIG_IGN);
	ep = epoll_create1(0);
	for (int i = 0; i < n; i++) {
		struct port *p = ps + i;
		struct termios t;
		const char *tty = argv[2 + 2 * i];
		int f = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK), one = 1;
		if (f < 0 || tcgetattr(f, &t)) {
			perror(tty);
			return 1;
		}
		cfmakeraw(&t);
		cfsetspeed(&t, B115200);
		t.c_cflag |= CLOCAL | CREAD;
		tcsetattr(f, TCSANOW, &t);
		int s = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1 + 2 * i])),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		if (bind(s, (void *)&a, sizeof a) || listen(s, 8)) {
			perror("bind");
			return 1;
		}
		p->l = (struct side){ s, 0, ~0u, p, 0, 0, 0 };
		p->t = (struct side){ f, 1, ~0u, p, 0, 0, 0 };
		p->s = (struct side){ -1, 2, ~0u, p, 0, 0, 0 };
		want(&p->l, EPOLLIN);
		want(&p->t, 0);
	}
	struct epoll_event ev[128];
	for (;;) {
		int k = epoll_wait(ep, ev, 128, -1);
		for (int i = 0; i < k; i++) {
			struct side *d = ev[i].data.ptr;
			struct port *p = d->p;
			int bad = 0, one = 1;
			if (d->kind == 0) {
				int c = accept4(d->fd, 0, 0, SOCK_NONBLOCK);
				if (c < 0)
					continue;
				setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				p->s.fd = c;
				want(&p->s, EPOLLIN);
				want(&p->t, EPOLLIN);
				want(&p->l, 0);
				continue;
			}
			if (p->s.fd < 0)
				continue;
			struct side *o = d->kind == 1 ? &p->s : &p->t;
			if (ev[i].events & EPOLLOUT)
				bad = drain(d, o);
			if (!bad && (ev[i].events & EPOLLIN))
				bad = copy(d, o);
			if (!bad && (ev[i].events & (EPOLLHUP | EPOLLERR)) && !(ev[i].events & EPOLLIN))
				bad = 1;
			if (bad)
				drop(p);
		}
	}
}
