#!/bin/sh
# query_pty: sequential "*IDN?\n" round trips/s on a pseudo-terminal whose other
# end is the instrument.  Compare the best rounds: a kernel worker is in between.
. ./lib.sh
responder 1
pin="taskset -c $CPU"
T=$(readlink -f "$OUT/pty0")
./alt.py --title "query over a pty" --unit "queries/s" --rounds "${ROUNDS:-7}" --json "$OUT/result.json" \
	"raw C termios (limit)" "$pin ./bin/cl query $T 20000" \
	"moonrig" "$pin $MOONRIG ours/query.lua $T?baudrate=115200 20000" \
	"Lua 5.4 io (tty already raw)" "sh -c 'stty -F $T raw -echo min 1 time 0; exec $pin lua5.4 peers/query_luaio.lua $T 20000'" \
	"Lua 5.4 + luv pipe_open (coroutine)" "$(peer luahas luv $pin lua5.4 peers/query_luv_tty.lua $T 20000)" \
	"pyvisa-py ASRL" "$(peer pyhas pyvisa_py $pin $PY peers/query_visa.py ASRL$T::INSTR 2000)" \
	"pySerial device" "$(peer pyhas serial $pin $PY peers/query.py $T 3000)"
