"""pyserial_bridge.py [--rfc2217] PORT TTY [PORT TTY...]: what pySerial's own examples
do (one reader thread per port, blocking socket side in another thread), written
anew so that it takes pseudo-terminals (no modem lines) and many ports."""
import socket, sys, threading, time
import serial, serial.rfc2217

rfc = sys.argv[1] == '--rfc2217'
args = sys.argv[2:] if rfc else sys.argv[1:]


class PtySerial(serial.Serial):
    """serial.Serial whose modem-line calls do not fail on a pseudo-terminal"""
    def _update_dtr_state(self): pass
    def _update_rts_state(self): pass
    def _update_break_state(self): pass
    cts = property(lambda s: True)
    dsr = property(lambda s: True)
    ri = property(lambda s: False)
    cd = property(lambda s: True)


class Session:
    def __init__(self, ser, sock):
        self.ser, self.sock, self.lock, self.alive = ser, sock, threading.Lock(), True
        self.pm = serial.rfc2217.PortManager(ser, self) if rfc else None

    def write(self, data):
        with self.lock:
            self.sock.sendall(data)

    def reader(self):
        try:
            while self.alive:
                d = self.ser.read(self.ser.in_waiting or 1)
                if d:
                    self.write(b''.join(self.pm.escape(d)) if rfc else d)
        except OSError:
            pass

    def modem(self):
        while self.alive:
            time.sleep(1)
            try:
                self.pm.check_modem_lines()
            except OSError:
                break

    def run(self):
        th = [threading.Thread(target=self.reader, daemon=True)]
        if rfc:
            th.append(threading.Thread(target=self.modem, daemon=True))
        for t in th:
            t.start()
        try:
            while True:
                d = self.sock.recv(1024)
                if not d:
                    break
                self.ser.write(b''.join(self.pm.filter(d)) if rfc else d)
        except OSError:
            pass
        self.alive = False
        self.sock.close()
        th[0].join()


def serve(port, tty):
    ser = PtySerial(tty, 115200, timeout=0.2)
    ls = socket.socket()
    ls.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ls.bind(('127.0.0.1', port))
    ls.listen(5)
    while True:
        c, _ = ls.accept()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Session(ser, c).run()


for port, tty in zip(args[::2], args[1::2]):
    threading.Thread(target=serve, args=(int(port), tty), daemon=True).start()
while True:
    time.sleep(3600)
