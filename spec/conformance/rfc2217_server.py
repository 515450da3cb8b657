#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges an RFC 2217 server by raw bytes: Telnet (RFC 854, 855, 856, 1143) and the COM-PORT-OPTION.

    rfc2217_server.py --server 'build/moonrig bridge {tty} --listen rfc2217://127.0.0.1:{port} -q' [-k WORD]

The server gets a pty in two ways: as it is (no modem signals, 8 data bits), and with ttylines.so in front (LD_PRELOAD),
which gives it signals, framing, breaks and error counts in a file that is shared with the cases. Several servers run
side by side, each with its own pty; each case has a connection of its own. A server that dies fails the case and is
started again. The last line is "N passed, N failed". The cases are in judge/.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

from judge import comport, ends, notify, telnet  # noqa: F401 (they add their cases)
from judge.bench import CASES, Bench
from judge.wire import Failure

TEXT_MOST = 400                         # of what a failure says
HERE = os.path.dirname(os.path.abspath(__file__))
SIDE_BY_SIDE = {"plain": 3, "lines": 2}         # servers: the cases wait more than they work
KINDS = {"plain": ("plain", "pty"), "lines": ("lines",)}


def build_preload():
    out = tempfile.NamedTemporaryFile(suffix=".so", delete=False)
    out.close()
    subprocess.check_call(["cc", "-shared", "-fPIC", "-O1", "-o", out.name, os.path.join(HERE, "ttylines.c"), "-ldl"])
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
    text = died or text
    return text and text[:TEXT_MOST]


def work(command, preload, device, cases, results, verbose):
    """One server and its cases; for each a line "passed" or "failed" in the pipe."""
    bench = Bench(command, preload, device)
    try:
        for name, function in cases:
            began = time.monotonic()
            text = run(bench, function)
            os.write(results, b"failed\n" if text else b"passed\n")
            if text:
                print("FAILED %s: %s" % (name, text), flush=True)
            elif verbose:
                print("%6.2f s %s" % (time.monotonic() - began, name), flush=True)
    finally:
        bench.close()


def side_by_side(options, chosen, preload):
    """All cases in a few processes: how many passed, and failed."""
    out, results = os.pipe()
    children = []
    for device, most in SIDE_BY_SIDE.items():
        cases = [(name, function) for kind, name, function in chosen if kind in KINDS[device]]
        for i in range(min(most, len(cases))):
            child = os.fork()
            if child == 0:
                try:
                    work(options.server, preload, device, cases[i::most], results, options.v)
                    os._exit(0)
                except BaseException as e:
                    print("FAILED: %s" % e, flush=True)
                    os._exit(1)
            children.append(child)
    os.close(results)
    with os.fdopen(out) as lines:
        words = lines.read().split()
    broken = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    return words.count("passed"), words.count("failed") + broken


def main():
    parser = argparse.ArgumentParser(description="Judges an RFC 2217 server by raw bytes.")
    parser.add_argument("--server", help="command with {tty} and {port}")
    parser.add_argument("-k", default="", help="only cases with this in their name")
    parser.add_argument("--lines", action="store_true", help="the device with signals for all cases but those of a bare pty")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-v", action="store_true", help="a line for each case, with its time")
    options = parser.parse_args()
    chosen = [entry for entry in CASES if options.k in entry[1]]
    if options.lines:
        chosen = [("lines", name, function) for device, name, function in chosen if device != "pty"]
    if options.list:
        for device, name, _ in chosen:
            print("%-6s %s" % (device, name.replace("_", " ")))
        return 0
    preload = build_preload()
    try:
        passed, failed = side_by_side(options, chosen, preload)
    finally:
        os.unlink(preload)
    print("%d passed, %d failed" % (passed, failed))
    return 0 if passed == len(chosen) and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
