# SPDX-License-Identifier: MIT
"""Telnet and the COM-PORT-OPTION as bytes, and what a case is checked with."""
import select
import socket
import struct
import time

IAC, SB, SE = 255, 250, 240
WILL, WONT, DO, DONT = 251, 252, 253, 254
BINARY, ECHO, SGA, TIMING_MARK, COM = 0, 1, 3, 6, 44
QUIET = 0.15                    # seconds: so long must nothing come, where no question can tell sooner
PATIENCE = 3.0
ALL = bytes(range(256))


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
        code, question = command + 100, sub(command, be32(0) if command == 1 else b"\0")
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
