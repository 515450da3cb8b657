/* delayproxy: TCP proxy that delays every byte by a given time each way.  It accepts
 * at once: the round trip of the connect itself is not in.
 *   delayproxy LISTENPORT TARGETPORT DELAY_MS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct chunk { double due; size_t n; struct chunk *next; char d[]; };
struct dir { struct chunk *first, **last; };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}
static void serve(int c, int target, double delay)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(target),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, fds[2] = { c, s }, open = 1;
	if (connect(s, (void *)&a, sizeof a))
		return;
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct dir d[2] = { 0 };
	d[0].last = &d[0].first;
	d[1].last = &d[1].first;
	static char buf[65536];
	while (open || d[0].first) {
		double t = now(), next = t + 1;
		for (int i = 0; i < 2; i++) {
			while (d[i].first && d[i].first->due <= t) {
				struct chunk *k = d[i].first;
				if (write(fds[!i], k->d, k->n) < 0)
					open = 0;
				d[i].first = k->next;
				if (!k->next)
					d[i].last = &d[i].first;
				free(k);
			}
			if (d[i].first && d[i].first->due < next)
				next = d[i].first->due;
		}
		struct timespec ts;
		double w = next - t < 0 ? 0 : next - t;
		ts.tv_sec = w;
		ts.tv_nsec = (w - ts.tv_sec) * 1e9;
		struct pollfd p[2] = { { open ? c : -1, POLLIN, 0 }, { open ? s : -1, POLLIN, 0 } };
		ppoll(p, 2, &ts, 0);
		for (int i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			ssize_t n = read(fds[i], buf, sizeof buf);
			if (n <= 0) {
				open = 0;
				continue;
			}
			struct chunk *k = malloc(sizeof *k + n);
			k->due = now() + delay;
			k->n = n;
			k->next = 0;
			memcpy(k->d, buf, n);
			*d[i].last = k;
			d[i].last = &k->next;
		}
	}
	close(s);
}
int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(l, (void *)&a, sizeof a) || listen(l, 16)) {
		perror("bind");
		return 1;
	}
	for (;;) {
		int c = accept(l, 0, 0);
		if (c < 0)
			continue;
		if (!fork()) {
			close(l);
			serve(c, atoi(argv[2]), atof(argv[3]) / 1000);
			_exit(0);
		}
		close(c);
	}
}
