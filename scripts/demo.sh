#!/bin/sh
# demo.sh: `make demo`: simulated instruments in processes of their own, behind TCP ports and a serial
# port that a bridge serves by RFC 2217, and a final test against them.  The record and the reports go to out/; every run
# is added to the same record.  The exit code is the verdict.
#   scripts/demo.sh [SERIAL]
set -eu
cd "$(dirname "$0")/.."
moonrig=${MOONRIG:-build/moonrig}
out=${OUT:-out}
serial=${1:-PSU4711}

work=$(mktemp -d)
pids=
stop() {
	[ -z "$pids" ] || kill $pids 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

# serve FD COMMAND ARG...: starts `moonrig COMMAND`; its URL is then in $url.  It lives in a session of its own, so
# that a Ctrl-C does not take it away from the teardown, and its output, the file descriptor, stays open.
serve() {
	fd=$1
	shift
	mkfifo "$work/$fd"
	setsid "$moonrig" "$@" >"$work/$fd" &
	pids="$pids $!"
	eval "exec $fd<\"\$work/$fd\""
	read -r url <&"$fd" || { echo "demo.sh: moonrig $* did not start" >&2; exit 2; }
}

serve 3 sim examples/sims/psu.lua --listen socket://127.0.0.1:0
psu=$url
serve 4 sim examples/sims/dmm.lua --listen socket://127.0.0.1:0 -- --supply "$psu" --load 10
dmm=$url
serve 5 sim examples/sims/dut.lua --listen pty:
serve 6 bridge "$url" --listen rfc2217://127.0.0.1:0 --control "$work/control" --quiet
console=$url

mkdir -p "$out"
cat >"$work/station.lua" <<EOS
-- Made by scripts/demo.sh; examples/station.lua is one to start from.
return {
  name = "demo",
  instruments = {
    psu = { url = "$psu", simulated = true, idn = "^MOONRIG,PSU%-", safe_state = { "VOLT 0", "OUTP OFF" } },
    dmm = { url = "$dmm", simulated = true, idn = "^MOONRIG,DMM%-" },
    console = { url = "$console", simulated = true, driver = "port", options = { baudrate = 115200 } },
  },
}
EOS
"$moonrig" test examples/psu_final.lua --dut "$serial" --station "$work/station.lua" --results "$out/demo.db" \
	--report "html=$out/demo.html" --report "junit=$out/demo.xml"
