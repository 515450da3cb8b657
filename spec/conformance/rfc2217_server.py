#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges an RFC 2217 server by raw bytes: Telnet (RFC 854, 855, 856, 1143) and the COM-PORT-OPTION.

    rfc2217_server.py --server 'build/moonrig bridge {tty} --listen rfc2217://127.0.0.1:{port} -q' [-k WORD]

The server gets a pty in two ways: as it is (no modem signals, 8 data bits), and with ttylines.so in front (LD_PRELOAD),
which gives it signals, framing, breaks and error counts in a file that is shared with the cases. One server for each
group of cases; each case has a connection of its own. A server that dies fails the case and is started again. The last
line is "N passed, N failed".
"""
import argparse
import mmap
import os
import pty
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty

IAC, SB, SE = 255, 250, 240
WILL, WONT, DO, DONT = 251, 252, 253, 254
BINARY, ECHO, SGA, TIMING_MARK, COM = 0, 1, 3, 6, 44
QUIET = 0.15                    # seconds: so long must nothing come, where no question can tell sooner
PATIENCE = 3.0
CASES = []


def case(device="plain"):
    """A case for the pty as it is ("plain") or with signals ("lines")."""
    def add(function):
        CASES.append((device, function.__name__, function))
        return function
    return add


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def equal(got, wanted, what=""):
    if got != wanted:
        show = lambda v: v.hex(" ") if isinstance(v, bytes) else repr(v)
        raise Failure("%s: wanted %s, got %s" % (what or "differs", show(wanted), show(got)))


def sub(command, payload=b""):
    body = bytes([COM, command]) + payload
    return bytes([IAC, SB]) + body.replace(b"\xff", b"\xff\xff") + bytes([IAC, SE])


def be32(n):
    return struct.pack(">I", n)


class Client:
    """One connection: what comes is cut into data, negotiation and answers."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.data = b""             # data that came, FF undoubled
        self.verbs = []             # (verb, option)
        self.answers = []           # (command, payload)
        self.closed = False

    def send(self, *pieces):
        self.socket.sendall(b"".join(bytes(p) if isinstance(p, (list, tuple)) else p for p in pieces))

    def pump(self, wait):
        """Takes what comes within so long; False: nothing."""
        if self.closed or not select.select([self.socket], [], [], wait)[0]:
            return False
        try:
            got = self.socket.recv(65536)
        except ConnectionError:
            got = b""
        self.closed = not got
        self.pending += got
        self.cut()
        return bool(got)

    def cut(self):
        p = self.pending
        while p:
            if p[0] != IAC:
                n = p.find(b"\xff")
                n = len(p) if n < 0 else n
                self.data += p[:n]
                p = p[n:]
            elif len(p) < 2:
                break
            elif p[1] == IAC:
                self.data += b"\xff"
                p = p[2:]
            elif p[1] in (WILL, WONT, DO, DONT):
                if len(p) < 3:
                    break
                self.verbs.append((p[1], p[2]))
                p = p[3:]
            elif p[1] == SB:
                end, at, body = -1, 2, bytearray()
                while at < len(p) - 1:
                    if p[at] == IAC:
                        if p[at + 1] == SE:
                            end = at + 2
                            break
                        body.append(p[at + 1])
                        at += 2
                    else:
                        body.append(p[at])
                        at += 1
                if end < 0:
                    break
                if body[:1] == bytes([COM]):
                    self.answers.append((body[1], bytes(body[2:])))
                p = p[end:]
            else:
                p = p[2:]
        self.pending = p

    def until(self, condition, what):
        give_up = time.monotonic() + PATIENCE
        while not condition():
            if self.closed:
                raise Failure("the connection was closed, waiting for " + what)
            if not self.pump(0.02) and time.monotonic() > give_up:
                raise Failure("no %s; came: data %r, verbs %r, answers %r" % (what, self.data[-40:], self.verbs[-9:],
                                                                           self.answers[-9:]))

    def quiet(self, seconds=QUIET):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.closed:
            self.pump(0.02)

    def agree(self, binary=True):
        """The usual opening."""
        self.send([IAC, WILL, COM])
        if binary:
            self.send([IAC, WILL, BINARY, IAC, DO, BINARY, IAC, WILL, SGA, IAC, DO, SGA])
        self.until(lambda: (DO, COM) in self.verbs, "DO COM-PORT-OPTION")
        if binary:
            self.until(lambda: (WILL, BINARY) in self.verbs and (DO, BINARY) in self.verbs, "BINARY")
        self.until(lambda: any(c == 107 for c, _ in self.answers), "the first NOTIFY-MODEMSTATE")
        self.answers.clear()
        self.verbs.clear()
        return self

    def ask(self, command, payload=b"", server=None):
        """The payload of the one answer; a question behind it shows that there is no second."""
        server = command + 100 if server is None else server
        self.send(sub(command, payload))
        self.until(lambda: any(c == server for c, _ in self.answers), "answer %d to %d %s" % (server, command, payload.hex()))
        found = [p for c, p in self.answers if c == server]
        self.answers = [a for a in self.answers if a[0] != server]
        self.barrier(2 if command == 4 else 4)
        more = [p for c, p in self.answers if c == server]
        check(len(found) == 1 and not more, "more than one answer: %r" % (found + more))
        return found[0]

    def barrier(self, command=4):
        """All before is served: a question has its answer."""
        code, question = command + 100, sub(command, b"\0")
        before = sum(1 for c, _ in self.answers if c == code)
        self.send(question)
        self.until(lambda: sum(1 for c, _ in self.answers if c == code) > before, "answer to the question that follows")
        for i, (c, _) in reversed(list(enumerate(self.answers))):
            if c == code:
                del self.answers[i]
                break

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Lines:
    """The state file of ttylines.so."""
    NAMES = ("magic out in brk_on brk_count cflag cflag_set err_parity err_frame err_overrun err_brk").split()
    DTR, RTS, CTS, CD, RI, DSR = 2, 4, 0x20, 0x40, 0x80, 0x100

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(delete=False)
        self.file.write(b"\0" * 4096)
        self.file.flush()
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def __getitem__(self, name):
        return struct.unpack_from("I", self.map, 4 * self.NAMES.index(name))[0]

    def __setitem__(self, name, value):
        struct.pack_into("I", self.map, 4 * self.NAMES.index(name), value)

    def close(self):
        self.map.close()
        self.file.close()
        os.unlink(self.file.name)


class Bench:
    """The device, the server on it, and clients."""

    def __init__(self, command, preload, device):
        self.command, self.preload, self.device = command, preload, device
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.slave, self.tty = slave, os.ttyname(slave)
        self.lines = Lines() if device == "lines" else None
        self.process = None
        self.clients = []
        self.start()

    def start(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        env = dict(os.environ)
        if self.lines:
            env.update(LD_PRELOAD=self.preload, TTYLINES_STATE=self.lines.file.name,
                       ASAN_OPTIONS=env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        words = [w.format(tty=self.tty, port=self.port) for w in shlex.split(self.command)]
        self.process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if time.monotonic() > give_up or self.process.poll() is not None:
                    raise SystemExit("the server did not start: " + " ".join(words))
                time.sleep(0.02)
        time.sleep(0.05)

    def dead(self):
        return self.process.poll() is not None

    def client(self):
        c = Client(self.port)
        self.clients.append(c)
        return c

    def agreed(self, **options):
        return self.client().agree(**options)

    def device_reads(self, n, wait=PATIENCE):
        """n bytes from the server at the far end of the device, or fewer when no more come."""
        got, end = b"", time.monotonic() + wait
        while len(got) < n and time.monotonic() < end:
            if select.select([self.master], [], [], 0.02)[0]:
                got += os.read(self.master, min(65536, n - len(got)))
        return got

    def device_has_nothing(self):
        check(not select.select([self.master], [], [], 0)[0], "bytes reached the device: %r" % self.peek())

    def peek(self):
        return os.read(self.master, 100) if select.select([self.master], [], [], 0)[0] else b""

    def device_writes(self, data):
        while data:
            data = data[os.write(self.master, data[:4000]):]

    def wait(self, condition, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not condition():
            check(time.monotonic() < end, "no " + what)
            time.sleep(0.002)

    def end_case(self):
        for c in self.clients:
            c.close()
        self.clients.clear()
        if self.dead():
            self.start()
            return "the server ended (exit code %s)" % self.process.poll()
        deadline = time.monotonic() + 0.03
        while time.monotonic() < deadline:
            while select.select([self.master], [], [], 0.005)[0]:
                os.read(self.master, 65536)
        if self.lines:
            for name in ("in", "brk_count", "err_parity", "err_frame", "err_overrun", "err_brk"):
                self.lines[name] = 0
        return None

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
        if self.lines:
            self.lines.close()


ALL = bytes(range(256))

# ---- Telnet: data ----------------------------------------------------------------------------------------


@case()
def data_to_the_device_has_ff_undoubled(b):
    c = b.agreed()
    c.send(ALL.replace(b"\xff", b"\xff\xff"))
    equal(b.device_reads(256), ALL)


@case()
def data_from_the_device_has_ff_doubled(b):
    c = b.agreed()
    b.device_writes(ALL)
    c.until(lambda: len(c.data) >= 256, "the bytes")
    equal(c.data, ALL)


@case()
def ff_ff_cut_in_two(b):
    c = b.agreed()
    c.send(b"a\xff")
    time.sleep(0.05)
    c.send(b"\xffb")
    equal(b.device_reads(3), b"a\xffb")


@case()
def every_byte_in_a_segment_of_its_own(b):
    c = b.agreed()
    for byte in b"x\xff\xff" + sub(2, b"\x00") + b"y\xff\xf1z":
        c.send([byte])
        time.sleep(0.001)
    equal(b.device_reads(4), b"x\xffyz")
    c.until(lambda: (102, b"\x08") in c.answers, "the answer")


@case()
def data_command_data_keeps_its_order(b):
    c = b.agreed()
    c.send(b"one" + sub(1, be32(19200)) + b"two")
    equal(b.device_reads(6), b"onetwo")
    c.until(lambda: (101, be32(19200)) in c.answers, "the answer")


@case()
def nvt_cr_nul_is_cr(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, WONT, BINARY, IAC, DONT, BINARY], b"a\r\0b\r\nc\r\0")
    equal(b.device_reads(7), b"a\rb\r\nc\r")


@case()
def nvt_cr_at_the_end_of_a_segment(b):
    c = b.client()
    c.send([IAC, WONT, BINARY], b"a\r")
    time.sleep(0.05)
    c.send(b"\0b")
    equal(b.device_reads(3), b"a\rb")


@case()
def nvt_bare_cr_is_sent_as_cr_nul(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, DONT, BINARY])
    c.until(lambda: (DO, COM) in c.verbs, "DO")
    c.quiet(0.05)
    b.device_writes(b"a\rb\r\n")
    c.until(lambda: len(c.data) >= 6, "the bytes")
    equal(c.data, b"a\r\0b\r\n")


@case()
def binary_leaves_cr_nul_alone(b):
    c = b.agreed()
    c.send(b"a\r\0b\r")
    equal(b.device_reads(5), b"a\r\0b\r")
    b.device_writes(b"c\r\0d\r")
    c.until(lambda: len(c.data) >= 5, "the bytes")
    equal(c.data, b"c\r\0d\r")


# ---- Telnet: options ---------------------------------------------------------------------------------------


@case()
def opening_offers_binary_both_ways(b):
    c = b.client()
    c.until(lambda: (WILL, BINARY) in c.verbs and (DO, BINARY) in c.verbs, "the offer of BINARY")


@case()
def opening_offers_sga(b):
    c = b.client()
    c.send([IAC, DO, SGA, IAC, WILL, SGA])
    c.until(lambda: (WILL, SGA) in c.verbs and (DO, SGA) in c.verbs, "SUPPRESS-GO-AHEAD both ways")


@case()
def unknown_option_is_refused_once_each_time(b):
    c = b.agreed()
    for _ in range(3):
        c.send([IAC, DO, 99, IAC, WILL, 99])
    c.barrier()
    equal(c.verbs.count((WONT, 99)), 3)
    equal(c.verbs.count((DONT, 99)), 3)


@case()
def refusals_have_no_answer(b):
    c = b.agreed()
    c.send([IAC, DONT, 99, IAC, WONT, 99, IAC, DONT, 99])
    c.barrier()
    equal(c.verbs, [])


@case()
def what_is_in_force_has_no_answer(b):
    c = b.agreed()
    c.send([IAC, DO, BINARY, IAC, WILL, BINARY, IAC, DO, SGA, IAC, WILL, SGA, IAC, WILL, COM] * 5)
    c.barrier()
    equal(c.verbs, [])


@case()
def dont_is_obeyed_and_acknowledged_once(b):
    c = b.agreed()
    c.send([IAC, DONT, BINARY, IAC, DONT, BINARY])
    c.barrier()
    equal(c.verbs, [(WONT, BINARY)])


@case()
def wont_is_obeyed_and_acknowledged_once(b):
    c = b.agreed()
    c.send([IAC, WONT, BINARY, IAC, WONT, BINARY])
    c.barrier()
    equal(c.verbs, [(DONT, BINARY)])


@case()
def off_and_on_again(b):
    c = b.agreed()
    c.send([IAC, DONT, BINARY, IAC, DO, BINARY, IAC, WONT, BINARY, IAC, WILL, BINARY])
    c.barrier()
    equal(c.verbs, [(WONT, BINARY), (WILL, BINARY), (DONT, BINARY), (DO, BINARY)])


@case()
def refused_offer_is_not_repeated(b):
    c = b.client()
    c.send([IAC, DONT, BINARY, IAC, WONT, BINARY, IAC, DONT, SGA, IAC, WONT, SGA])
    c.until(lambda: (DO, COM) in c.verbs or (WILL, BINARY) in c.verbs, "the offers")
    c.quiet()
    for verb in ((WILL, BINARY), (DO, BINARY), (WILL, SGA), (DO, SGA)):
        check(c.verbs.count(verb) <= 1, "offered again: %r" % (verb,))


@case()
def echo_is_refused_on_both_sides(b):
    c = b.agreed()
    c.send([IAC, DO, ECHO, IAC, WILL, ECHO])
    c.barrier()
    equal(c.verbs, [(WONT, ECHO), (DONT, ECHO)])


@case()
def timing_mark_is_answered(b):
    c = b.agreed()
    c.send([IAC, DO, TIMING_MARK])
    c.barrier()
    check(c.verbs in ([(WONT, TIMING_MARK)], [(WILL, TIMING_MARK)]), "%r" % c.verbs)


@case()
def option_255(b):
    c = b.agreed()
    c.send([IAC, DO, 255, IAC, WILL, 255], b"x")
    c.barrier()
    equal(c.verbs, [(WONT, 255), (DONT, 255)])
    equal(b.device_reads(1), b"x")


@case()
def three_thousand_unknown_options(b):
    c = b.agreed()
    c.send([IAC, DO, 99] * 3000)
    c.until(lambda: c.verbs.count((WONT, 99)) >= 3000, "all refusals")
    c.barrier()
    equal(c.verbs.count((WONT, 99)), 3000)


@case()
def forty_different_options(b):
    c = b.agreed()
    for n in range(50, 90):
        c.send([IAC, DO, n])
    c.barrier()
    equal(c.verbs, [(WONT, n) for n in range(50, 90)])


# ---- Telnet: commands, subnegotiations ---------------------------------------------------------------------


@case()
def commands_do_not_reach_the_device(b):
    c = b.agreed()
    for n in (236, 237, 238, 239, 241, 242, 244, 245, 246, 247, 248, 249):
        c.send([IAC, n])
    c.send(b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def lone_se_is_ignored(b):
    c = b.agreed()
    c.send([IAC, SE], b"x", [IAC, SE])
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def empty_subnegotiation(b):
    c = b.agreed()
    c.send([IAC, SB, IAC, SE, IAC, SB, COM, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    equal(c.answers, [])


@case()
def unknown_subnegotiation(b):
    c = b.agreed()
    c.send([IAC, SB, 24, 0, 65, IAC, SE, IAC, SB, 31, 0, 80, 0, 24, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    equal(c.answers, [])


@case()
def subnegotiation_of_a_megabyte(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1], b"x" * 1048576, [IAC, SE], b"y")
    equal(b.device_reads(1), b"y")
    c.barrier()


@case()
def subnegotiation_without_an_end(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1], b"x" * 1048576)
    c.close()
    d = b.agreed()
    equal(d.ask(2, b"\0"), b"\x08")
    b.device_has_nothing()


@case()
def oversized_set_datasize_is_ignored(b):
    c = b.agreed()
    c.send(sub(2, b"\x05" * 5000))
    c.barrier()
    equal(c.answers, [])
    equal(c.ask(2, b"\0"), b"\x08")


@case()
def sb_inside_sb_begins_anew(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1, 0, 0], sub(2, b"\0"))
    c.until(lambda: (102, b"\x08") in c.answers, "the answer")
    b.device_has_nothing()


@case()
def other_command_inside_sb(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1, 0, IAC, 241, 0x25, 0x80, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def urgent_data_keeps_its_place(b):
    c = b.agreed()
    c.send(b"a\xff")
    c.socket.send(b"\xf2", socket.MSG_OOB)
    c.send(b"b")
    equal(b.device_reads(2), b"ab")


# ---- COM-PORT-OPTION: agreement ----------------------------------------------------------------------------


@case()
def nothing_before_agreement(b):
    c = b.client()
    c.send(sub(1, be32(0)), sub(0), sub(7))
    c.quiet()
    equal(c.answers, [])


@case()
def will_is_answered_by_do(b):
    c = b.client()
    c.send([IAC, WILL, COM])
    c.until(lambda: (DO, COM) in c.verbs, "DO")
    c.quiet(0.05)
    equal(c.verbs.count((DO, COM)), 1)


@case()
def do_is_answered_by_will(b):
    c = b.client()
    c.send([IAC, DO, COM])
    c.until(lambda: (WILL, COM) in c.verbs, "WILL")


@case()
def pyserial_opening(b):
    c = b.client()
    c.send([IAC, DO, ECHO, IAC, WILL, SGA, IAC, DO, SGA, IAC, DO, COM, IAC, WILL, COM])
    c.until(lambda: (DO, COM) in c.verbs and (WILL, COM) in c.verbs and (WONT, ECHO) in c.verbs, "the answers")
    c.barrier()


@case()
def wont_ends_the_option_and_will_begins_again(b):
    c = b.agreed()
    c.send([IAC, WONT, COM], sub(2, b"\0"), sub(0))
    c.until(lambda: (DONT, COM) in c.verbs, "DONT")
    c.quiet()
    equal(c.answers, [])
    c.send([IAC, WILL, COM], sub(2, b"\0"))
    c.until(lambda: (102, b"\x08") in c.answers, "the answer")


@case()
def wont_ends_it_after_both_sides_agreed(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, DO, COM])
    c.until(lambda: (DO, COM) in c.verbs and (WILL, COM) in c.verbs, "both")
    c.quiet(0.05)
    c.answers.clear()
    c.send([IAC, WONT, COM], sub(2, b"\0"))
    c.quiet()
    equal(c.answers, [])


@case()
def modem_state_follows_the_agreement(b):
    c = b.client()
    c.send([IAC, WILL, COM])
    c.until(lambda: any(n == 107 and len(p) == 1 for n, p in c.answers), "NOTIFY-MODEMSTATE")


@case()
def commands_in_the_segment_of_the_agreement(b):
    c = b.client()
    c.send([IAC, WILL, COM], sub(1, be32(57600)), sub(2, b"\0"))
    c.until(lambda: (101, be32(57600)) in c.answers and (102, b"\x08") in c.answers, "the answers")


# ---- settings ----------------------------------------------------------------------------------------------


@case()
def baudrates(b):
    c = b.agreed()
    for rate in (300, 9600, 12345, 65280, 115200, 4000000):
        equal(c.ask(1, be32(rate)), be32(rate))
        equal(c.ask(1, be32(0)), be32(rate))


@case()
def absurd_baudrates_are_answered_by_what_is_in_force(b):
    c = b.agreed()
    c.ask(1, be32(19200))
    for rate in (1, 0xffffffff, 0x7fffffff, 0xff000000):
        equal(c.ask(1, be32(rate)), be32(19200), "rate %d" % rate)


@case()
def short_and_long_baudrates_do_not_change_the_dialect(b):
    c = b.agreed()
    for payload in (b"\x08", b"\0\0", b"", b"\0\0\x25\x80\0"):
        c.send(sub(1, payload))
    c.barrier()
    c.answers.clear()
    equal(c.ask(1, be32(38400)), be32(38400))


@case()
def datasize_of_a_pty_is_8(b):
    c = b.agreed()
    for size in (0, 5, 6, 7, 8):
        equal(c.ask(2, bytes([size])), b"\x08")


@case()
def reserved_datasizes(b):
    c = b.agreed()
    for size in (1, 4, 9, 127, 255):
        equal(c.ask(2, bytes([size])), b"\x08", "size %d" % size)


@case()
def parity_of_a_pty_is_none(b):
    c = b.agreed()
    for parity in (0, 1, 2, 3, 4, 5, 6, 255):
        equal(c.ask(3, bytes([parity])), b"\x01", "parity %d" % parity)


@case()
def stopsizes(b):
    c = b.agreed()
    equal(c.ask(4, b"\x02"), b"\x02")
    equal(c.ask(4, b"\x00"), b"\x02")
    equal(c.ask(4, b"\x01"), b"\x01")
    check(c.ask(4, b"\x03") in (b"\x01", b"\x02"), "1.5 stop bits with 8 data bits")
    c.ask(4, b"\x01")
    for size in (4, 99, 255):
        equal(c.ask(4, bytes([size])), b"\x01", "size %d" % size)


@case("lines")
def framing_reaches_the_driver(b):
    c = b.agreed()
    PARENB, PARODD, CSTOPB, CMSPAR, CSIZE = 0o400, 0o1000, 0o100, 0o10000000000, 0o60
    for size, bits in ((5, 0), (6, 0o20), (7, 0o40), (8, 0o60)):
        equal(c.ask(2, bytes([size])), bytes([size]))
        equal(b.lines["cflag"] & CSIZE, bits)
    for parity, bits in ((2, PARENB | PARODD), (3, PARENB), (4, PARENB | PARODD | CMSPAR), (5, PARENB | CMSPAR), (1, 0)):
        equal(c.ask(3, bytes([parity])), bytes([parity]))
        equal(b.lines["cflag"] & (PARENB | PARODD | CMSPAR), bits)
    equal(c.ask(4, b"\x02"), b"\x02")
    check(b.lines["cflag"] & CSTOPB, "CSTOPB")
    equal(c.ask(3, b"\x06"), b"\x01")
    equal(c.ask(2, b"\x00"), b"\x08")


@case("lines")
def one_and_a_half_stop_bits_with_5_bits(b):
    c = b.agreed()
    c.ask(2, b"\x05")
    equal(c.ask(4, b"\x03"), b"\x03")


# ---- SET-CONTROL -------------------------------------------------------------------------------------------


@case()
def flow_control(b):
    c = b.agreed()
    for value in (2, 3, 1):
        equal(c.ask(5, bytes([value])), bytes([value]))
        equal(c.ask(5, b"\0"), bytes([value]))


@case()
def inbound_flow_control(b):
    c = b.agreed()
    equal(c.ask(5, b"\x0d"), b"\x0e")
    equal(c.ask(5, b"\x0f"), b"\x0f")
    equal(c.ask(5, b"\x0d"), b"\x0f")
    equal(c.ask(5, b"\0"), b"\x01")
    equal(c.ask(5, b"\x0e"), b"\x0e")
    c.ask(5, b"\x03")
    equal(c.ask(5, b"\x0d"), b"\x10")
    c.ask(5, b"\x01")


@case()
def unsupported_flow_control_is_answered_by_what_is_in_force(b):
    c = b.agreed()
    equal(c.ask(5, bytes([17])), b"\x01")
    equal(c.ask(5, bytes([19])), b"\x01")
    equal(c.ask(5, bytes([18])), b"\x0e")


@case()
def signals_of_a_pty_are_kept_and_answered(b):
    c = b.agreed()
    for on, off, ask in ((8, 9, 7), (11, 12, 10)):
        equal(c.ask(5, bytes([off])), bytes([off]))
        equal(c.ask(5, bytes([ask])), bytes([off]))
        equal(c.ask(5, bytes([on])), bytes([on]))
        equal(c.ask(5, bytes([ask])), bytes([on]))


@case()
def break_of_a_pty_is_kept_and_answered(b):
    c = b.agreed()
    equal(c.ask(5, b"\x04"), b"\x06")
    equal(c.ask(5, b"\x05"), b"\x05")
    equal(c.ask(5, b"\x04"), b"\x05")
    equal(c.ask(5, b"\x06"), b"\x06")
    equal(c.ask(5, b"\x04"), b"\x06")


@case("lines")
def signals_reach_the_driver(b):
    c = b.agreed()
    equal(c.ask(5, b"\x09"), b"\x09")
    check(not b.lines["out"] & Lines.DTR, "DTR is on")
    equal(c.ask(5, b"\x08"), b"\x08")
    check(b.lines["out"] & Lines.DTR, "DTR is off")
    equal(c.ask(5, b"\x0c"), b"\x0c")
    check(not b.lines["out"] & Lines.RTS, "RTS is on")
    equal(c.ask(5, b"\x0a"), b"\x0c")
    equal(c.ask(5, b"\x0b"), b"\x0b")
    check(b.lines["out"] & Lines.RTS, "RTS is off")


@case("lines")
def break_reaches_the_driver(b):
    c = b.agreed()
    equal(c.ask(5, b"\x05"), b"\x05")
    equal(b.lines["brk_on"], 1)
    equal(c.ask(5, b"\x04"), b"\x05")
    equal(c.ask(5, b"\x06"), b"\x06")
    equal(b.lines["brk_on"], 0)


@case("lines")
def iac_brk_is_a_break(b):
    c = b.agreed()
    c.send([IAC, 243], b"x")
    b.wait(lambda: b.lines["brk_count"] == 1, "break")
    b.wait(lambda: b.lines["brk_on"] == 0, "end of the break")
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def reserved_controls_are_ignored(b):
    c = b.agreed()
    for value in (20, 64, 127, 128, 255):
        c.send(sub(5, bytes([value])))
    c.barrier()
    equal(c.answers, [])


# ---- other commands ----------------------------------------------------------------------------------------


@case()
def signature(b):
    c = b.agreed()
    check(len(c.ask(0)) > 0, "it is empty")
    c.send(sub(0, b"my name \xff\x00"))
    c.barrier()
    equal([a for a in c.answers if a[0] == 100], [])
    check(len(c.ask(0)) > 0, "it is empty")


@case()
def masks(b):
    c = b.agreed()
    for value in (0, 0x1e, 255):
        equal(c.ask(10, bytes([value])), bytes([value]))
        equal(c.ask(10, bytes([value])), bytes([value]))
    for value in (0, 0xf0):
        c.send(sub(11, bytes([value])))
        c.until(lambda: (111, bytes([value])) in c.answers, "the mask")


@case()
def purge(b):
    c = b.agreed()
    for value in (1, 2, 3):
        equal(c.ask(12, bytes([value])), bytes([value]))
    for value in (0, 4, 255):
        c.send(sub(12, bytes([value])))
    c.barrier()


@case()
def polls(b):
    c = b.agreed()
    for payload in (b"", b"\0"):
        equal(len(c.ask(6, payload)), 1)
        equal(len(c.ask(7, payload)), 1)
    check(c.ask(6)[0] & 0x60 == 0x60, "the transmitter is empty")


@case()
def unknown_commands_and_those_of_a_server(b):
    c = b.agreed()
    for command in (13, 50, 99, 101, 105, 107, 112, 255):
        c.send(sub(command, b"\x01"))
    for command in (2, 3, 4, 5, 10, 11):
        c.send(sub(command), sub(command, b"\x01\x01"))
    c.barrier()
    equal(c.answers, [])


@case()
def suspend_stops_data_and_answers(b):
    c = b.agreed()
    c.send(sub(8))
    c.quiet(0.05)
    b.device_writes(b"held")
    c.send(sub(2, b"\0"))
    c.quiet()
    equal((c.data, c.answers), (b"", []))
    c.send(sub(9))
    c.until(lambda: c.data == b"held" and (102, b"\x08") in c.answers, "data and answer")
    equal([a for a in c.answers if a[0] in (108, 109)], [])


@case()
def suspend_loses_nothing(b):
    c = b.agreed()
    c.send(sub(8))
    c.quiet(0.05)
    for i in range(50):
        b.device_writes(b"%04d" % i)
    c.quiet(0.05)
    equal(c.data, b"")
    c.send(sub(9))
    c.until(lambda: len(c.data) >= 200, "the data")
    equal(c.data, b"".join(b"%04d" % i for i in range(50)))


@case("lines")
def suspend_does_not_change_flow_control(b):
    c = b.agreed()
    c.ask(5, b"\x03")
    c.send(sub(8), sub(9))
    equal(c.ask(5, b"\0"), b"\x03")
    c.ask(5, b"\x01")


# ---- notifications -----------------------------------------------------------------------------------------


def modem(c, value, what):
    c.until(lambda: any(n == 107 for n, _ in c.answers), what)
    n = [p[0] for n, p in c.answers if n == 107]
    c.answers = [a for a in c.answers if a[0] != 107]
    equal(n, [value], what)


@case("lines")
def changes_of_signals_are_told(b):
    c = b.agreed()
    b.lines["in"] = Lines.CTS
    modem(c, 0x11, "CTS on")
    b.lines["in"] = Lines.CTS | Lines.DSR
    modem(c, 0x32, "DSR on")
    b.lines["in"] = Lines.CTS | Lines.DSR | Lines.CD
    modem(c, 0xb8, "CD on")
    b.lines["in"] = Lines.CD
    modem(c, 0x83, "CTS and DSR off")


@case("lines")
def ring_counts_at_its_end(b):
    c = b.agreed()
    b.lines["in"] = Lines.RI
    c.quiet(0.1)
    for n, p in c.answers:
        check(not p[0] & 4, "the edge at the beginning")
    c.answers.clear()
    b.lines["in"] = 0
    modem(c, 0x04, "the end of the ring")


@case("lines")
def changes_are_told_soon(b):
    c = b.agreed()
    times = []
    for i in range(10):
        began = time.monotonic()
        b.lines["in"] = 0 if i % 2 else Lines.CTS
        c.until(lambda: any(n == 107 for n, _ in c.answers), "the change")
        times.append(time.monotonic() - began)
        c.answers.clear()
    check(sorted(times)[5] < 0.02, "median %.1f ms" % (sorted(times)[5] * 1000))


@case("lines")
def mask_holds_back_and_cuts(b):
    c = b.agreed()
    c.send(sub(11, b"\x10"))
    c.until(lambda: (111, b"\x10") in c.answers, "the mask")
    c.answers.clear()
    b.lines["in"] = Lines.DSR
    c.quiet(0.1)
    equal(c.answers, [])
    b.lines["in"] = Lines.DSR | Lines.CTS
    modem(c, 0x10, "CTS alone")
    c.send(sub(11, b"\x00"))
    c.until(lambda: (111, b"\x00") in c.answers, "the mask")
    c.answers.clear()
    b.lines["in"] = 0
    c.quiet(0.1)
    equal(c.answers, [])


@case("lines")
def poll_tells_the_state(b):
    c = b.agreed()
    b.lines["in"] = Lines.CTS | Lines.CD
    c.until(lambda: any(n == 107 for n, _ in c.answers), "the change")
    c.answers.clear()
    equal(c.ask(7)[0] & 0xf0, 0x90)


@case("lines")
def errors_are_told_by_mask(b):
    c = b.agreed()
    b.lines["err_parity"] += 1
    c.quiet(0.05)
    equal(c.answers, [])
    equal(c.ask(10, b"\x1e"), b"\x1e")
    c.answers.clear()
    for name, bit in (("err_brk", 16), ("err_frame", 8), ("err_parity", 4), ("err_overrun", 2)):
        b.lines[name] += 1
        c.until(lambda: (106, bytes([bit])) in c.answers, "the notification of " + name)
        c.answers.clear()
    equal(c.ask(10, b"\x10"), b"\x10")
    b.lines["err_parity"] += 1
    c.quiet(0.1)
    equal(c.answers, [])


@case("lines")
def nothing_is_told_before_agreement(b):
    c = b.client()
    b.lines["in"] = Lines.CTS
    c.quiet()
    equal(c.answers, [])


# ---- pipelining, stalls, ends ------------------------------------------------------------------------------


@case()
def five_thousand_questions_at_once(b):
    c = b.agreed()
    c.send(sub(1, be32(0)) * 5000)
    c.until(lambda: len(c.answers) >= 5000, "all answers")
    equal(len(c.answers), 5000)


@case()
def five_thousand_questions_unread_for_a_second(b):
    c = b.agreed()
    c.socket.setblocking(False)
    data = sub(1, be32(0)) * 5000
    sent = 0
    end = time.monotonic() + 1
    while sent < len(data) and time.monotonic() < end:
        try:
            sent += c.socket.send(data[sent:])
        except BlockingIOError:
            time.sleep(0.01)
    time.sleep(0.5)
    c.socket.setblocking(True)
    c.until(lambda: len(c.answers) >= sent // 10, "all answers")
    c.send(data[sent:])
    c.until(lambda: len(c.answers) >= 5000, "all answers")
    equal(len(c.answers), 5000)


@case()
def answers_come_in_the_order_of_requests(b):
    c = b.agreed()
    rates = [300, 1200, 2400, 9600, 19200, 38400] * 20
    c.send(b"".join(sub(1, be32(r)) + sub(2, b"\0") + sub(5, b"\0") for r in rates))
    c.until(lambda: len(c.answers) >= 3 * len(rates), "all answers")
    wanted = [a for r in rates for a in ((101, be32(r)), (102, b"\x08"), (105, b"\x01"))]
    equal(c.answers, wanted)


@case()
def refusals_pipelined(b):
    c = b.agreed()
    c.send(sub(2, b"\x05") * 500)
    c.until(lambda: len(c.answers) >= 500, "all answers")
    equal(set(c.answers), {(102, b"\x08")})
    c.answers.clear()
    equal(c.ask(2, b"\0"), b"\x08")


@case()
def device_stalls_with_half_a_megabyte(b):
    c = b.agreed()
    data = bytes(i * 7 % 251 for i in range(512 * 1024))
    child = os.fork()
    if child == 0:
        try:
            c.send(data)
        finally:
            os._exit(0)
    time.sleep(1)
    got = b.device_reads(len(data), 20)
    os.waitpid(child, 0)
    check(got == data, "lost or changed: %d of %d bytes" % (len(got), len(data)))


@case()
def client_stalls_with_half_a_megabyte(b):
    c = b.agreed()
    data = bytes(i * 7 % 251 for i in range(512 * 1024))
    child = os.fork()
    if child == 0:
        try:
            b.device_writes(data)
        finally:
            os._exit(0)
    time.sleep(1)
    c.until(lambda: len(c.data) >= len(data), "all bytes")
    os.waitpid(child, 0)
    check(c.data == data, "changed")


@case()
def fin_with_data_before_it(b):
    c = b.agreed()
    c.send(b"last words" * 100)
    c.socket.shutdown(socket.SHUT_WR)
    equal(b.device_reads(1000), b"last words" * 100)


@case()
def half_closed_client_gets_its_answer(b):
    c = b.agreed()
    c.send(b"*IDN?\n")
    c.socket.shutdown(socket.SHUT_WR)
    equal(b.device_reads(6), b"*IDN?\n")
    time.sleep(0.1)
    b.device_writes(b"ACME\n")
    c.until(lambda: c.data == b"ACME\n", "the answer")


@case()
def half_closed_silent_client_frees_the_port(b):
    c = b.agreed()
    c.socket.shutdown(socket.SHUT_WR)
    d = b.agreed()
    d.send(b"next")
    equal(b.device_reads(4), b"next")
    equal(d.ask(1, be32(57600)), be32(57600))


@case()
def session_begun_while_the_last_one_closes(b):
    for i in range(20):
        c = b.agreed()
        equal(c.ask(1, be32(19200 + i)), be32(19200 + i))
        c.close()
    d = b.agreed()
    d.send(b"alive")
    equal(b.device_reads(5), b"alive")


@case()
def reset_with_a_full_device_queue(b):
    c = b.agreed()
    c.socket.setblocking(False)
    try:
        while True:
            c.socket.send(b"x" * 65536)
    except BlockingIOError:
        pass
    c.close(reset=True)
    while select.select([b.master], [], [], 0.2)[0]:
        os.read(b.master, 65536)
    d = b.agreed()
    equal(d.ask(2, b"\0"), b"\x08")
    d.send(b"after")
    got = b.device_reads(5)
    check(got.endswith(b"after"), "got %r" % got)


@case()
def second_client_does_not_disturb_the_first(b):
    c = b.agreed()
    c.ask(1, be32(38400))
    d = b.client()
    d.send([IAC, WILL, COM], b"intruder", sub(1, be32(300)))
    d.quiet(0.1)
    equal(c.ask(1, be32(0)), be32(38400))
    c.send(b"mine")
    equal(b.device_reads(4), b"mine")
    b.device_writes(b"yours")
    c.until(lambda: c.data == b"yours", "the data")


@case("lines")
def break_left_on_by_a_vanished_client_ends(b):
    c = b.agreed()
    c.ask(5, b"\x05")
    c.close(reset=True)
    b.wait(lambda: b.lines["brk_on"] == 0, "end of the break")


@case()
def settings_left_by_a_vanished_client_go_back(b):
    c = b.agreed()
    before = c.ask(1, be32(0))
    c.ask(1, be32(123456))
    c.close(reset=True)
    time.sleep(0.05)
    d = b.agreed()
    equal(d.ask(1, be32(0)), before)


@case()
def garbage_connections_cost_little(b):
    def cpu():
        with open("/proc/%d/stat" % b.process.pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    before = cpu()
    rng = 12345
    for i in range(20):
        c = b.client()
        data = bytearray()
        for _ in range(2000):
            rng = (rng * 1103515245 + 12345) & 0x7fffffff
            data.append(255 if rng % 5 == 0 else rng >> 16 & 255)
        try:
            c.send(bytes(data))
            c.quiet(0.01)
        except OSError:
            pass
        c.close(reset=i % 2 == 0)
    check(cpu() - before < 1.0, "%.2f s" % (cpu() - before))
    time.sleep(0.05)
    while select.select([b.master], [], [], 0.05)[0]:
        os.read(b.master, 65536)
    d = b.agreed()
    equal(d.ask(2, b"\0"), b"\x08")


@case()
def http_request_is_closed_and_reaches_no_device(b):
    c = b.client()
    c.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nOUTP ON\n")
    end = time.monotonic() + PATIENCE
    while not c.closed:
        c.pump(0.05)
        check(time.monotonic() < end, "the connection was not closed")
    b.device_has_nothing()


@case()
def crowd_of_connections(b):
    c = b.agreed()
    for _ in range(300):
        socket.create_connection(("127.0.0.1", b.port)).close()
    c.send(b"still")
    equal(b.device_reads(5), b"still")
    equal(c.ask(2, b"\0"), b"\x08")


@case()
def dripping_clients(b):
    c = b.agreed()
    drips = [b.client() for _ in range(10)]
    for byte in bytes([IAC, WILL, COM]) + sub(1, be32(0)):
        for d in drips:
            d.send([byte])
        c.barrier()
    c.send(b"x")
    equal(b.device_reads(1), b"x")


def build_preload(source):
    out = tempfile.NamedTemporaryFile(suffix=".so", delete=False)
    out.close()
    subprocess.check_call(["cc", "-shared", "-fPIC", "-O1", "-o", out.name, source, "-ldl"])
    return out.name


def run(bench, function):
    try:
        function(bench)
        text = None
    except Failure as e:
        text = str(e)
    except OSError as e:
        text = "%s: %s" % (type(e).__name__, e)
    died = bench.end_case()
    return died or text


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Judges an RFC 2217 server by raw bytes.")
    parser.add_argument("--server", help="command with {tty} and {port}")
    parser.add_argument("-k", default="", help="only cases with this in their name")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-v", action="store_true", help="a line for each case, with its time")
    options = parser.parse_args()
    chosen = [entry for entry in CASES if options.k in entry[1]]
    if options.list:
        for device, name, _ in chosen:
            print("%-6s %s" % (device, name.replace("_", " ")))
        return 0
    preload = build_preload(os.path.join(here, "ttylines.c"))
    passed = failed = 0
    try:
        for device in ("plain", "lines"):
            mine = [entry for entry in chosen if entry[0] == device]
            if not mine:
                continue
            bench = Bench(options.server, preload, device)
            try:
                for _, name, function in mine:
                    began = time.monotonic()
                    text = run(bench, function)
                    passed, failed = passed + (not text), failed + bool(text)
                    if text:
                        print("FAILED %s: %s" % (name, text), flush=True)
                    elif options.v:
                        print("%6.2f s %s" % (time.monotonic() - began, name), flush=True)
            finally:
                bench.close()
    finally:
        os.unlink(preload)
    print("%d passed, %d failed" % (passed, failed))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
