# lib.sh: sourced by bench_*.sh, which run in this folder.  Starts the instrument,
# ends by id what it started, leaves out the peers that are not there.
set -u
cd "$(dirname "$0")" || exit 1
MAKEFLAGS= make -s all || exit 1
PATH=$PATH:/usr/sbin    # ser2net
PY=${PY:-/usr/bin/python3}
MOONRIG=${MOONRIG:-../../build/moonrig}
CPU=${CPU:-0}
OUT=out/$(basename "$0" .sh)
rm -rf "$OUT"
mkdir -p "$OUT"
PIDS=
cleanup() { for p in $PIDS; do kill "$p" 2>/dev/null; done; wait 2>/dev/null; }
trap cleanup EXIT
trap 'exit 1' INT TERM
waitfile() { i=0; while [ ! -s "$1" ]; do i=$((i+1)); [ $i -gt 500 ] && { echo "no $1" >&2; exit 1; }; sleep 0.01; done; }
responder() { # responder NPTYS: the instrument, on CPU: TCP port in $P, ptys in $OUT/pty0...
	./bin/responder -t 0 -p "${1:-0}" -L "$OUT" -o "$OUT/ready" >>"$OUT/bg.log" 2>&1 &
	PIDS="$PIDS $!"
	waitfile "$OUT/ready"
	P=$(cat "$OUT/ready")
	pin_all "$CPU"
}
bg() { "$@" >>"$OUT/bg.log" 2>&1 & PIDS="$PIDS $!"; }
freeport() { $PY -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
listens() { grep -q "$(printf ' 0100007F:%04X 00000000:0000 0A ' "$1")" /proc/net/tcp; }
waitport() { i=0; until listens "$1"; do i=$((i+1)); [ $i -gt 500 ] && return 1; sleep 0.01; done; }
NTTY=0
# serve VAR TEST WHAT CMD: when the test holds, starts CMD, in which $PORT and $TTY are its own, on CPU.
# Its port goes to VAR, which is empty when it was left out.
serve() {
	eval "$1="
	"$2" "$3" || return 0
	PORT=$(freeport) TTY=$(readlink -f "$OUT/pty$NTTY") NTTY=$((NTTY+1))
	eval "bg taskset -c $CPU $4"
	waitport "$PORT" || echo "does not listen (see $OUT/bg.log): $4" >&2
	eval "$1=$PORT"
}
# ser2net_conf raw|telnet CHARDELAY tcp|tcp(nodelay): the name of a configuration for $PORT and $TTY
ser2net_conf() {
	./ser2net_conf.sh "$@" "$PORT" "$TTY" >"$OUT/ser2net.$PORT.yaml" && echo "$OUT/ser2net.$PORT.yaml"
}
# A pty passes its bytes through a kernel worker, which may run on another CPU.  Waking that out of its
# sleep makes a round trip three times as long; so loops of least priority keep the others awake.
keep_awake() {
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		[ "$cpu" = "$CPU" ] || bg nice -n 19 taskset -c "$cpu" sh -c \
			"while [ -d /proc/$$ ]; do i=0; while [ \$i -lt 100000 ]; do i=\$((i+1)); done; done"
	done
}
pin_all() { for p in $PIDS; do taskset -acp "$1" "$p" >/dev/null; done; }
have() { command -v "$1" >/dev/null 2>&1; }
luahas() { lua5.4 -e "require'$1'" >/dev/null 2>&1; }
pyhas() { $PY -c "import $1" >/dev/null 2>&1; }
# A contestant: prints the command when the test (its first word) holds.
peer() { test=$1; shift; what=$1; shift; "$test" "$what" && printf '%s' "$*"; }
# The same where there is a server: its port comes first.
via() { port=$1; shift; [ -n "$port" ] && peer "$@"; }
