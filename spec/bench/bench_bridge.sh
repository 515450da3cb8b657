#!/bin/sh
# bridge: TCP <-> pty, the instrument behind the pty: round trips, and random bytes
# each way, which are compared at the other end.  RFC 2217 rows have a client that
# negotiates and doubles FF.  Bridge, client and instrument on one CPU.
. ./lib.sh
responder 10
keep_awake
pin="taskset -c $CPU"
serve raw have ./bin/bridge './bin/bridge $PORT $TTY'
serve rig have "$MOONRIG" '$MOONRIG bridge $TTY --listen socket://127.0.0.1:$PORT'
serve rig_rfc have "$MOONRIG" '$MOONRIG bridge $TTY --listen rfc2217://127.0.0.1:$PORT'
serve socat have socat 'socat -t0.02 TCP-LISTEN:$PORT,bind=127.0.0.1,reuseaddr,nodelay,fork FILE:$TTY,raw,echo=0,b115200'
serve gensiot have gensiot 'gensiot -a --server -i serialdev,$TTY,115200n81,local tcp,127.0.0.1,$PORT'
serve s2n have ser2net 'ser2net -n -d -c $(ser2net_conf raw false tcp)'
serve s2n_rfc have ser2net 'ser2net -n -d -c $(ser2net_conf telnet false tcp)'
serve s2n_default have ser2net 'ser2net -n -d -c $(ser2net_conf raw true tcp)'
serve pys pyhas serial '$PY peers/pyserial_bridge.py $PORT $TTY'
serve pys_rfc pyhas serial '$PY peers/pyserial_bridge.py --rfc2217 $PORT $TTY'
client() { # client PORT N [-t] MODE
	port=$1 n=$2; shift 2
	via "$port" have ./bin/cl "$pin ./bin/cl $* 127.0.0.1:$port $n"
}
table() { # table TITLE MODE UNIT N ROUNDS: what is slow does a part of N
	few=$4 part=$4
	[ "$2" = query ] && few=$((few / 20)) || part=$((part / 4))
	./alt.py --title "bridge, $1" --unit "$3" --rounds "${ROUNDS:-$5}" --timeout 40 --json "$OUT/$2.json" \
	"raw C epoll bridge (limit)" "$(client "$raw" "$4" "$2")" \
	"moonrig" "$(client "$rig" "$4" "$2")" \
	"moonrig, RFC 2217" "$(client "$rig_rfc" "$4" -t "$2")" \
	"socat" "$(client "$socat" "$4" "$2")" \
	"gensiot" "$(client "$gensiot" "$4" "$2")" \
	"ser2net raw, chardelay off" "$(client "$s2n" "$4" "$2")" \
	"ser2net RFC 2217, chardelay off" "$(client "$s2n_rfc" "$4" -t "$2")" \
	"ser2net raw, as installed" "$(client "$s2n_default" "$few" "$2")" \
	"pySerial redirect, threads" "$(client "$pys" "$4" "$2")" \
	"pySerial RFC 2217 server" "$(client "$pys_rfc" "$part" -t "$2")"
}
table "round trips" query "queries/s" 2000 21
echo "### bridge, round trips: p50 of the best round"
./p50.py "$OUT/query.json"
table "tty to net" rand "MB/s" $((16 * 1024 * 1024)) 5
table "net to tty" check "MB/s" $((16 * 1024 * 1024)) 5
