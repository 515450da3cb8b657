# The other end of a connection, as another program makes it.
#   sockets.py serve FAMILY ADDRESS WHAT      prints where it listens, accepts once
#   sockets.py pyserial URL                   pySerial's client, steps on standard input
#   sockets.py crowd HOST PORT NUMBER         connects so often, and resets each connection at once
import hashlib
import socket
import struct
import sys
import time


def say(text):
    print(text, flush=True)


def echo(c):
    while data := c.recv(65536):
        c.sendall(data)


def reset(c):
    c.recv(1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half(c):
    """Ends its sending side first, then says what it received."""
    c.sendall(b"only this\n")
    c.shutdown(socket.SHUT_WR)
    say(c.makefile("rb").read(5).decode())


def slow(c):
    """Reads late and in small pieces; says the digest of what came until the end."""
    digest, total = hashlib.sha256(), 0
    time.sleep(0.3)
    while data := c.recv(3000):
        digest.update(data)
        total += len(data)
        if total < 60000:
            time.sleep(0.002)
    say(digest.hexdigest())


def flood(c):
    """Sends much, at once."""
    block = bytes(range(256)) * 256
    for _ in range(256):
        c.sendall(block)


def serve(family, address, what):
    s = socket.socket(getattr(socket, family))
    s.bind(address if family == "AF_UNIX" else (address, 0))
    s.listen()
    say(address if family == "AF_UNIX" else s.getsockname()[1])
    c, _ = s.accept()
    with c:
        globals()[what](c)


def crowd(host, port, number):
    for _ in range(int(number)):
        with socket.create_connection((host, port)) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def pyserial(url):
    import serial
    port = serial.serial_for_url(url, timeout=5)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "write":
            port.write(bytes.fromhex(words[1]))
        elif words[0] == "read":
            say(port.read(int(words[1])).hex())
        elif words[0] == "set":
            setattr(port, words[1], int(words[2]))
            say("set")
        elif words[0] == "close":
            port.close()
            say("closed")
            return


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
