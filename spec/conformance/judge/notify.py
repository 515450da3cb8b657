# SPDX-License-Identifier: MIT
"""The COM-PORT-OPTION: signature, masks, polls, purges, suspend and resume, notifications (RFC 2217)."""
import time

from judge.bench import Lines, case, each
from judge.wire import COM, IAC, WILL, WONT, be32, check, equal, sub

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


# ---- more of other commands --------------------------------------------------------------------------------


@each([("linestate", 10), ("modemstate", 11)])
def each_mask_is_answered_by_itself(b, command):
    c = b.agreed()
    c.send(*(sub(command, bytes([n])) for n in range(256)))
    c.barrier()
    equal([p[0] for n, p in c.answers if n == command + 100], list(range(256)))


@case()
def purges_0_and_4_to_255_are_survived(b):
    c = b.agreed()
    c.send(*(sub(12, bytes([n])) for n in [0, *range(4, 256)]))
    c.barrier()
    equal(c.ask(12, b"\x03"), b"\x03")
    c.send(b"x")
    equal(b.device_reads(1), b"x")


@case()
def purge_throws_away_what_was_received(b):
    c = b.agreed()
    c.send(sub(8))
    c.quiet(0.03)
    b.device_writes(b"old" * 10)
    time.sleep(0.03)
    c.send(sub(12, b"\x01"))
    time.sleep(0.03)
    c.send(sub(9))
    c.until(lambda: (112, b"\x01") in c.answers, "the answer")
    b.device_writes(b"new")
    c.until(lambda: c.data.endswith(b"new"), "the data")
    equal(c.data, b"new")


@case()
def purge_throws_away_what_was_to_be_sent(b):
    c = b.agreed()
    c.send(b"o" * 16384)
    time.sleep(0.05)
    c.send(sub(12, b"\x02"), b"new")
    c.until(lambda: (112, b"\x02") in c.answers, "the answer, while the device takes nothing")
    got = b""
    while not got.endswith(b"new"):
        piece = b.device_reads(1)
        check(piece, "the data behind the purge does not come")
        got += piece
    check(len(got) < 16384, "nothing was thrown away")


@case()
def signature_is_the_same_each_time(b):
    c = b.agreed()
    text = c.ask(0)
    check(text and all(32 <= byte < 127 for byte in text), "%r" % text)
    c.send(sub(0, b"client"), sub(0) * 3)
    c.until(lambda: len(c.answers) >= 3, "the answers")
    equal(c.answers, [(100, text)] * 3)


@case()
def polls_pipelined(b):
    c = b.agreed()
    c.send(sub(7) * 100, sub(6) * 100)
    c.barrier()
    equal([n for n, _ in c.answers], [107] * 100 + [106] * 100)


@each([(str(n), n) for n in (13, 14, 43, 99, 113, 200, 255)])
def unknown_command(b, command):
    c = b.agreed()
    c.send(sub(command), sub(command, b"\x01"), sub(command, b"\xff" * 20))
    c.barrier()
    equal(c.answers, [])


@each([(str(n), n) for n in range(100, 113)])
def command_of_a_server_is_ignored(b, command):
    c = b.agreed()
    c.send(sub(command, be32(300) if command == 101 else b"\x01" if command not in (108, 109) else b""))
    b.device_writes(b"x")
    c.until(lambda: c.data == b"x", "the data")
    c.barrier()
    equal(c.answers, [])


# ---- more of suspend and resume ----------------------------------------------------------------------------


@case()
def resume_without_suspend(b):
    c = b.agreed()
    c.send(sub(9) * 3)
    c.barrier()
    equal(c.answers, [])
    b.device_writes(b"x")
    c.until(lambda: c.data == b"x", "the data")


@case()
def one_resume_ends_two_suspends(b):
    c = b.agreed()
    c.send(sub(8), sub(8), sub(9))
    c.barrier()
    b.device_writes(b"x")
    c.until(lambda: c.data == b"x", "the data")


@case()
def suspended_answers_come_in_order_after_resume(b):
    c = b.agreed()
    c.send(sub(8), *(sub(1, be32(rate)) for rate in (1200, 2400, 4800, 9600)), b"x")
    equal(b.device_reads(1), b"x", "the other direction goes on")
    c.quiet(0.05)
    equal(c.answers, [])
    c.send(sub(9))
    c.until(lambda: len(c.answers) >= 4, "the answers")
    equal(c.answers, [(101, be32(rate)) for rate in (1200, 2400, 4800, 9600)])


@case()
def suspend_and_resume_ten_times(b):
    c = b.agreed()
    for i in range(10):
        c.send(sub(8))
        c.quiet(0.02)
        b.device_writes(b"%d" % i)
        c.quiet(0.02)
        equal(len(c.data), i)
        c.send(sub(9))
        c.until(lambda: len(c.data) == i + 1, "the data")


@case()
def suspend_ends_with_the_session(b):
    c = b.agreed()
    c.send(sub(8))
    c.quiet(0.02)
    c.close()
    d = b.agreed()
    b.device_writes(b"x")
    d.until(lambda: d.data == b"x", "the data")


@case()
def suspend_before_agreement_is_ignored(b):
    c = b.client()
    c.send(sub(8), b"x")
    equal(b.device_reads(1), b"x")
    b.device_writes(b"y")
    c.until(lambda: c.data == b"y", "the data")


@case("lines")
def change_during_suspend_is_told_after_resume(b):
    c = b.agreed()
    c.send(sub(8))
    c.quiet(0.03)
    b.lines["in"] = Lines.CTS
    c.quiet(0.08)
    equal(c.answers, [])
    c.send(sub(9))
    modem(c, 0x11, "CTS on")


@case("lines")
def a_lot_of_data_is_suspended(b):
    c = b.agreed()
    c.send(sub(8))
    c.quiet(0.02)
    b.device_writes(b"z" * 3000)
    c.quiet(0.05)
    equal(c.data, b"")
    c.send(sub(9))
    c.until(lambda: len(c.data) >= 3000, "the data")
    c.barrier()
    equal(c.data, b"z" * 3000)


# ---- more notifications ------------------------------------------------------------------------------------


SIGNALS = (("cts", Lines.CTS, 0x10, 0x01), ("dsr", Lines.DSR, 0x20, 0x02), ("cd", Lines.CD, 0x80, 0x08))


@each(SIGNALS, "lines")
def signal_is_told_by_state_and_delta(b, bit, state, delta):
    c = b.agreed()
    for _ in range(3):
        b.lines["in"] = bit
        modem(c, state | delta, "on")
        b.lines["in"] = 0
        modem(c, delta, "off")


@each(SIGNALS, "lines")
def mask_of_the_state_of(b, bit, state, delta):
    c = b.agreed()
    set_modem_mask(c, state)
    b.lines["in"] = bit
    modem(c, state, "on")
    b.lines["in"] = 0
    modem(c, 0, "off")


@each(SIGNALS, "lines")
def mask_of_the_delta_of(b, bit, state, delta):
    c = b.agreed()
    set_modem_mask(c, delta)
    b.lines["in"] = bit
    modem(c, delta, "on")
    b.lines["in"] = 0
    modem(c, delta, "off")


@each(SIGNALS, "lines")
def mask_without(b, bit, state, delta):
    c = b.agreed()
    set_modem_mask(c, 255 & ~(state | delta))
    b.lines["in"] = bit
    c.quiet(0.06)
    b.lines["in"] = 0
    c.quiet(0.06)
    equal(c.answers, [])


def set_modem_mask(c, mask):
    c.send(sub(11, bytes([mask])))
    c.until(lambda: (111, bytes([mask])) in c.answers, "the mask")
    c.barrier()
    c.answers.clear()


@case("lines")
def mask_of_the_end_of_a_ring(b):
    c = b.agreed()
    set_modem_mask(c, 4)
    b.lines["in"] = Lines.RI
    c.quiet(0.06)
    equal(c.answers, [])
    b.lines["in"] = 0
    modem(c, 4, "the end of the ring")


@case("lines")
def first_notification_has_the_state(b):
    b.lines["in"] = Lines.CTS | Lines.CD
    time.sleep(0.03)
    c = b.client()
    c.send([IAC, WILL, COM])
    c.until(lambda: any(n == 107 for n, _ in c.answers), "the first NOTIFY-MODEMSTATE")
    equal([p[0] & 0xf0 for n, p in c.answers if n == 107], [0x90])


@case("lines")
def two_signals_change_at_once(b):
    c = b.agreed()
    b.lines["in"] = Lines.CTS | Lines.DSR | Lines.CD
    c.until(lambda: any(n == 107 and p[0] & 0xb0 == 0xb0 for n, p in c.answers), "the change")
    deltas = 0
    for _, p in c.answers:
        deltas |= p[0] & 0x0b
    equal(deltas, 0x0b)


@case("lines")
def nothing_is_told_after_wont(b):
    c = b.agreed()
    c.send([IAC, WONT, COM])
    c.until(lambda: c.verbs, "DONT")
    b.lines["in"] = Lines.CTS
    c.quiet(0.1)
    equal(c.answers, [])


@each([("break", "err_brk", 16), ("framing", "err_frame", 8), ("parity", "err_parity", 4), ("overrun", "err_overrun", 2)],
      "lines")
def error_alone_by_its_mask(b, name, bit):
    c = b.agreed()
    equal(c.ask(10, bytes([bit])), bytes([bit]))
    for other in ("err_brk", "err_frame", "err_parity", "err_overrun"):
        if other != name:
            b.lines[other] += 1
    c.quiet(0.05)
    equal(c.answers, [])
    b.lines[name] += 1
    c.until(lambda: c.answers, "the notification")
    equal(c.answers, [(106, bytes([bit]))])


@case("lines")
def errors_with_the_whole_mask(b):
    c = b.agreed()
    equal(c.ask(10, b"\xff"), b"\xff")
    c.answers.clear()
    b.lines["err_parity"] += 1
    c.until(lambda: any(n == 106 and p[0] & 4 for n, p in c.answers), "the notification")


@case("lines")
def signals_change_while_data_flows(b):
    c = b.agreed()
    for i in range(20):
        b.lines["in"] = 0 if i % 2 else Lines.CTS
        b.device_writes(b"d" * 100)
        c.until(lambda: sum(1 for n, _ in c.answers if n == 107) > i, "change %d" % i)
    c.until(lambda: len(c.data) >= 2000, "the data")
    equal(c.data, b"d" * 2000)
