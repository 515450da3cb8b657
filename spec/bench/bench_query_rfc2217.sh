#!/bin/sh
# query_rfc2217: sequential queries through an RFC 2217 server and a pty to the
# instrument: ours, ser2net (chardelay off, nodelay) and pySerial's, by our client, a
# raw C one and pySerial.  Client, server and instrument on one CPU.
. ./lib.sh
responder 4
keep_awake
pin="taskset -c $CPU"
serve raw have ./bin/bridge './bin/bridge $PORT $TTY'
serve rig have "$MOONRIG" '$MOONRIG bridge $TTY --listen rfc2217://127.0.0.1:$PORT'
serve s2n have ser2net 'ser2net -n -d -c $(ser2net_conf telnet false "tcp(nodelay)")'
serve pys pyhas serial '$PY peers/pyserial_bridge.py --rfc2217 $PORT $TTY'
c() { via "$1" have ./bin/cl "$pin ./bin/cl -t query 127.0.0.1:$1 2000"; }
moonrig() { via "$1" have "$MOONRIG" "$pin $MOONRIG ours/query.lua rfc2217://127.0.0.1:$1?baudrate=115200 2000"; }
pyserial() { via "$1" pyhas serial "$pin $PY peers/query.py rfc2217://127.0.0.1:$1?ign_set_control 800"; }
./alt.py --title "query over RFC 2217" --unit "queries/s" --rounds "${ROUNDS:-21}" --json "$OUT/servers.json" \
	"raw C, raw C bridge without RFC 2217 (limit)" "$pin ./bin/cl query 127.0.0.1:$raw 2000" \
	"moonrig, moonrig's server" "$(moonrig "$rig")" \
	"raw C telnet, moonrig's server" "$(c "$rig")" \
	"pySerial, moonrig's server" "$(pyserial "$rig")" \
	"moonrig, pySerial's server" "$(moonrig "$pys")" \
	"raw C telnet, pySerial's server" "$(c "$pys")" \
	"pySerial, pySerial's server" "$(pyserial "$pys")"
echo "### query over RFC 2217: p50 of the best round"
./p50.py "$OUT/servers.json"
[ -z "$s2n" ] || ./alt.py --title "query over RFC 2217 to ser2net" --unit "queries/s" \
	--rounds "${ROUNDS:-21}" --json "$OUT/ser2net.json" \
	"raw C telnet (limit)" "$(c "$s2n")" \
	"moonrig" "$(moonrig "$s2n")" \
	"pySerial" "$(pyserial "$s2n")"
