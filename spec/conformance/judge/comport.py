# SPDX-License-Identifier: MIT
"""The COM-PORT-OPTION: its agreement, settings, SET-CONTROL (RFC 2217)."""
from judge.bench import Lines, case, each
from judge.wire import COM, DO, DONT, ECHO, IAC, SGA, WILL, WONT, be32, check, equal, sub

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


@case("pty")
def datasize_of_a_pty_is_8(b):
    c = b.agreed()
    for size in (0, 5, 6, 7, 8):
        equal(c.ask(2, bytes([size])), b"\x08")


@case()
def reserved_datasizes(b):
    c = b.agreed()
    for size in (1, 4, 9, 127, 255):
        equal(c.ask(2, bytes([size])), b"\x08", "size %d" % size)


@case("pty")
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


# ---- more agreement ----------------------------------------------------------------------------------------


@case()
def one_do_for_two_wills(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, WILL, COM])
    c.until(lambda: any(n == 107 for n, _ in c.answers), "the agreement")
    c.barrier()
    equal(c.verbs.count((DO, COM)), 1)


@case()
def the_option_goes_off_and_on_ten_times(b):
    c = b.agreed()
    for _ in range(10):
        c.send([IAC, WONT, COM])
        c.until(lambda: (DONT, COM) in c.verbs, "DONT")
        c.verbs.clear()
        c.send([IAC, WILL, COM])
        c.until(lambda: (DO, COM) in c.verbs, "DO")
        c.verbs.clear()
        equal(c.ask(2, b"\0"), b"\x08")


@case()
def refused_at_first_agreed_later(b):
    c = b.client()
    c.send([IAC, WONT, COM, IAC, DONT, COM])
    c.quiet(0.05)
    c.send([IAC, WILL, COM])
    c.until(lambda: any(n == 107 for n, _ in c.answers), "the agreement")
    equal(c.ask(1, be32(19200)), be32(19200))


@case()
def a_client_that_says_only_do(b):
    c = b.client()
    c.send([IAC, DO, COM])
    c.until(lambda: (WILL, COM) in c.verbs, "WILL")
    c.send(b"data")
    equal(b.device_reads(4), b"data")


@case()
def dont_is_answered_by_wont(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, DO, COM])
    c.until(lambda: (WILL, COM) in c.verbs and (DO, COM) in c.verbs, "both")
    c.send([IAC, DONT, COM])
    c.until(lambda: (WONT, COM) in c.verbs, "WONT")
    equal(c.ask(2, b"\0"), b"\x08", "the client's own side is still on")


@case()
def data_flows_also_when_the_option_is_refused(b):
    c = b.client()
    c.send([IAC, WONT, COM, IAC, DONT, COM], b"up")
    equal(b.device_reads(2), b"up")
    b.device_writes(b"down")
    c.until(lambda: c.data == b"down", "the data")
    equal(c.answers, [])


# ---- every value of every setting --------------------------------------------------------------------------


RATES = (50, 75, 110, 134, 150, 200, 255, 256, 300, 600, 1200, 1800, 2400, 4800, 9600, 14400, 19200, 28800, 31250, 38400,
         57600, 65280, 65535, 76800, 115200, 128000, 230400, 250000, 256000, 460800, 500000, 921600, 1000000, 1500000,
         2000000, 3000000, 4000000)


@each([(str(rate), rate) for rate in RATES])
def baudrate(b, rate):
    c = b.agreed()
    equal(c.ask(1, be32(rate)), be32(rate))
    equal(c.ask(1, be32(0)), be32(rate))


@each([("%08x" % rate, rate) for rate in (1, 2, 0x7fffffff, 0x80000000, 0xff000000, 0x00ffffff, 0xffffffff)])
def baudrate_beyond_use_is_answered(b, rate):
    c = b.agreed()
    got = c.ask(1, be32(rate))
    equal(len(got), 4)
    equal(c.ask(1, be32(0)), got, "what is in force")
    equal(c.ask(1, be32(9600)), be32(9600))


@each([("datasize", 2, range(256), (5, 6, 7, 8)), ("parity", 3, range(256), (1, 2, 3, 4, 5)),
       ("stopsize", 4, range(256), (1, 2, 3)),
       ("flow", 5, (0, 1, 2, 3, 17, 19), (1, 2, 3, 17, 19)), ("break", 5, (4, 5, 6), (5, 6)), ("dtr", 5, (7, 8, 9), (8, 9)),
       ("rts", 5, (10, 11, 12), (11, 12)), ("inbound", 5, (13, 14, 15, 16, 18), (14, 15, 16, 18))], "lines")
def every_value_has_one_legal_answer(b, command, values, legal):
    c = b.agreed()
    ask = {5: {1: 0, 5: 4, 8: 7, 11: 10, 14: 13}.get(legal[0])}.get(command, 0)
    for value in values:
        c.send(sub(command, bytes([value])), sub(command, bytes([ask])))
    c.barrier(1)
    got = [p[0] for n, p in c.answers if n == command + 100]
    equal(len(got), 2 * len(values), "answers")
    for i, value in enumerate(values):
        answer, later = got[2 * i:2 * i + 2]
        check(answer in legal and later == answer, "to %d: %d, then %d is in force" % (value, answer, later))
        if value in legal and command < 5 and (command, value) != (4, 3):
            equal(answer, value)
    c.answers.clear()
    c.ask(2, b"\x08"), c.ask(3, b"\x01"), c.ask(4, b"\x01")
    c.ask(5, b"\x01"), c.ask(5, b"\x06"), c.ask(5, b"\x08"), c.ask(5, b"\x0b")


@case()
def controls_20_to_255_change_nothing(b):
    c = b.agreed()
    questions = b"".join(sub(5, bytes([n])) for n in (0, 4, 7, 10, 13))
    c.send(questions, b"".join(sub(5, bytes([n])) for n in range(20, 256)), questions)
    c.barrier()
    equal(len(c.answers), 10)
    equal(c.answers[:5], c.answers[5:])


@each([(str(value), value) for value in (2, 3)])
def flow_control_sets_both_ways(b, value):
    c = b.agreed()
    equal(c.ask(5, bytes([value])), bytes([value]))
    equal(c.ask(5, b"\x0d"), bytes([value + 13]))
    equal(c.ask(5, b"\x01"), b"\x01")
    equal(c.ask(5, b"\x0d"), b"\x0e")


@case()
def inbound_differs_from_outbound(b):
    c = b.agreed()
    equal(c.ask(5, b"\x02"), b"\x02")
    equal(c.ask(5, b"\x0e"), b"\x0e")
    equal(c.ask(5, b"\0"), b"\x02")
    equal(c.ask(5, b"\x0d"), b"\x0e")
    equal(c.ask(5, b"\x01"), b"\x01")


@each([("datasize", 2), ("parity", 3), ("stopsize", 4), ("control", 5), ("linestate_mask", 10), ("modemstate_mask", 11),
       ("purge", 12), ("baudrate", 1), ("suspend", 8), ("resume", 9), ("line_poll", 6), ("modem_poll", 7)])
def too_short_and_too_long(b, command):
    c = b.agreed()
    c.send(*(sub(command, bytes(n)) for n in (0, 2, 3, 5, 6, 250, 300) if (command, n) != (8, 0)), b"x")
    equal(b.device_reads(1), b"x")
    c.barrier(1 if command == 4 else 4)
    equal(c.ask(1, be32(9600)), be32(9600))
    check(c.ask(0), "no signature")


@case("lines")
def settings_are_kept_apart(b):
    c = b.agreed()
    wanted = [(1, be32(19200)), (2, b"\x07"), (3, b"\x03"), (4, b"\x02"), (5, b"\x03")]
    c.send(*(sub(n, value) for n, value in wanted))
    c.send(*(sub(n, bytes(len(value))) for n, value in wanted))
    c.until(lambda: len(c.answers) >= 10, "all answers")
    equal(c.answers, [(n + 100, value) for n, value in wanted] * 2)
    c.send(*(sub(n, v) for n, v in ((1, be32(9600)), (2, b"\x08"), (3, b"\x01"), (4, b"\x01"), (5, b"\x01"))))
    c.barrier()


@case("lines")
def signals_and_break_change_in_one_segment(b):
    c = b.agreed()
    c.send(*(sub(5, bytes([n])) for n in (9, 12, 8, 11, 9, 12, 5, 6, 5)))
    c.until(lambda: len(c.answers) >= 9, "all answers")
    equal([p[0] for _, p in c.answers], [9, 12, 8, 11, 9, 12, 5, 6, 5])
    equal((b.lines["out"] & (Lines.DTR | Lines.RTS), b.lines["brk_on"]), (0, 1))
    c.answers.clear()
    for value in (6, 8, 11):
        c.ask(5, bytes([value]))
    equal(b.lines["out"] & (Lines.DTR | Lines.RTS), Lines.DTR | Lines.RTS)


@case("lines")
def iac_brk_before_any_agreement_is_a_break(b):
    c = b.client()
    c.send([IAC, 243], b"x")
    b.wait(lambda: b.lines["brk_count"] == 1, "break")
    b.wait(lambda: b.lines["brk_on"] == 0, "end of the break")
    equal(b.device_reads(1), b"x")
