#!/bin/sh
# bulk: MB/s over loopback TCP.  read = what comes, lines = the same as 64-byte
# lines, sink = writes of 4096, echo = 4096 out, 4096 back.
. ./lib.sh
responder 0
pin="taskset -c $CPU"
M=$((64 * 1024 * 1024))
for mode in ${MODES:-read lines sink echo}; do
	S=$M; SL=$M
	[ "$mode" = lines ] && SL=$((M / 128))                # pySerial readline is that slow
	[ "$mode" = echo ] && S=$((M / 2)) && SL=$((M / 4))
	lim=$mode; [ "$mode" = read ] && lim=read64           # buffering 64 KiB is allowed
	./alt.py --title "bulk $mode" --unit "MB/s" --rounds "${ROUNDS:-5}" --json "$OUT/$mode.json" \
	"raw C (limit)" "$pin ./bin/cl $lim 127.0.0.1:$P $S" \
	"moonrig" "$pin $MOONRIG ours/bulk.lua socket://127.0.0.1:$P $mode $S" \
	"Lua 5.4 + lua-socket" "$(peer luahas socket $pin lua5.4 peers/bulk_luasocket.lua 127.0.0.1 $P $mode $S)" \
	"Lua 5.4 + cqueues" "$(peer luahas cqueues $pin lua5.4 peers/bulk_cqueues.lua 127.0.0.1 $P $mode $S)" \
	"Python socket.makefile" "$pin $PY peers/bulk.py sock socket://127.0.0.1:$P $mode $S" \
	"pySerial socket://" "$(peer pyhas serial $pin $PY peers/bulk.py pyserial socket://127.0.0.1:$P $mode $SL)"
done
