# pySerial at the other end of RFC 2217.
#   rfc2217_peers.py client URL     pySerial's client, steps on standard input; one line of answer each
#   rfc2217_peers.py server         pySerial's PortManager on loop://; prints its port, serves one client after the other
import ast
import socket
import sys
import threading
import time

import serial
import serial.rfc2217


def say(text):
    print(text, flush=True)


def step(port, words):
    if words[0] == "write":
        port.write(bytes.fromhex(words[1]))
        return "ok"
    if words[0] == "read":
        return port.read(int(words[1])).hex()
    if words[0] == "set":
        setattr(port, words[1], ast.literal_eval(words[2]))
        return "ok"
    if words[0] == "get":
        return repr(getattr(port, words[1]))
    result = getattr(port, words[0])(*map(ast.literal_eval, words[1:]))
    return "ok" if result is None else repr(result)


def client(url):
    began = time.time()
    port = serial.serial_for_url(url, timeout=5)
    say("open %.3f" % (time.time() - began))
    for line in sys.stdin:
        try:
            say(step(port, line.split()))
        except Exception as e:
            say("%s: %s" % (type(e).__name__, e))


class Session:
    """As pySerial's example rfc2217_server.py has it."""

    def __init__(self, port, connection):
        self.port, self.connection, self.alive = port, connection, True
        self.lock = threading.Lock()
        self.manager = serial.rfc2217.PortManager(port, self)

    def write(self, data):
        with self.lock:
            self.connection.sendall(data)

    def from_port(self):
        while self.alive:
            data = self.port.read(self.port.in_waiting or 1)
            if data:
                self.write(b"".join(self.manager.escape(data)))

    def run(self):
        thread = threading.Thread(target=self.from_port, daemon=True)
        thread.start()
        while data := self.connection.recv(1024):
            self.port.write(b"".join(self.manager.filter(data)))
        self.alive = False
        thread.join()


def server():
    port = serial.serial_for_url("loop://", timeout=0.05)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    say(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                Session(port, connection).run()
            except OSError:
                pass


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
