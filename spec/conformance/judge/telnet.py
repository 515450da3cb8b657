# SPDX-License-Identifier: MIT
"""Telnet itself: data, options, commands, subnegotiations (RFC 854, 855, 856, 1143)."""
import random
import socket
import time

from judge.bench import case, each
from judge.wire import (ALL, BINARY, COM, DO, DONT, ECHO, IAC, SB, SE, SGA, TIMING_MARK, WILL, WONT, be32, check, equal,
                        sub)

# ---- Telnet: data ----------------------------------------------------------------------------------------


@case()
def data_to_the_device_has_ff_undoubled(b):
    c = b.agreed()
    c.send(ALL.replace(b"\xff", b"\xff\xff"))
    equal(b.device_reads(256), ALL)


@case()
def data_from_the_device_has_ff_doubled(b):
    c = b.agreed()
    b.device_writes(ALL)
    c.until(lambda: len(c.data) >= 256, "the bytes")
    equal(c.data, ALL)


@case()
def ff_ff_cut_in_two(b):
    c = b.agreed()
    c.send(b"a\xff")
    time.sleep(0.05)
    c.send(b"\xffb")
    equal(b.device_reads(3), b"a\xffb")


@case()
def every_byte_in_a_segment_of_its_own(b):
    c = b.agreed()
    for byte in b"x\xff\xff" + sub(2, b"\x00") + b"y\xff\xf1z":
        c.send([byte])
        time.sleep(0.001)
    equal(b.device_reads(4), b"x\xffyz")
    c.until(lambda: (102, b"\x08") in c.answers, "the answer")


@case()
def data_command_data_keeps_its_order(b):
    c = b.agreed()
    c.send(b"one" + sub(1, be32(19200)) + b"two")
    equal(b.device_reads(6), b"onetwo")
    c.until(lambda: (101, be32(19200)) in c.answers, "the answer")


@case()
def nvt_cr_nul_is_cr(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, WONT, BINARY, IAC, DONT, BINARY], b"a\r\0b\r\nc\r\0")
    equal(b.device_reads(7), b"a\rb\r\nc\r")


@case()
def nvt_cr_at_the_end_of_a_segment(b):
    c = b.client()
    c.send([IAC, WONT, BINARY], b"a\r")
    time.sleep(0.05)
    c.send(b"\0b")
    equal(b.device_reads(3), b"a\rb")


@case()
def nvt_bare_cr_is_sent_as_cr_nul(b):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, DONT, BINARY])
    c.until(lambda: (DO, COM) in c.verbs, "DO")
    c.quiet(0.05)
    b.device_writes(b"a\rb\r\n")
    c.until(lambda: len(c.data) >= 6, "the bytes")
    equal(c.data, b"a\r\0b\r\n")


@case()
def binary_leaves_cr_nul_alone(b):
    c = b.agreed()
    c.send(b"a\r\0b\r")
    equal(b.device_reads(5), b"a\r\0b\r")
    b.device_writes(b"c\r\0d\r")
    c.until(lambda: len(c.data) >= 5, "the bytes")
    equal(c.data, b"c\r\0d\r")


# ---- Telnet: options ---------------------------------------------------------------------------------------


@case()
def opening_offers_binary_both_ways(b):
    c = b.client()
    c.until(lambda: (WILL, BINARY) in c.verbs and (DO, BINARY) in c.verbs, "the offer of BINARY")


@case()
def opening_offers_sga(b):
    c = b.client()
    c.send([IAC, DO, SGA, IAC, WILL, SGA])
    c.until(lambda: (WILL, SGA) in c.verbs and (DO, SGA) in c.verbs, "SUPPRESS-GO-AHEAD both ways")


@case()
def unknown_option_is_refused_once_each_time(b):
    c = b.agreed()
    for _ in range(3):
        c.send([IAC, DO, 99, IAC, WILL, 99])
    c.barrier()
    equal(c.verbs.count((WONT, 99)), 3)
    equal(c.verbs.count((DONT, 99)), 3)


@case()
def refusals_have_no_answer(b):
    c = b.agreed()
    c.send([IAC, DONT, 99, IAC, WONT, 99, IAC, DONT, 99])
    c.barrier()
    equal(c.verbs, [])


@case()
def what_is_in_force_has_no_answer(b):
    c = b.agreed()
    c.send([IAC, DO, BINARY, IAC, WILL, BINARY, IAC, DO, SGA, IAC, WILL, SGA, IAC, WILL, COM] * 5)
    c.barrier()
    equal(c.verbs, [])


@case()
def dont_is_obeyed_and_acknowledged_once(b):
    c = b.agreed()
    c.send([IAC, DONT, BINARY, IAC, DONT, BINARY])
    c.barrier()
    equal(c.verbs, [(WONT, BINARY)])


@case()
def wont_is_obeyed_and_acknowledged_once(b):
    c = b.agreed()
    c.send([IAC, WONT, BINARY, IAC, WONT, BINARY])
    c.barrier()
    equal(c.verbs, [(DONT, BINARY)])


@case()
def off_and_on_again(b):
    c = b.agreed()
    c.send([IAC, DONT, BINARY, IAC, DO, BINARY, IAC, WONT, BINARY, IAC, WILL, BINARY])
    c.barrier()
    equal(c.verbs, [(WONT, BINARY), (WILL, BINARY), (DONT, BINARY), (DO, BINARY)])


@case()
def refused_offer_is_not_repeated(b):
    c = b.client()
    c.send([IAC, DONT, BINARY, IAC, WONT, BINARY, IAC, DONT, SGA, IAC, WONT, SGA])
    c.until(lambda: (DO, COM) in c.verbs or (WILL, BINARY) in c.verbs, "the offers")
    c.quiet()
    for verb in ((WILL, BINARY), (DO, BINARY), (WILL, SGA), (DO, SGA)):
        check(c.verbs.count(verb) <= 1, "offered again: %r" % (verb,))


@case()
def echo_is_refused_on_both_sides(b):
    c = b.agreed()
    c.send([IAC, DO, ECHO, IAC, WILL, ECHO])
    c.barrier()
    equal(c.verbs, [(WONT, ECHO), (DONT, ECHO)])


@case()
def timing_mark_is_answered(b):
    c = b.agreed()
    c.send([IAC, DO, TIMING_MARK])
    c.barrier()
    check(c.verbs in ([(WONT, TIMING_MARK)], [(WILL, TIMING_MARK)]), "%r" % c.verbs)


@case()
def option_255(b):
    c = b.agreed()
    c.send([IAC, DO, 255, IAC, WILL, 255], b"x")
    c.barrier()
    equal(c.verbs, [(WONT, 255), (DONT, 255)])
    equal(b.device_reads(1), b"x")


@case()
def three_thousand_unknown_options(b):
    c = b.agreed()
    c.send([IAC, DO, 99] * 3000)
    c.until(lambda: c.verbs.count((WONT, 99)) >= 3000, "all refusals")
    c.barrier()
    equal(c.verbs.count((WONT, 99)), 3000)


@case()
def forty_different_options(b):
    c = b.agreed()
    for n in range(50, 90):
        c.send([IAC, DO, n])
    c.barrier()
    equal(c.verbs, [(WONT, n) for n in range(50, 90)])


# ---- Telnet: commands, subnegotiations ---------------------------------------------------------------------


@case()
def commands_do_not_reach_the_device(b):
    c = b.agreed()
    for n in (236, 237, 238, 239, 241, 242, 244, 245, 246, 247, 248, 249):
        c.send([IAC, n])
    c.send(b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def lone_se_is_ignored(b):
    c = b.agreed()
    c.send([IAC, SE], b"x", [IAC, SE])
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def empty_subnegotiation(b):
    c = b.agreed()
    c.send([IAC, SB, IAC, SE, IAC, SB, COM, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    equal(c.answers, [])


@case()
def unknown_subnegotiation(b):
    c = b.agreed()
    c.send([IAC, SB, 24, 0, 65, IAC, SE, IAC, SB, 31, 0, 80, 0, 24, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    equal(c.answers, [])


@case()
def subnegotiation_of_a_megabyte(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1], b"x" * 1048576, [IAC, SE], b"y")
    equal(b.device_reads(1), b"y")
    c.barrier()


@case()
def subnegotiation_without_an_end(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1], b"x" * 1048576)
    c.close()
    d = b.agreed()
    equal(d.ask(2, b"\0"), b"\x08")
    b.device_has_nothing()


@case()
def oversized_set_datasize_is_ignored(b):
    c = b.agreed()
    c.send(sub(2, b"\x05" * 5000))
    c.barrier()
    equal(c.answers, [])
    equal(c.ask(2, b"\0"), b"\x08")


@case()
def sb_inside_sb_begins_anew(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1, 0, 0], sub(2, b"\0"))
    c.until(lambda: (102, b"\x08") in c.answers, "the answer")
    b.device_has_nothing()


@case()
def other_command_inside_sb(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1, 0, IAC, 241, 0x25, 0x80, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()


@case()
def urgent_data_keeps_its_place(b):
    c = b.agreed()
    c.send(b"a\xff")
    c.socket.send(b"\xf2", socket.MSG_OOB)
    c.send(b"b")
    equal(b.device_reads(2), b"ab")


# ---- more data ---------------------------------------------------------------------------------------------


@case()
def all_bytes_without_any_negotiation(b):
    c = b.client()
    c.send(ALL.replace(b"\xff", b"\xff\xff"))
    equal(b.device_reads(256), ALL)
    b.device_writes(ALL)
    c.until(lambda: len(c.data) >= 256, "the bytes")
    c.quiet(0.03)
    check(c.data in (ALL, ALL.replace(b"\r", b"\r\0")), "%r" % c.data)


@case()
def ff_only(b):
    c = b.agreed()
    c.send(b"\xff\xff" * 3001)
    equal(b.device_reads(3001), b"\xff" * 3001)
    b.device_writes(b"\xff" * 3001)
    c.until(lambda: len(c.data) >= 3001, "the bytes")
    equal(c.data, b"\xff" * 3001)


@case()
def random_data_both_ways_at_once(b):
    c = b.agreed()
    up, down, got = random.Random(1).randbytes(40000), random.Random(2).randbytes(40000), b""
    for at in range(0, 40000, 1000):
        c.send(up[at:at + 1000].replace(b"\xff", b"\xff\xff"))
        b.device_writes(down[at:at + 1000])
        got += b.device_reads(1000)
        c.pump(0)
    c.until(lambda: len(c.data) >= 40000, "the bytes")
    check(got == up and c.data == down, "changed")


@case()
def commands_between_random_data(b):
    c = b.agreed()
    rng, data, stream = random.Random(3), b"", b""
    for _ in range(200):
        piece = rng.randbytes(rng.randrange(1, 20))
        data += piece
        stream += piece.replace(b"\xff", b"\xff\xff") + rng.choice((sub(1, be32(0)), bytes([IAC, 241]), bytes([IAC, DO, 99]),
                                                                 sub(2, b"\0")))
    c.send(stream)
    equal(b.device_reads(len(data)), data)
    c.barrier()


@each([("cr_cr_nul", b"\r\r\0x", b"\r\rx"), ("cr_lf_cr_nul", b"\r\n\r\0x", b"\r\n\rx"), ("cr_nul_nul", b"\r\0\0x", b"\r\0x"),
       ("cr_ff", b"\r\0\xff\xffx", b"\r\xffx"), ("nul_alone", b"a\0x", b"a\0x"), ("lf_alone", b"a\nx", b"a\nx")])
def nvt_receives(b, sent, wanted):
    c = b.client()
    c.send([IAC, WILL, COM, IAC, WONT, BINARY], sent)
    equal(b.device_reads(len(wanted)), wanted)
    c.barrier()
    b.device_has_nothing()


@case()
def binary_ends_and_begins_within_a_session(b):
    c = b.agreed()
    c.send(b"\r\0", [IAC, WONT, BINARY], b"\r\0", [IAC, WILL, BINARY], b"\r\0")
    equal(b.device_reads(5), b"\r\0\r\r\0")
    for verb, wanted in ((DONT, b"\r\0a"), (DO, b"\ra")):
        c.send([IAC, verb, BINARY])
        c.barrier()
        c.data = b""
        b.device_writes(b"\ra")
        c.until(lambda: c.data.endswith(b"a"), "the bytes")
        equal(c.data, wanted)


@case()
def cut_at_every_byte(b):
    c = b.agreed()
    stream = b"a\xff\xffb" + sub(1, be32(65280)) + bytes([IAC, DO, 99]) + b"c" + sub(2, b"\0") + bytes([IAC, 241]) + b"d"
    for cut in range(1, len(stream)):
        c.send(stream[:cut])
        time.sleep(0.001)
        c.send(stream[cut:])
        c.barrier()
        equal((c.answers, c.verbs), ([(101, be32(65280)), (102, b"\x08")], [(WONT, 99)]), "cut at %d" % cut)
        c.answers.clear()
        c.verbs.clear()
    equal(b.device_reads(5 * len(stream) - 5), b"a\xffbcd" * (len(stream) - 1))
    c.ask(1, be32(9600))


# ---- more options ------------------------------------------------------------------------------------------


@each([(str(n), n) for n in (1, 2, 5, 24, 31, 32, 33, 34, 35, 36, 37, 38, 39, 43, 45, 46, 70, 128, 200, 240, 250, 254, 255)])
def option_is_refused_once_on_each_side(b, option):
    c = b.agreed()
    c.send([IAC, DO, option, IAC, WILL, option, IAC, DONT, option, IAC, WONT, option], b"x")
    c.barrier()
    equal(c.verbs, [(WONT, option), (DONT, option)])
    equal(b.device_reads(1), b"x")


@each([("binary", BINARY), ("sga", SGA)])
def option_is_agreed_to_on_both_sides(b, option):
    c = b.client()
    c.send([IAC, DO, option, IAC, WILL, option])
    c.until(lambda: (WILL, option) in c.verbs and (DO, option) in c.verbs, "WILL and DO")
    c.quiet(0.05)
    equal(sorted(v for v, o in c.verbs if o == option), [WILL, DO])


@each([("binary", BINARY), ("sga", SGA)])
def sides_of_an_option_are_two_options(b, option):
    c = b.agreed()
    c.send([IAC, DONT, option, IAC, WILL, option])
    c.barrier()
    equal(c.verbs, [(WONT, option)])
    c.send([IAC, WONT, option, IAC, DO, option])
    c.barrier()
    equal(c.verbs, [(WONT, option), (DONT, option), (WILL, option)])


@case()
def an_option_goes_off_and_on_200_times(b):
    c = b.agreed()
    c.send([IAC, DONT, BINARY, IAC, DO, BINARY] * 200)
    c.until(lambda: len(c.verbs) >= 400, "all answers")
    c.barrier()
    equal(c.verbs, [(WONT, BINARY), (WILL, BINARY)] * 200)


@case()
def a_peer_that_answers_everything_makes_no_loop(b):
    c = b.client()
    c.send([IAC, WILL, COM])
    reply = {WILL: DO, DO: WILL, WONT: DONT, DONT: WONT}
    done = 0
    for _ in range(20):
        c.quiet(0.02)
        news, done = c.verbs[done:], len(c.verbs)
        c.send(*[[IAC, reply[verb], option] for verb, option in news])
    check(len(c.verbs) < 20, "%d verbs" % len(c.verbs))
    c.barrier()


@case()
def refused_option_may_be_asked_for_later(b):
    c = b.client()
    c.send([IAC, DONT, BINARY, IAC, WONT, BINARY, IAC, WILL, COM])
    c.until(lambda: any(n == 107 for n, _ in c.answers), "the agreement")
    c.verbs.clear()
    c.send([IAC, DO, BINARY, IAC, WILL, BINARY])
    c.barrier()
    equal(c.verbs, [(WILL, BINARY), (DO, BINARY)])


# ---- more commands and subnegotiations ---------------------------------------------------------------------


@each([(str(n), n) for n in (236, 237, 238, 239, 241, 242, 244, 245, 246, 247, 248, 249)])
def command_is_swallowed(b, command):
    c = b.agreed()
    c.send(b"a", [IAC, command], b"b", [IAC, command, IAC, command], b"c")
    equal(b.device_reads(3), b"abc")
    c.barrier()


@each([("nop", 241), ("dm", 242), ("ayt", 246), ("a_letter", 65), ("nul", 0), ("ga", 249), ("eof", 236)])
def subnegotiation_with_a_command_inside(b, command):
    c = b.agreed()
    c.send([IAC, SB, COM, 2, IAC, command, 8, IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    equal(c.ask(1, be32(9600)), be32(9600))
    b.device_has_nothing()


@each([("terminal_type", [24, 1]), ("window_size", [31, 0, 80, 0, 24]), ("status", [5, 1]), ("binary", [0, 1, 2]),
       ("with_ff", [31, 255, 255, 80, 255, 255, 24]), ("exopl", [255, 255, 1]), ("nothing", []), ("com_port_alone", [COM])])
def subnegotiation_is_ignored(b, body):
    c = b.agreed()
    c.send([IAC, SB] + body + [IAC, SE], b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    equal((c.answers, c.verbs), ([], []))


@each([(str(n), n) for n in (1, 30, 31, 32, 254, 255, 256, 257, 1000)])
def signature_of_the_client_of_length(b, n):
    c = b.agreed()
    c.send(sub(0, b"s" * n), b"x")
    equal(b.device_reads(1), b"x")
    c.barrier()
    check(c.ask(0), "no signature")
    c.send(sub(0, b"\xff" * n), sub(0, bytes(n)), b"y")
    equal(b.device_reads(1), b"y")
    c.barrier()


@case()
def unfinished_subnegotiation_holds_nothing_up_for_the_line(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1, 0, 0])
    b.device_writes(b"news")
    c.until(lambda: c.data == b"news", "the data")
    c.send([0x4b, 0, IAC, SE])
    c.until(lambda: (101, be32(0x4b00)) in c.answers, "the answer")


@case()
def negotiation_inside_a_subnegotiation_is_survived(b):
    c = b.agreed()
    c.send([IAC, SB, COM, 1, 0, IAC, DO, 99, IAC, SE], b"")
    c.barrier()
    equal(c.ask(1, be32(9600)), be32(9600))
