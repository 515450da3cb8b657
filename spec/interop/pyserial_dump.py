# Feeds pySerial's own spy formatter from stdin, with the times given there.
# A line: seconds, what (rx, tx or a label), bytes in hex or a text; separated by tabs.
import sys

from serial.urlhandler import protocol_spy

now = 0.0
protocol_spy.time.time = lambda: now
dump = protocol_spy.FormatHexdump(sys.stdout, "color" in sys.argv)
for line in sys.stdin:
    seconds, what, value = line.rstrip("\n").split("\t")
    now = float(seconds)
    if what in ("rx", "tx"):
        getattr(dump, what)(bytes.fromhex(value))
    else:
        dump.control(what, value)
