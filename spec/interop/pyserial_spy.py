# Runs the steps on stdin on pySerial's spy over a pty whose other end echoes (with `echo`) or is
# silent.  A step: its name and at most one value, see pyserial_spy_spec.lua.
import os
import sys
import threading

import serial

# A pty has no modem signals: give it loop wiring, so that pySerial has something to show.
signals = {"RTS": True, "DTR": True}
serial.Serial._update_rts_state = lambda self: signals.update(RTS=self._rts_state)
serial.Serial._update_dtr_state = lambda self: signals.update(DTR=self._dtr_state)
serial.Serial._update_break_state = lambda self: None
serial.Serial.cts = property(lambda self: signals["RTS"])
serial.Serial.dsr = property(lambda self: signals["DTR"])
serial.Serial.ri = property(lambda self: False)
serial.Serial.cd = property(lambda self: True)
serial.Serial.send_break = lambda self, duration=0.25: None

from serial.urlhandler import protocol_spy

master, slave = os.openpty()


def echo():
    while True:
        os.write(master, os.read(master, 65536))


path, options = sys.argv[1:3]
port = protocol_spy.Serial(None, timeout=2)
port.port = "spy://%s?file=%s%s" % (os.ttyname(slave), path, options)
port.open()
threading.Thread(target=echo, daemon=True).start()
for line in sys.stdin:
    step, _, value = line.rstrip("\n").partition(" ")
    if step == "write":
        port.write(bytes.fromhex(value))
    elif step == "read":
        assert len(port.read(int(value))) == int(value)
    elif step == "read_nothing":
        port.timeout = 0.01
        assert port.read(1) == b""
        port.timeout = 2
    elif step == "send_break":
        port.send_break(float(value))
    elif step in ("rts", "dtr", "break_condition"):
        setattr(port, step, value == "on")
    elif step in ("cts", "dsr", "ri", "cd", "in_waiting"):
        getattr(port, step)
    else:
        {"flush_input": port.reset_input_buffer, "flush_output": port.reset_output_buffer, "drain": port.flush}[step]()
