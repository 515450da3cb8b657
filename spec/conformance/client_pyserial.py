# SPDX-License-Identifier: MIT
"""pySerial before rfc2217_client.py: the steps of client_moonrig.lua."""
import sys
import time

import serial
import serial.rfc2217

NAMES = {"stop": "stopbits"}
port = None


def value(word):
    return {"true": True, "false": False}.get(word, int(word) if word.isdigit() else word)


def options(words):
    return {key: value(word) for key, word in (w.split("=") for w in words)}


def step(name, words):
    global port
    if name == "open":
        given = options(words[1:])
        timeout = given.pop("timeout", "3")
        url = words[0] + ("&" if "?" in words[0] else "?") + "timeout=%s" % timeout
        signals = {k: given.pop(k) for k in ("dtr", "rts") if k in given}
        port = serial.serial_for_url(url, do_not_open=True, timeout=float(timeout))
        for key, v in {**given, **signals}.items():
            setattr(port, key, v)
        port.open()
    elif name == "write":
        port.write(bytes.fromhex(words[0]))
    elif name == "fill":
        raise RuntimeError("a write has no time limit")
    elif name == "read":
        got = port.read(int(words[0]))
        if len(got) < int(words[0]):
            raise TimeoutError("timeout: %s" % got.hex())
        return got.hex()
    elif name == "get":
        return str(getattr(port, words[0])).lower()
    elif name == "set":
        for key, v in options(words).items():
            setattr(port, key, v)
    elif name == "sleep":
        time.sleep(float(words[0]))
    elif name == "drain":
        port.flush()
    elif name in ("flush_input", "flush_output"):
        getattr(port, "reset_input_buffer" if name == "flush_input" else "reset_output_buffer")()
    else:
        getattr(port, name)(*map(float, words))


for line in sys.stdin:
    words = line.split()
    try:
        print("ok", step(words[0], words[1:]) or "", flush=True)
    except Exception as e:
        text = str(e).replace("\n", " ")
        code = "timeout" if "timeout" in text else "refused" if "refused" in text else type(e).__name__
        print("error", code, text, flush=True)
