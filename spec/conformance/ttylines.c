// SPDX-License-Identifier: MIT
/*
 * ttylines: gives a pty the modem lines, framing bits and break of a real
 * UART, for tests without serial hardware.  Loaded into the server under test:
 *
 *     cc -shared -fPIC -O1 -o ttylines.so ttylines.c -ldl
 *     TTYLINES_STATE=/path/state LD_PRELOAD=./ttylines.so server ...
 *
 * A Linux pty has no modem lines (TIOCMGET fails) and forces 8 data bits
 * without parity.  This shim answers those calls from a state file that the
 * test program maps as well: it sees what the server sets and moves the inputs.
 * Only pts devices are touched, and only when TTYLINES_STATE is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <linux/serial.h>

/* struct termios2 cannot be had beside <termios.h>; the numbers are the ABI's. */
#define GETS2 0x802C542AUL
#define SETS2 0x402C542BUL
#define SETSW2 0x402C542CUL
#define SETSF2 0x402C542DUL
#ifndef CMSPAR
#define CMSPAR 010000000000
#endif

#define FRAMING (CSIZE | PARENB | PARODD | CMSPAR | CSTOPB | CRTSCTS)
#define OUTPUTS (TIOCM_DTR | TIOCM_RTS)
#define INPUTS (TIOCM_CTS | TIOCM_DSR | TIOCM_CAR | TIOCM_RNG)

/* Word order is shared with the test program. */
struct state {
    volatile unsigned int magic;
    volatile unsigned int out;       /* DTR, RTS as the server set them */
    volatile unsigned int in;        /* CTS, DSR, CD, RI as the test set them */
    volatile unsigned int brk_on;    /* break condition now */
    volatile unsigned int brk_count; /* breaks begun */
    volatile unsigned int cflag;     /* framing bits as the server set them */
    volatile unsigned int cflag_set; /* how often they were set */
    volatile unsigned int err_parity, err_frame, err_overrun, err_brk;
};

static struct state *
shared(void)
{
    static struct state *st;
    static int tried;
    const char *path;
    int fd;

    if (tried)
        return st;
    tried = 1;
    path = getenv("TTYLINES_STATE");
    if (!path)
        return NULL;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    st = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (st == MAP_FAILED)
        st = NULL;
    return st;
}

static struct state *
line_of(int fd)
{
    struct stat sb;
    int saved = errno;
    struct state *st = shared();

    if (!st || fstat(fd, &sb) != 0 || !S_ISCHR(sb.st_mode)
        || major(sb.st_rdev) < 136 || major(sb.st_rdev) > 143)
        st = NULL;
    errno = saved;
    return st;
}

static void
store_cflag(struct state *st, unsigned int cflag)
{
    st->cflag = cflag & FRAMING;
    st->cflag_set++;
}

static unsigned int
load_cflag(struct state *st, unsigned int cflag)
{
    return st->cflag_set ? (cflag & ~(unsigned int)FRAMING) | st->cflag : cflag;
}

static void
break_state(struct state *st, int on)
{
    if (on && !st->brk_on)
        st->brk_count++;
    st->brk_on = on;
}

static int
wait_inputs(struct state *st, unsigned int mask)
{
    unsigned int before = st->in;

    while (((st->in ^ before) & mask) == 0)
        usleep(2000);
    return 0;
}

static int
real_ioctl(int fd, unsigned long req, void *arg)
{
    return (int)syscall(SYS_ioctl, fd, req, arg);
}

int
ioctl(int fd, unsigned long req, ...)
{
    struct state *st;
    va_list ap;
    void *arg;
    unsigned int *cflag;
    int rv;

    va_start(ap, req);
    arg = va_arg(ap, void *);
    va_end(ap);

    st = line_of(fd);
    if (!st)
        return real_ioctl(fd, req, arg);
    /* c_cflag is the third word of struct termios and of struct termios2. */
    cflag = arg ? (unsigned int *)arg + 2 : NULL;

    switch (req) {
    case TIOCMGET:
        *(int *)arg = (int)((st->out & OUTPUTS) | (st->in & INPUTS));
        return 0;
    case TIOCMSET:
        st->out = *(unsigned int *)arg & OUTPUTS;
        return 0;
    case TIOCMBIS:
        st->out |= *(unsigned int *)arg & OUTPUTS;
        return 0;
    case TIOCMBIC:
        st->out &= ~(*(unsigned int *)arg & OUTPUTS);
        return 0;
    case TIOCMIWAIT:
        return wait_inputs(st, (unsigned int)(size_t)arg);
    case TIOCGICOUNT: {
        struct serial_icounter_struct *ic = arg;

        memset(ic, 0, sizeof(*ic));
        ic->parity = (int)st->err_parity;
        ic->frame = (int)st->err_frame;
        ic->overrun = (int)st->err_overrun;
        ic->brk = (int)st->err_brk;
        return 0;
    }
    case TIOCSBRK:
        break_state(st, 1);
        return 0;
    case TIOCCBRK:
        break_state(st, 0);
        return 0;
    case TCSBRK:
        if (arg)
            return real_ioctl(fd, req, arg); /* tcdrain */
        /* fall through */
    case TCSBRKP:
        break_state(st, 1);
        break_state(st, 0);
        return 0;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case SETS2:
    case SETSW2:
    case SETSF2:
        rv = real_ioctl(fd, req, arg);
        if (rv == 0)
            store_cflag(st, *cflag);
        return rv;
    case TCGETS:
    case GETS2:
        rv = real_ioctl(fd, req, arg);
        if (rv == 0)
            *cflag = load_cflag(st, *cflag);
        return rv;
    default:
        return real_ioctl(fd, req, arg);
    }
}

/* A UART driver raises DTR and RTS on open, and ends a break on the last close. */
static int
opened(int fd)
{
    struct state *st = fd >= 0 ? line_of(fd) : NULL;

    if (st)
        st->out |= OUTPUTS;
    return fd;
}

#define OPEN_LIKE(name)                                                  \
    int name(const char *path, int flags, ...)                           \
    {                                                                    \
        static int (*next)(const char *, int, ...);                      \
        va_list ap;                                                      \
        mode_t mode;                                                     \
                                                                         \
        va_start(ap, flags);                                             \
        mode = va_arg(ap, mode_t);                                       \
        va_end(ap);                                                      \
        if (!next)                                                       \
            next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        return opened(next(path, flags, mode));                          \
    }

OPEN_LIKE(open)
OPEN_LIKE(open64)

int
close(int fd)
{
    struct state *st = line_of(fd);

    if (st) {
        struct termios t;

        st->brk_on = 0;
        if (tcgetattr(fd, &t) == 0 && (t.c_cflag & HUPCL))
            st->out &= ~OUTPUTS;
    }
    return (int)syscall(SYS_close, fd);
}

int
tcsetattr(int fd, int when, const struct termios *t)
{
    static int (*next)(int, int, const struct termios *);
    struct state *st = line_of(fd);
    int rv;

    if (!next)
        next = (int (*)(int, int, const struct termios *))dlsym(RTLD_NEXT, "tcsetattr");
    if (st) {
        /* glibc reports EINVAL when the pty does not take size and parity. */
        struct termios plain = *t;

        plain.c_cflag = (plain.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
        rv = next(fd, when, &plain);
        if (rv == 0)
            store_cflag(st, t->c_cflag);
        return rv;
    }
    return next(fd, when, t);
}

int
tcgetattr(int fd, struct termios *t)
{
    static int (*next)(int, struct termios *);
    struct state *st = line_of(fd);
    int rv;

    if (!next)
        next = (int (*)(int, struct termios *))dlsym(RTLD_NEXT, "tcgetattr");
    rv = next(fd, t);
    if (rv == 0 && st)
        t->c_cflag = load_cflag(st, t->c_cflag);
    return rv;
}

int
tcsendbreak(int fd, int duration)
{
    static int (*next)(int, int);
    struct state *st = line_of(fd);

    if (st) {
        break_state(st, 1);
        break_state(st, 0);
        return 0;
    }
    if (!next)
        next = (int (*)(int, int))dlsym(RTLD_NEXT, "tcsendbreak");
    return next(fd, duration);
}
