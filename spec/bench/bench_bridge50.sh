#!/bin/sh
# bridge50: 50 bridges at once: CPU of a query, CPU while nothing happens, memory,
# processes.  Bridges, client and instrument on one CPU.
. ./lib.sh
N=${N:-50}
R=${ROUNDS:-3}
IDLE=3; [ "$R" = 1 ] && IDLE=0.5
responder "$N"
CPU=$CPU ./bridge50.py "$OUT" "$N" "${TOTAL:-10000}" "$R" "$IDLE" \
	"raw C epoll bridge (limit)" "./bin/bridge {pairs}" \
	"moonrig" "$MOONRIG bridge --config {moonrig:socket}" \
	"moonrig, RFC 2217" "$MOONRIG bridge --config {moonrig:rfc2217}" \
	"ser2net raw, chardelay off" "$(peer have ser2net "ser2net -n -d -c {ser2net:raw}")" \
	"ser2net RFC 2217, chardelay off" "$(peer have ser2net "ser2net -n -d -c {ser2net:telnet}")" \
	"gensiot, a process each" "$(peer have gensiot "gensiot -a --server -i serialdev,{tty},115200n81,local tcp,127.0.0.1,{port}")" \
	"socat, a process each (and its forks)" "$(peer have socat "socat -t0.02 TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,nodelay,fork FILE:{tty},raw,echo=0,b115200")" \
	"pySerial redirect, threads" "$(peer pyhas serial "$PY peers/pyserial_bridge.py {pairs}")" \
	"pySerial RFC 2217 server, threads" "$(peer pyhas serial "$PY peers/pyserial_bridge.py --rfc2217 {pairs}")"
