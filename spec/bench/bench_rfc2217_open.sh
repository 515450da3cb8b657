#!/bin/sh
# rfc2217_open: ms from the connect until baud rate, data size, parity and stop bits
# are confirmed, then those of a change of the rate and of the close; with no delay and
# through a proxy that delays 20 ms each way, out of which the number of round trips
# one after another comes.  The servers have a pty, which has no modem lines: ser2net
# does not answer for them, so that plain pySerial cannot open it.
. ./lib.sh
D=${D:-20}
responder 3
pin="taskset -c $CPU"
serve s2n have ser2net 'ser2net -n -d -c $(ser2net_conf telnet false "tcp(nodelay)")'
serve pys pyhas serial '$PY peers/pyserial_bridge.py --rfc2217 $PORT $TTY'
serve rig have "$MOONRIG" '$MOONRIG bridge $TTY --listen rfc2217://127.0.0.1:$PORT'
table() { # table NAME TITLE PORT
	./alt.py --title "RFC 2217 open, $2" --unit ms --low --gap 0.5 --rounds "${ROUNDS:-5}" --timeout 30 --json "$OUT/$1.json" \
	"raw C, one burst (limit)" "$pin ./bin/rfcopen 127.0.0.1:$3 one" \
	"moonrig" "$pin $MOONRIG ours/rfc2217_open.lua rfc2217://127.0.0.1:$3" \
	"raw C, option first, then settings" "$pin ./bin/rfcopen 127.0.0.1:$3 two" \
	"gensio library" "$(peer have ./bin/gensio_open "$pin ./bin/gensio_open 127.0.0.1 $3")" \
	"pySerial" "$(peer pyhas serial "$pin $PY peers/rfc_open.py rfc2217://127.0.0.1:$3")" \
	"pySerial, ?ign_set_control" "$(peer pyhas serial "$pin $PY peers/rfc_open.py rfc2217://127.0.0.1:$3?ign_set_control")"
}
server() { # server NAME TITLE PORT: at once, and delayed
	[ -n "$3" ] || return 0
	target=$3
	table "$1" "$2" "$target"
	serve delayed have ./bin/delayproxy './bin/delayproxy $PORT $target $D'
	table "$1.delayed" "$2, round trip $((2 * D)) ms" "$delayed"
}
server moonrig "moonrig's server" "$rig"
server ser2net "ser2net" "$s2n"
server pyserial "pySerial's server" "$pys"
$PY - "$OUT" $((2 * D)) <<'E'
import json, os, sys
out, rtt = sys.argv[1], int(sys.argv[2])
servers = [s for s in ('moonrig', 'ser2net', 'pyserial') if os.path.exists('%s/%s.json' % (out, s))]
at_once, delayed = ({s: json.load(open('%s/%s%s.json' % (out, s, d))) for s in servers} for d in ('', '.delayed'))
print('### RFC 2217 open: round trips one after another = (delayed - at once) / round trip')
print('| contestant | %s |\n|---|%s' % (' | '.join(servers), '---:|' * len(servers)))
for name in dict.fromkeys(n for s in sorted(servers, key=lambda s: -len(at_once[s])) for n in at_once[s]):
    print('| %s | %s |' % (name, ' | '.join(
        '%.2f' % ((delayed[s][name]['median'] - at_once[s][name]['median']) / rtt)
        if name in at_once[s] and name in delayed[s] else '' for s in servers)))
print()
E
