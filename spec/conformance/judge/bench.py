# SPDX-License-Identifier: MIT
"""The device, the server on it, its clients; and the register of cases."""
import mmap
import os
import pty
import select
import shlex
import signal
import socket
import struct
import subprocess
import tempfile
import time
import tty
from functools import partial

from judge.wire import PATIENCE, Client, check

CASES = []                      # (device, name, function)


def case(device="plain"):
    """A case for any device ("plain": it gets a pty as it is), one with signals ("lines"), or a bare pty ("pty")."""
    def add(function):
        CASES.append((device, function.__name__, function))
        return function
    return add


def each(rows, device="plain"):
    """A case for each row: the words that go into its name, then what the function gets."""
    def add(function):
        for name, *arguments in rows:
            CASES.append((device, "%s_%s" % (function.__name__, name), partial(call, function, arguments)))
        return function
    return add


def call(function, arguments, bench):
    function(bench, *arguments)


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
            for name in ("in", "brk_count"):     # a driver's counters of errors only grow
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
