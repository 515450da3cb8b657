# SPDX-License-Identifier: MIT
"""Pipelining, stalls, ends, crowds."""
import os
import select
import socket
import time

from judge.bench import case, each
from judge.wire import COM, IAC, PATIENCE, WILL, be32, check, equal, sub

# ---- pipelining, stalls, ends ------------------------------------------------------------------------------


@case()
def five_thousand_questions_at_once(b):
    c = b.agreed()
    c.send(sub(1, be32(0)) * 5000)
    c.until(lambda: len(c.answers) >= 5000, "all answers")
    equal(len(c.answers), 5000)


@case()
def five_thousand_questions_unread_for_a_second(b):
    c = b.agreed()
    c.socket.setblocking(False)
    data = sub(1, be32(0)) * 5000
    sent = 0
    end = time.monotonic() + 1
    while sent < len(data) and time.monotonic() < end:
        try:
            sent += c.socket.send(data[sent:])
        except BlockingIOError:
            time.sleep(0.01)
    time.sleep(0.5)
    c.socket.setblocking(True)
    c.until(lambda: len(c.answers) >= sent // 10, "all answers")
    c.send(data[sent:])
    c.until(lambda: len(c.answers) >= 5000, "all answers")
    equal(len(c.answers), 5000)


@case()
def answers_come_in_the_order_of_requests(b):
    c = b.agreed()
    rates = [300, 1200, 2400, 9600, 19200, 38400] * 20
    c.send(b"".join(sub(1, be32(r)) + sub(2, b"\0") + sub(5, b"\0") for r in rates))
    c.until(lambda: len(c.answers) >= 3 * len(rates), "all answers")
    wanted = [a for r in rates for a in ((101, be32(r)), (102, b"\x08"), (105, b"\x01"))]
    equal(c.answers, wanted)


@case("pty")
def refusals_pipelined(b):
    c = b.agreed()
    c.send(sub(2, b"\x05") * 500)
    c.until(lambda: len(c.answers) >= 500, "all answers")
    equal(set(c.answers), {(102, b"\x08")})
    c.answers.clear()
    equal(c.ask(2, b"\0"), b"\x08")


@case()
def device_stalls_with_half_a_megabyte(b):
    c = b.agreed()
    data = bytes(i * 7 % 251 for i in range(512 * 1024))
    child = os.fork()
    if child == 0:
        try:
            c.send(data)
        finally:
            os._exit(0)
    time.sleep(1)
    got = b.device_reads(len(data), 20)
    os.waitpid(child, 0)
    check(got == data, "lost or changed: %d of %d bytes" % (len(got), len(data)))


@case()
def client_stalls_with_half_a_megabyte(b):
    c = b.agreed()
    data = bytes(i * 7 % 251 for i in range(512 * 1024))
    child = os.fork()
    if child == 0:
        try:
            b.device_writes(data)
        finally:
            os._exit(0)
    time.sleep(1)
    c.until(lambda: len(c.data) >= len(data), "all bytes")
    os.waitpid(child, 0)
    check(c.data == data, "changed")


@case()
def fin_with_data_before_it(b):
    c = b.agreed()
    c.send(b"last words" * 100)
    c.socket.shutdown(socket.SHUT_WR)
    equal(b.device_reads(1000), b"last words" * 100)


@case()
def half_closed_client_gets_its_answer(b):
    c = b.agreed()
    c.send(b"*IDN?\n")
    c.socket.shutdown(socket.SHUT_WR)
    equal(b.device_reads(6), b"*IDN?\n")
    time.sleep(0.1)
    b.device_writes(b"ACME\n")
    c.until(lambda: c.data == b"ACME\n", "the answer")


@case()
def half_closed_silent_client_frees_the_port(b):
    c = b.agreed()
    c.socket.shutdown(socket.SHUT_WR)
    d = b.agreed()
    d.send(b"next")
    equal(b.device_reads(4), b"next")
    equal(d.ask(1, be32(57600)), be32(57600))


@case()
def session_begun_while_the_last_one_closes(b):
    for i in range(20):
        c = b.agreed()
        equal(c.ask(1, be32(19200 + i)), be32(19200 + i))
        c.close()
    d = b.agreed()
    d.send(b"alive")
    equal(b.device_reads(5), b"alive")


@case()
def reset_with_a_full_device_queue(b):
    c = b.agreed()
    c.socket.setblocking(False)
    try:
        while True:
            c.socket.send(b"x" * 65536)
    except BlockingIOError:
        pass
    c.close(reset=True)
    while select.select([b.master], [], [], 0.2)[0]:
        os.read(b.master, 65536)
    d = b.agreed()
    equal(d.ask(2, b"\0"), b"\x08")
    d.send(b"after")
    got = b.device_reads(5)
    check(got.endswith(b"after"), "got %r" % got)


@case()
def second_client_does_not_disturb_the_first(b):
    c = b.agreed()
    c.ask(1, be32(38400))
    d = b.client()
    d.send([IAC, WILL, COM], b"intruder", sub(1, be32(300)))
    d.quiet(0.1)
    equal(c.ask(1, be32(0)), be32(38400))
    c.send(b"mine")
    equal(b.device_reads(4), b"mine")
    b.device_writes(b"yours")
    c.until(lambda: c.data == b"yours", "the data")


@case("lines")
def break_left_on_by_a_vanished_client_ends(b):
    c = b.agreed()
    c.ask(5, b"\x05")
    c.close(reset=True)
    b.wait(lambda: b.lines["brk_on"] == 0, "end of the break")


@case()
def settings_left_by_a_vanished_client_go_back(b):
    c = b.agreed()
    before = c.ask(1, be32(0))
    c.ask(1, be32(123456))
    c.close(reset=True)
    time.sleep(0.05)
    d = b.agreed()
    equal(d.ask(1, be32(0)), before)


@case()
def garbage_connections_cost_little(b):
    def cpu():
        with open("/proc/%d/stat" % b.process.pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    before = cpu()
    rng = 12345
    for i in range(20):
        c = b.client()
        data = bytearray()
        for _ in range(2000):
            rng = (rng * 1103515245 + 12345) & 0x7fffffff
            data.append(255 if rng % 5 == 0 else rng >> 16 & 255)
        try:
            c.send(bytes(data))
            c.quiet(0.01)
        except OSError:
            pass
        c.close(reset=i % 2 == 0)
    check(cpu() - before < 1.0, "%.2f s" % (cpu() - before))
    time.sleep(0.05)
    while select.select([b.master], [], [], 0.05)[0]:
        os.read(b.master, 65536)
    d = b.agreed()
    equal(d.ask(2, b"\0"), b"\x08")


@case()
def http_request_is_closed_and_reaches_no_device(b):
    c = b.client()
    c.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nOUTP ON\n")
    end = time.monotonic() + PATIENCE
    while not c.closed:
        c.pump(0.05)
        check(time.monotonic() < end, "the connection was not closed")
    b.device_has_nothing()


@case()
def crowd_of_connections(b):
    c = b.agreed()
    for _ in range(300):
        socket.create_connection(("127.0.0.1", b.port)).close()
    c.send(b"still")
    equal(b.device_reads(5), b"still")
    equal(c.ask(2, b"\0"), b"\x08")


@case()
def dripping_clients(b):
    c = b.agreed()
    drips = [b.client() for _ in range(10)]
    for byte in bytes([IAC, WILL, COM]) + sub(1, be32(0)):
        for d in drips:
            d.send([byte])
        c.barrier()
    c.send(b"x")
    equal(b.device_reads(1), b"x")


# ---- more pipelining and ends ------------------------------------------------------------------------------


QUESTIONS = ((1, be32(0)), (2, b"\0"), (3, b"\0"), (4, b"\0"), (5, b"\0"), (5, b"\x04"), (5, b"\x07"), (5, b"\x0a"),
             (5, b"\x0d"), (10, b"\0"), (11, b"\xff"), (12, b"\x01"), (0, b""))


@case()
def five_hundred_of_all_kinds_in_one_segment(b):
    c = b.agreed()
    asked = [QUESTIONS[i % len(QUESTIONS)] for i in range(500)]
    c.send(*(sub(n, value) for n, value in asked))
    c.until(lambda: sum(1 for n, _ in c.answers if n != 107) >= 500, "all answers")
    equal([n for n, _ in c.answers if n != 107], [n + 100 for n, _ in asked])


@case()
def all_kinds_byte_by_byte(b):
    c = b.agreed()
    for byte in b"".join(sub(n, value) for n, value in QUESTIONS):
        c.send([byte])
    c.until(lambda: sum(1 for n, _ in c.answers if n != 107) >= len(QUESTIONS), "all answers")
    equal([n for n, _ in c.answers if n != 107], [n + 100 for n, _ in QUESTIONS])


@case()
def half_closed_client_gets_all_its_answers(b):
    c = b.agreed()
    c.send(*(sub(n, value) for n, value in QUESTIONS))
    c.socket.shutdown(socket.SHUT_WR)
    c.until(lambda: sum(1 for n, _ in c.answers if n != 107) >= len(QUESTIONS), "all answers")


@case()
def settings_reach_the_line_between_data(b):
    c = b.agreed()
    for i in range(20):
        c.send(b"before", sub(1, be32(9600 + i)), b"after", sub(1, be32(0)))
    equal(b.device_reads(220), b"beforeafter" * 20)
    c.until(lambda: len(c.answers) >= 40, "all answers")
    equal(c.answers, [(101, be32(9600 + i // 2)) for i in range(40)])


@case()
def second_client_is_told_and_closed_or_only_reads(b):
    c = b.agreed()
    d = b.client()
    d.quiet(0.1)
    b.device_writes(b"news")
    c.until(lambda: c.data == b"news", "the data of the first")
    d.quiet(0.05)
    check(d.closed or d.data.endswith(b"news"), "neither closed nor served")


@case()
def next_client_is_served_at_once(b):
    for i in range(10):
        c = b.agreed()
        c.send(b"%d" % i)
        equal(b.device_reads(1), b"%d" % i)
        c.close(reset=i % 2 == 1)


@each([("nothing", b""), ("half_a_verb", bytes([IAC, WILL])), ("iac", bytes([IAC])), ("half_a_command", sub(1, be32(0))[:5])])
def a_client_goes_after(b, sent):
    for reset in (False, True):
        c = b.client()
        c.send(sent)
        c.close(reset=reset)
    d = b.agreed()
    d.send(b"x")
    equal(b.device_reads(1), b"x")


@case()
def a_silent_client_gets_data(b):
    c = b.client()
    time.sleep(0.05)
    b.device_writes(b"login: ")
    c.until(lambda: c.data == b"login: ", "the data")


@case()
def a_reader_that_reads_byte_by_byte(b):
    c = b.agreed()
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    data = bytes(range(256)) * 40
    b.device_writes(data[:4000])
    while len(c.data) < 4000:
        check(select.select([c.socket], [], [], PATIENCE)[0], "no more data")
        c.pending += c.socket.recv(1)
        c.cut()
    equal(c.data, data[:4000])
