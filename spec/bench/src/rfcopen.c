/* rfcopen: the least an RFC 2217 open can take.
 *   rfcopen HOST:PORT one|two
 * one: everything in one burst; two: the COM-PORT option first, then, once the
 * server agreed, the settings in one burst.  Prints the ms from connect until DO
 * COM-PORT and the answers to baud, data, parity and stop have come, then those of
 * a baud change and of the close.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}
static int fd, st, cmd, sbn;
static unsigned char sb[64];
static unsigned seen;	/* bit 0: DO COM-PORT; bit k: answer 100+k */

static void feed(const unsigned char *b, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		unsigned char c = b[i];
		switch (st) {
		case 0: st = c == 255; break;
		case 1: st = c == 250 ? 3 : c >= 251 ? 2 : 0; cmd = c; sbn = 0; break;
		case 2: if (cmd == 253 && c == 44) seen |= 1; st = 0; break;
		case 3: if (c == 255) st = 4; else if (sbn < 60) sb[sbn++] = c; break;
		case 4:
			if (c == 240) {
				if (sbn > 1 && sb[0] == 44 && sb[1] > 100 && sb[1] < 120)
					seen |= 1u << (sb[1] - 100);
				st = 0;
			} else { sb[sbn++] = c; st = 3; }
			break;
		}
	}
}
static void put(const unsigned char *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n) {
		perror("write");
		exit(1);
	}
}
static void until(unsigned mask)
{
	unsigned char b[512];
	while ((seen & mask) != mask) {
		ssize_t n = read(fd, b, sizeof b);
		if (n <= 0) { fprintf(stderr, "eof, seen %x\n", seen); exit(1); }
		feed(b, n);
	}
}
int main(int argc, char **argv)
{
	char host[64];
	int port, one = 1;
	if (argc < 3 || sscanf(argv[1], "%63[^:]:%d", host, &port) != 2)
		return 2;
	static const unsigned char opt[] = { 255,251,44, 255,251,0, 255,253,0, 255,251,3, 255,253,3 };
	static const unsigned char set[] = { 255,250,44,1,0,1,0xc2,0,255,240, 255,250,44,2,8,255,240,
		255,250,44,3,1,255,240, 255,250,44,4,1,255,240, 255,250,44,5,1,255,240 };
	static const unsigned char baud[] = { 255,250,44,1,0,0,0x25,0x80,255,240 };
	unsigned char all[sizeof opt + sizeof set];
	memcpy(all, opt, sizeof opt);
	memcpy(all + sizeof opt, set, sizeof set);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	inet_pton(AF_INET, host, &a.sin_addr);
	double t0 = now();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (void *)&a, sizeof a)) {
		perror("connect");
		return 1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!strcmp(argv[2], "one")) {
		put(all, sizeof all);
	} else {
		put(opt, sizeof opt);
		until(1);
		put(set, sizeof set);
	}
	until(0x1f);
	double t1 = now();
	seen = 0;
	put(baud, sizeof baud);
	until(2);
	double t2 = now();
	close(fd);
	double t3 = now();
	printf("%.3f change_ms=%.3f close_ms=%.3f\n", (t1 - t0) * 1e3, (t2 - t1) * 1e3, (t3 - t2) * 1e3);
	return 0;
}
