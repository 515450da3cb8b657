# SPDX-License-Identifier: MIT
"""An RFC 2217 server made of a script, which behaves in every way but well, and writes down what the client does."""
import socket
import ssl
import struct
import threading
import time

from judge.wire import BINARY, COM, DO, DONT, IAC, PATIENCE, SB, SE, SGA, WILL, WONT, Failure, be32, sub

AGREED = (BINARY, SGA, COM)
SETTINGS = {101: be32(9600), 102: b"\x08", 103: b"\x01", 104: b"\x01"}


class Word:
    """What the client says: a verb and its option, a command and its value, or data."""

    def __init__(self, at, verb=None, option=None, command=None, value=b"", data=b""):
        self.at, self.verb, self.option, self.command, self.value, self.data = at, verb, option, command, value, data

    def __repr__(self):
        return ("verb %d %d" % (self.verb, self.option) if self.verb else "data %r" % self.data[:20] if self.data
                else "command %s %s" % (self.command, self.value[:20].hex()))


def good(word):
    """A good server's answer to a word."""
    if word.verb in (WILL, DO):
        yes, no = (DO, DONT) if word.verb == WILL else (WILL, WONT)
        agreed = word.option in AGREED and (word.verb, word.option) != (DO, COM)
        return bytes([IAC, yes if agreed else no, word.option])
    if word.command is None or 6 <= word.command <= 9:
        return b""
    if word.command == 0:
        return sub(100, b"a server") if not word.value else b""
    value = word.value if any(word.value) else SETTINGS.get(word.command + 100, word.value)
    return sub(word.command + 100, value)


class FakeServer:
    """Serves one client; answer(word) gives bytes, or None for those of a good server."""

    def __init__(self, answer=None, opening=b"", tls=None, connected=None):
        self.answer, self.opening, self.tls, self.connected = answer or (lambda word: None), opening, tls, connected
        self.said, self.sent_do, self.ended = [], False, False
        self.step = 0               # bytes in one segment; 0: all
        self.pause = 0              # seconds before each answer
        self.client = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "%s://127.0.0.1:%d" % ("rfc2217+tls" if tls else "rfc2217", self.listener.getsockname()[1])
        self.pending = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            self.listener.settimeout(10)
            self.client, _ = self.listener.accept()
            self.listener.close()
            self.client.settimeout(15)
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.tls)
                self.client = context.wrap_socket(self.client, server_side=True)
            if self.connected:
                self.connected(self)
            self.send(self.opening)
            while got := self.client.recv(65536):
                self.pending += got
                words = list(self.words())
                self.said += words
                for word in words:
                    reply = self.answer(word)
                    reply = good(word) if reply is None else reply
                    if reply:
                        time.sleep(self.pause)
                        self.send(reply)
        except (OSError, ValueError):
            pass
        self.ended = True

    def words(self):
        """Cuts what came; what is not whole stays."""
        p, now = self.pending, time.monotonic()
        while p:
            if p[0] != IAC:
                n = p.find(b"\xff")
                n = len(p) if n < 0 else n
                yield Word(now, data=p[:n])
                p = p[n:]
            elif len(p) < 2:
                break
            elif p[1] == IAC:
                yield Word(now, data=b"\xff")
                p = p[2:]
            elif p[1] in (WILL, WONT, DO, DONT):
                if len(p) < 3:
                    break
                yield Word(now, verb=p[1], option=p[2])
                p = p[3:]
            elif p[1] == SB:
                at, body = 2, bytearray()
                while at + 1 < len(p) and p[at:at + 2] != bytes([IAC, SE]):
                    at += 1 if p[at] != IAC else 2
                    body.append(p[at - 1])
                if at + 1 >= len(p):
                    break
                yield Word(now, command=body[1] if len(body) > 1 else -1, value=bytes(body[2:]))
                p = p[at + 2:]
            else:
                yield Word(now, command=-p[1])
                p = p[2:]
        self.pending = p

    def send(self, data):
        self.sent_do = self.sent_do or bytes([IAC, DO, COM]) in data
        for at in range(0, len(data), self.step or len(data) or 1):
            self.client.sendall(data[at:at + (self.step or len(data))])
            if self.step:
                time.sleep(0.0002)

    # ---- what the client did

    def commands(self, *which):
        return [(w.command, w.value) for w in self.said if w.command is not None and (not which or w.command in which)]

    def verbs(self, option=None):
        return [(w.verb, w.option) for w in self.said if w.verb and option in (None, w.option)]

    def data(self):
        return b"".join(w.data for w in self.said)

    def until(self, condition, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Failure("no %s; the client said %r" % (what, self.said[-12:]))
            time.sleep(0.002)

    def close(self, reset=False):
        if self.client:
            if reset:
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                self.client.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            except OSError:
                pass
            self.client.close()
        self.listener.close()
