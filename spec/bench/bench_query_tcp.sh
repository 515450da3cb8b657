#!/bin/sh
# query_tcp: sequential "*IDN?\n" round trips/s over loopback TCP, client and
# instrument on one CPU (placed freely, the scheduler decides the figure).
. ./lib.sh
responder 0
pin="taskset -c $CPU"
./alt.py --title "query over TCP" --unit "queries/s" --rounds "${ROUNDS:-7}" --json "$OUT/result.json" \
	"raw C send/recv (limit)" "$pin ./bin/cl query 127.0.0.1:$P 20000" \
	"moonrig" "$pin $MOONRIG ours/query.lua socket://127.0.0.1:$P 20000" \
	"Lua 5.4 + lua-socket" "$(peer luahas socket $pin lua5.4 peers/query_luasocket.lua 127.0.0.1 $P 20000)" \
	"Lua 5.4 + luv (coroutine)" "$(peer luahas luv $pin lua5.4 peers/query_luv.lua 127.0.0.1 $P 20000)" \
	"Lua 5.4 + cqueues" "$(peer luahas cqueues $pin lua5.4 peers/query_cqueues.lua 127.0.0.1 $P 20000)" \
	"lxi run (RAW)" "$(peer have lxi env PORT=$P N=20000 $pin lxi run peers/query_lxi.lua)" \
	"Python socket.makefile" "$pin $PY peers/query_sock.py 127.0.0.1 $P 10000" \
	"pyvisa-py TCPIP SOCKET" "$(peer pyhas pyvisa_py $pin $PY peers/query_visa.py TCPIP::127.0.0.1::$P::SOCKET 8000)" \
	"pySerial socket://" "$(peer pyhas serial $pin $PY peers/query.py socket://127.0.0.1:$P 3000)"
