# SPDX-License-Identifier: MIT
"""What servers do, and what is expected of a client then."""
import os
import socket
import subprocess
import tempfile
import time
from functools import partial

from judge.fakeserver import good
from judge.wire import ALL, BINARY, COM, DO, DONT, ECHO, IAC, SB, SE, SGA, WILL, WONT, be32, check, equal, sub

CASES = []                      # (name, function)
SIZES = {0: None, 1: 4, 6: None, 7: None, 8: 0, 9: 0}


def case(function):
    CASES.append((function.__name__, function))
    return function


def each(rows):
    """A case for each row: the words that go into its name, then what the function gets."""
    def add(function):
        for name, *arguments in rows:
            CASES.append(("%s_%s" % (function.__name__, name), partial(call, function, arguments)))
        return function
    return add


def call(function, arguments, bench):
    function(bench, *arguments)


def verb(v, option):
    return bytes([IAC, v, option])


def will_com(word):
    return (word.verb, word.option) == (WILL, COM)


def opened(b, server, *options):
    """An open that succeeds; what was said for it is as the RFC has it."""
    b.client.ok("open", server.url, "timeout=3", *options)
    on_the_wire(server)
    return server


def on_the_wire(server):
    for command, value in server.commands():
        check(0 <= command <= 12, "command %d" % command)
        size = SIZES.get(command, 1)
        check(size is None or len(value) == size, "command %d with %d bytes" % (command, len(value)))
    equal(server.verbs(COM).count((WILL, COM)), 1, "WILL COM-PORT-OPTION")


def works(b, server):
    """Settings and data pass."""
    b.client.ok("set", "baudrate=19200")
    check((1, be32(19200)) in server.commands(1), "no SET-BAUDRATE")
    exchange(b, server, ALL)


def exchange(b, server, data):
    before = len(server.data())
    b.client.ok("write", data.hex())
    server.until(lambda: len(server.data()) >= before + len(data), "data")
    equal(server.data()[before:], data)
    server.send(data.replace(b"\xff", b"\xff\xff"))
    equal(b.client.ok("read", len(data)), data.hex())


# ---- openings ----------------------------------------------------------------------------------------------


@each([("nothing", b""), ("what_ser2net_says", bytes([255, 251, 3, 255, 253, 3, 255, 251, 1, 255, 254, 1, 255, 253, 0, 255, 251,
                                                     0, 255, 253, 44])),
       ("what_pyserial_says", bytes([255, 251, 1, 255, 251, 3, 255, 253, 0, 255, 251, 44])),
       ("do_com_port_many_times", verb(DO, COM) * 5), ("telnet_commands", bytes([255, 241, 255, 242, 255, 249, 255, 246]))])
def server_opens_with(b, opening):
    works(b, opened(b, b.server(opening=opening)))


@each([("dont", DONT), ("wont", WONT)])
def com_port_is_refused_by(b, v):
    server = b.server(lambda w: verb(v, COM) + verb(DONT, COM) if will_com(w) else b"" if w.option == COM else None)
    b.client.fails("open", server.url, "timeout=3", within=1)


@case
def server_never_answers(b):
    server = b.server(lambda w: b"")
    b.client.fails("open", server.url, "timeout=0.3", text=["timeout"], within=2)
    check(b.client.took > 0.25, "it gave up after %.2f s" % b.client.took)


@case
def negotiation_takes_300_ms(b):
    server = b.server()
    server.answer = lambda w: (time.sleep(0.3), None)[1] if will_com(w) else None
    works(b, opened(b, server))


@case
def commands_before_do_are_thrown_away(b):
    server = b.server(lambda w: b"" if w.command is not None and not server.sent_do else None)
    works(b, opened(b, server))


@case
def binary_and_sga_are_not_answered(b):
    works(b, opened(b, b.server(lambda w: b"" if w.option in (BINARY, SGA) else None)))


@case
def sga_is_refused(b):
    works(b, opened(b, b.server(lambda w: verb(DONT if w.verb == WILL else WONT, SGA) if w.option == SGA else None)))


@each([("both", (WILL, DO)), ("what_we_send", (WILL,)), ("what_we_receive", (DO,))])
def binary_is_refused_for(b, refused):
    def answer(w):
        if w.option == BINARY and w.verb in refused:
            return verb(DONT if w.verb == WILL else WONT, BINARY)
    b.client.fails("open", b.server(answer).url, "timeout=3", text=["BINARY"], within=1)


@case
def options_that_nobody_has_are_refused_once(b):
    asked = (24, 31, 32, 35, 39, 200, 255)
    server = b.server(opening=verb(WILL, ECHO) + b"".join(verb(DO, n) for n in asked) + verb(WILL, 5))
    opened(b, server)
    works(b, server)
    for n in asked:
        equal(server.verbs(n), [(WONT, n)])
    equal([v for v in server.verbs(5)], [(DONT, 5)])
    equal([v for v in server.verbs(ECHO) if v[0] != DO][:1], [(DONT, ECHO)])


@case
def one_byte_in_a_segment(b):
    server = b.server()
    server.step = 1
    works(b, opened(b, server))


@case
def all_in_one_segment(b):
    said = []

    def answer(w):
        said.append(w)
        return b"".join(map(good, said)) if will_com(w) else b"" if len(said) < 5 else None
    works(b, opened(b, b.server(answer)))


@case
def each_answer_takes_50_ms(b):
    server = b.server(lambda w: (time.sleep(0.05 if w.command is not None else 0), None)[1])
    works(b, opened(b, server, "dtr=true", "rts=false"))


@case
def tls(b):
    with tempfile.TemporaryDirectory() as folder:
        key, cert = os.path.join(folder, "key"), os.path.join(folder, "cert")
        subprocess.check_call(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                               "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                               "subjectAltName=IP:127.0.0.1"], stderr=subprocess.DEVNULL)
        server = b.server(tls=(cert, key))
        server.url += "?ca=" + cert
        works(b, opened(b, server))


# ---- ends --------------------------------------------------------------------------------------------------


def at_command(n):
    return lambda w: w.command == n


def at_any_verb(w):
    return w.verb is not None


@each([("close_at_" + name, where, False) for name, where in (("will", will_com), ("set_baudrate", at_command(1)),
                                                              ("set_stopsize", at_command(4)), ("any_verb", at_any_verb))] +
      [("reset_at_" + name, where, True) for name, where in (("will", will_com), ("set_baudrate", at_command(1)))])
def open_fails_at_once_for(b, where, reset):
    server = b.server()

    def answer(w):
        if where(w):
            server.close(reset)
            raise OSError
    server.answer = answer
    b.client.fails("open", server.url, "timeout=3", within=1)


@case
def server_closes_when_it_accepts(b):
    server = b.server(connected=lambda s: s.close())
    b.client.fails("open", server.url, "timeout=3", within=1)


@case
def nobody_listens(b):
    with socket.socket() as bound:                  # but does not listen
        bound.bind(("127.0.0.1", 0))
        b.client.fails("open", "rfc2217://127.0.0.1:%d" % bound.getsockname()[1], "timeout=3", text=["refused"], within=1)


@case
def server_closes_inside_a_subnegotiation(b):
    server = b.server()

    def answer(w):
        if (w.command, w.value) == (1, be32(300)):
            server.send(bytes([IAC, SB, COM, 101, 0]))
            server.close()
            raise OSError
    server.answer = answer
    opened(b, server)
    b.client.fails("set", "baudrate=300", within=1)
    b.client.fails("read", 1, within=1)
    b.client.fails("write", "00", within=1)


@case
def data_before_the_close_is_read(b):
    server = opened(b, b.server())
    server.send(b"last words")
    server.close()
    equal(b.client.ok("read", 10), b"last words".hex())
    b.client.fails("read", 1, within=1)


@case
def com_port_ends_within_the_session(b):
    server = opened(b, b.server())
    with b.client.awake():
        server.send(verb(DONT, COM))
        server.until(lambda: (WONT, COM) in server.verbs(COM) or server.ended, "WONT")
    b.client.do("set", "baudrate=300")
    check(b.client.took < 1, "it waited for an answer")


# ---- settings ----------------------------------------------------------------------------------------------


@each([("baudrate", 1, be32(300), "baudrate=19200", "300"), ("datasize", 2, b"\x08", "bytesize=7", "8"),
       ("parity", 3, b"\x01", "parity=E", "N"), ("stopsize", 4, b"\x01", "stopbits=2", "1")])
def another_value_is_in_force_for(b, command, value, asked, told):
    server = b.server(lambda w: sub(command + 100, value) if w.command == command else None)
    b.client.fails("open", server.url, "timeout=3", asked, text=[told], within=1)


@each([("baudrate", 1, "baudrate=19200"), ("datasize", 2, "bytesize=7"), ("parity", 3, "parity=E"), ("stopsize", 4, "stopbits=2")])
def no_answer_to(b, command, asked):
    server = b.server(lambda w: b"" if w.command == command and any(w.value) and server.sent_do and ready else None)
    ready = []
    opened(b, server, "timeout=0.5")
    ready.append(True)
    began = time.monotonic()
    b.client.fails("set", asked, text=["timeout"], within=6)
    check(time.monotonic() - began > 0.2, "it did not wait")
    ready.clear()
    works(b, server)


@case
def no_answer_to_any_command(b):
    server = b.server(lambda w: b"" if w.command is not None else None)
    b.client.fails("open", server.url, "timeout=0.3", text=["timeout"], within=2)


@case
def answers_have_the_codes_of_a_client(b):
    server = b.server(lambda w: sub(w.command, w.value) if w.command is not None else None)
    b.client.fails("open", server.url, "timeout=0.3", text=["timeout"], within=2)


@case
def answers_come_in_reverse_order(b):
    held = []

    def answer(w):
        if w.command is None or w.command > 4:
            return None
        held.append(good(w))
        return b"".join(reversed(held)) if len(held) == 4 else b""
    server = b.server(answer)
    opened(b, server)
    server.answer = lambda w: None
    works(b, server)


@case
def answers_come_twice(b):
    server = b.server(lambda w: good(w) * 2 if w.command is not None else None)
    works(b, opened(b, server))
    works(b, server)


@case
def answers_for_nothing(b):
    noise = sub(101, be32(50)) + sub(102, b"\x05") + sub(105, b"\x05") + sub(112, b"\x01") + sub(104, b"\x02")
    server = b.server(lambda w: noise + good(w) if w.command is None and w.verb else None)
    works(b, opened(b, server))
    server.send(noise + sub(101, be32(19200)))
    works(b, server)


@case
def control_is_answered_by_0(b):
    server = b.server(lambda w: sub(105, b"\0") if w.command == 5 else None)
    b.client.do("open", server.url, "timeout=0.3")
    check(b.client.took < 2, "it took %.2f s" % b.client.took)


@case
def control_is_never_answered_but_ignored(b):
    server = b.server(lambda w: b"" if w.command == 5 else None)
    server.url += "?ign_set_control"
    opened(b, server)
    b.client.ok("set", "dtr=false")
    works(b, server)


@case
def control_is_never_answered(b):
    server = b.server(lambda w: b"" if w.command == 5 else None)
    b.client.fails("open", server.url, "timeout=0.3", text=["timeout"], within=2)


@each([(str(rate), rate) for rate in (255, 65280, 0xff00ff, 115200)])
def rate_goes_over_the_wire(b, rate):
    server = opened(b, b.server(), "baudrate=%d" % rate)
    equal(server.commands(1)[0], (1, be32(rate)))
    equal(b.client.ok("get", "baudrate"), str(rate))


@case
def signals_and_breaks_go_over_the_wire(b):
    server = opened(b, b.server(), "dtr=false", "rts=true")
    for asked, value in (("dtr=true", 8), ("dtr=false", 9), ("rts=false", 12), ("rts=true", 11)):
        b.client.ok("set", asked)
        check((5, bytes([value])) in server.commands(5)[-9:], "%s: %r" % (asked, server.commands(5)))
    b.client.ok("send_break", 0.1)
    on, off = [[w.at for w in server.said if w.command == 5 and w.value == bytes([n])][-1] for n in (5, 6)]
    check(0.09 < off - on < 0.3, "a break of %.3f s" % (off - on))
    on_the_wire(server)


@case
def purge_is_not_answered(b):
    server = b.server(lambda w: b"" if w.command == 12 and quiet else None)
    quiet = []
    opened(b, server, "timeout=0.5")
    quiet.append(True)
    b.client.fails("flush_input", text=["timeout"], within=6)
    quiet.clear()
    works(b, server)


@case
def purge_throws_away(b):
    server = opened(b, b.server())
    server.send(b"old")
    server.answer = lambda w: b"older" + good(w) + b"new" if (w.command, w.value) == (12, b"\x01") else None
    b.client.ok("flush_input")
    equal(b.client.ok("read", 3), b"new".hex())
    b.client.ok("flush_output")
    check((12, b"\x02") in server.commands(12), "no PURGE-DATA 2")


# ---- what comes in between ---------------------------------------------------------------------------------


@case
def data_before_and_within_the_negotiation(b):
    server = b.server(lambda w: b"two\xff\xff" + good(w) + b"three" if will_com(w) else None, opening=b"one")
    opened(b, server)
    equal(b.client.ok("read", 12), b"onetwo\xffthree".hex())
    works(b, server)


@case
def notifications_before_while_and_after_the_open(b):
    flood = (sub(107, b"\xb0") + sub(106, b"\x60") + sub(107, b"\x11")) * 300
    server = b.server(lambda w: flood + good(w) + flood if w.verb else None, opening=flood)
    opened(b, server)
    server.send(flood + sub(107, b"\x32") + b"x")
    b.client.ok("read", 1)
    equal([b.client.ok("get", name) for name in ("cts", "dsr", "cd")], ["true", "true", "false"])
    works(b, server)


@each([("unknown_command", sub(13, b"\x01") + sub(113, b"\x01") + sub(200) + sub(255, b"\xff")),
       ("unknown_option", bytes([IAC, SB, 24, 1, IAC, SE, IAC, SB, 200, 255, 255, IAC, SE])),
       ("empty", bytes([IAC, SB, IAC, SE, IAC, SB, COM, IAC, SE])), ("lone_se", bytes([IAC, SE])),
       ("cut_by_another", bytes([IAC, SB, COM, 101, 0]) + sub(106, b"\0")),
       ("with_a_command_inside", bytes([IAC, SB, COM, 101, 0, IAC, 241, 0, 0, IAC, SE])),
       ("too_short", sub(101) + sub(101, b"\x0b") + sub(102) + sub(105) + sub(107) + sub(112)),
       ("too_long", sub(101, bytes(5)) + sub(102, b"\x08\x08") + sub(107, b"\x10\x10") + sub(105, b"\x01" * 300)),
       ("of_100_kb", sub(101, b"x" * 100000) + sub(100, b"\xff" * 100000)),
       ("of_a_client", sub(1, be32(300)) + sub(5, b"\x01") + sub(12, b"\x01"))])
def subnegotiation_in_between(b, noise):
    server = b.server(lambda w: noise + good(w) if w.verb or w.command is not None else None)
    works(b, opened(b, server))


@each([("nop", 241), ("dm", 242), ("brk", 243), ("ip", 244), ("ao", 245), ("ayt", 246), ("ga", 249)])
def telnet_command_is_no_data(b, command):
    server = opened(b, b.server())
    server.send(b"a" + bytes([IAC, command]) + b"b")
    equal(b.client.ok("read", 2), b"ab".hex())


@case
def cr_nul_while_the_server_is_not_binary(b):
    server = opened(b, b.server())
    server.send(b"\r\0" + verb(WONT, BINARY) + b"a\r\0b\r\n\r\0c" + verb(WILL, BINARY) + b"\r\0d")
    equal(b.client.ok("read", 11), b"\r\0a\rb\r\n\rc\r\0".hex())
    server.until(lambda: server.verbs(BINARY)[-2:] == [(DONT, BINARY), (DO, BINARY)], "DONT and DO")


@case
def cr_is_cr_nul_once_the_server_takes_no_binary(b):
    server = opened(b, b.server())
    with b.client.awake():
        server.send(verb(DONT, BINARY))
        server.until(lambda: (WONT, BINARY) in server.verbs(BINARY), "WONT")
    before = len(server.data())
    b.client.ok("write", b"a\rb\r\n".hex())
    server.until(lambda: len(server.data()) >= before + 6, "the data")
    equal(server.data()[before:], b"a\r\0b\r\n")


@case
def options_go_off_and_on(b):
    server = opened(b, b.server())
    before = len(server.verbs())
    with b.client.awake():
        server.send((verb(DONT, SGA) + verb(DO, SGA)) * 20 + verb(DO, SGA) * 5)
        server.until(lambda: len(server.verbs()) >= before + 40, "the answers")
    exchange(b, server, ALL)
    equal(server.verbs()[before:], [(WONT, SGA), (WILL, SGA)] * 20)


@case
def signature_of_the_client_is_asked(b):
    server = opened(b, b.server())
    with b.client.awake():
        server.send(sub(100) * 2)
        server.until(lambda: len(server.commands(0)) >= 2, "SIGNATURE")
    check(server.commands(0)[-1][1], "it is empty")
    works(b, server)


@each([("short", b"x"), ("with_ff", b"a\xff\xffb"), ("long", b"y" * 5000)])
def signature_of_the_server_is(b, text):
    server = b.server(lambda w: sub(100, text) if w.command == 0 else None)
    opened(b, server)
    server.send(sub(100, text))
    works(b, server)


@case
def an_answer_behind_a_megabyte_of_data(b):
    server = b.server()
    opened(b, server)
    server.answer = lambda w: b"d" * 1048576 + good(w) if w.command == 1 else None
    b.client.ok("set", "baudrate=38400")
    equal(b.client.ok("read", 1048576), (b"d" * 1048576).hex())


# ---- suspend and resume ------------------------------------------------------------------------------------


@case
def a_suspended_client_is_silent_until_it_is_resumed(b):
    server = opened(b, b.server())
    server.send(sub(107, b"\x10") + sub(108) + b"x")
    b.client.ok("read", 1)
    before = len(server.said)
    b.client.start("write", b"held".hex())
    b.client.start("set", "baudrate=4800")
    time.sleep(0.1)
    equal(len(server.said), before, "words while it is suspended")
    server.send(b"still" + sub(109))
    check(b.client.result().startswith("ok"), "the write failed")
    check(b.client.result().startswith("ok"), "the set failed")
    equal(b.client.ok("read", 5), b"still".hex())
    server.until(lambda: server.data().endswith(b"held"), "the data")
    check((1, be32(4800)) in server.commands(1), "no SET-BAUDRATE")


@case
def a_write_times_out_while_it_stays_suspended(b):
    server = b.server()
    b.client.ok("open", server.url, "timeout=0.3")
    server.send(sub(108) + b"x")
    b.client.ok("read", 1)
    b.client.fails("fill", 100000, text=["timeout"], within=2)
    equal(len(server.data()), 0, "data while it is suspended")
    with b.client.awake():
        server.send(sub(109))
        server.until(lambda: server.commands(10), "what it had to say")
    works(b, server)


@case
def suspended_in_the_middle_of_the_open(b):
    server = b.server()

    def answer(w):
        if w.command == 1:
            server.send(sub(108))
            time.sleep(0.2)
            server.send(sub(109))
    server.answer = answer
    works(b, opened(b, server))


@case
def resumed_without_suspend_and_suspended_twice(b):
    server = opened(b, b.server())
    server.send(sub(109) * 2 + sub(108) * 2 + sub(109))
    works(b, server)


@case
def a_close_sends_what_was_written(b):
    server = opened(b, b.server())
    b.client.ok("write", (b"w" * 50000).hex())
    b.client.ok("close")
    server.until(lambda: server.ended, "end of the connection")
    equal(len(server.data()), 50000)
