# lib.sh: sourced by bench_*.sh, which run in this folder.  Starts the instrument,
# ends by id what it started, leaves out the peers that are not there.
set -u
cd "$(dirname "$0")" || exit 1
MAKEFLAGS= make -s all || exit 1
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
pin_all() { for p in $PIDS; do taskset -acp "$1" "$p" >/dev/null; done; }
have() { command -v "$1" >/dev/null 2>&1; }
luahas() { lua5.4 -e "require'$1'" >/dev/null 2>&1; }
pyhas() { $PY -c "import $1" >/dev/null 2>&1; }
# A contestant: prints the command when the test (its first word) holds.
peer() { test=$1; shift; what=$1; shift; "$test" "$what" && printf '%s' "$*"; }
