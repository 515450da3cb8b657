#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges an RFC 2217 client before servers made of scripts (judge/fakeserver.py), which behave in every way but well.

    rfc2217_client.py --client 'build/moonrig spec/conformance/client_moonrig.lua' [-k WORD] [-v]

The client is a program that does what it reads, line by line, and prints "ok VALUE" or "error CODE MESSAGE" for each:
what it says on the wire, what it tells, and the time of that are judged. The last line is "N passed, N failed".
"""
import argparse
import concurrent.futures
import contextlib
import shlex
import subprocess
import sys
import time

from judge import behaviours  # noqa: F401 (it adds its cases)
from judge.behaviours import CASES
from judge.fakeserver import FakeServer
from judge.wire import Failure

SIDE_BY_SIDE = 6
AWAKE = 0.3                     # seconds
TEXT_MOST = 400


class Client:
    """The client's program."""

    def __init__(self, command):
        self.process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.took = 0               # seconds of the last step

    def start(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def result(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the client ended (exit code %s)" % self.process.wait(5))
        return line.strip()

    def do(self, *words):
        began = time.monotonic()
        self.start(*words)
        line = self.result()
        self.took = time.monotonic() - began
        return line

    def ok(self, *words):
        line = self.do(*words)
        if not line.startswith("ok"):
            raise Failure("%s: %s" % (" ".join(map(str, words))[:60], line))
        return line[3:]

    def fails(self, *words, text=(), within=2.0):
        """The step fails, in time, with all of these in its message."""
        line = self.do(*words)
        if not line.startswith("error"):
            raise Failure("%s succeeded: %s" % (" ".join(map(str, words))[:60], line))
        if self.took > within:
            raise Failure("it took %.2f s to fail: %s" % (self.took, line))
        for part in text:
            if part not in line:
                raise Failure("no %r in: %s" % (part, line))
        return line

    @contextlib.contextmanager
    def awake(self):
        """Its loop runs meanwhile."""
        self.start("sleep", AWAKE)
        yield
        self.result()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Bench:
    """The servers of one case, and its client."""

    def __init__(self, command):
        self.client, self.servers = Client(command), []

    def server(self, *args, **options):
        self.servers.append(FakeServer(*args, **options))
        return self.servers[-1]

    def close(self):
        self.client.close()
        for server in self.servers:
            server.close()


def run(command, name, function, verbose):
    bench = Bench(command)
    began, text = time.monotonic(), None
    try:
        function(bench)
    except Failure as e:
        text = str(e)
    except (OSError, ValueError) as e:
        text = "%s: %s" % (type(e).__name__, e)
    finally:
        bench.close()
    if text:
        print("FAILED %s: %s" % (name, text[:TEXT_MOST]), flush=True)
    elif verbose:
        print("%6.2f s %s" % (time.monotonic() - began, name), flush=True)
    return not text


def main():
    parser = argparse.ArgumentParser(description="Judges an RFC 2217 client by its bytes and words.")
    parser.add_argument("--client", help="command of a program that takes steps")
    parser.add_argument("-k", default="", help="only cases with this in their name")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-v", action="store_true", help="a line for each case, with its time")
    options = parser.parse_args()
    chosen = [(name, function) for name, function in CASES if options.k in name]
    if options.list:
        print("\n".join(name.replace("_", " ") for name, _ in chosen))
        return 0
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        results = list(pool.map(lambda c: run(options.client, *c, options.v), chosen))
    print("%d passed, %d failed" % (results.count(True), results.count(False)))
    return 0 if chosen and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
