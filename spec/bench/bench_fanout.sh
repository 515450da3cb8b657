#!/bin/sh
# fanout: N instruments at once, each in a query loop: queries/s together, the
# slowest against the mean (fair=), and the memory of a connection.
. ./lib.sh
responder 0
pin="taskset -c $CPU"
SECS=${SECS:-1}
for N in ${NS:-1 10 100 500}; do
	./alt.py --title "fanout, $N instruments" --unit "queries/s" --rounds "${ROUNDS:-3}" --json "$OUT/n$N.json" \
	"raw C epoll (limit)" "$pin ./bin/cl fan 127.0.0.1:$P $N $SECS" \
	"moonrig" "$pin $MOONRIG ours/fanout.lua socket://127.0.0.1:$P $N $SECS" \
	"Lua 5.4 + luv" "$(peer luahas luv $pin lua5.4 peers/fan_luv.lua 127.0.0.1 $P $N $SECS)" \
	"Lua 5.4 + cqueues" "$(peer luahas cqueues $pin lua5.4 peers/fan_cqueues.lua 127.0.0.1 $P $N $SECS)" \
	"Python asyncio streams" "$pin $PY peers/fan_asyncio.py 127.0.0.1 $P $N $SECS plain" \
	"pyserial-asyncio socket://" "$(peer pyhas serial_asyncio $pin $PY peers/fan_asyncio.py 127.0.0.1 $P $N $SECS serial)" \
	"pySerial socket://, threads" "$(peer pyhas serial $pin $PY peers/fan_threads.py 127.0.0.1 $P $N $SECS)" | tee "$OUT/n$N.md"
done
if [ -f "$OUT/n1.md" ] && [ -f "$OUT/n500.md" ]; then
	echo "### fanout: memory of a connection"
	./rss_per.py 1 "$OUT/n1.md" 500 "$OUT/n500.md"
fi
