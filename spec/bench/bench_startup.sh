#!/bin/sh
# startup: wall ms and peak memory of a process that does nothing, and of one
# query by a process of its own.
. ./lib.sh
responder 1
T=$(readlink -f "$OUT/pty0")
: >"$OUT/empty.lua"
printf 'require "moonrig"' >"$OUT/ours.lua"
printf 'local d=(lxi_connect or connect)("127.0.0.1",%d,"inst0",2000,"RAW") print((lxi_scpi or scpi)(d,"*IDN?"))' "$P" >"$OUT/one.lua"
printf 'import serial\ns=serial.serial_for_url("socket://127.0.0.1:%d",timeout=2)\ns.write(b"*IDN?\\n")\nprint(s.readline())\n' "$P" >"$OUT/one.py"
printf 'local s=require"socket".connect("127.0.0.1",%d) s:send("*IDN?\\n") print(s:receive("*l"))' "$P" >"$OUT/one_ls.lua"
R=${ROUNDS:-15}
./alt.py --title "start and end" --wall --low --unit "wall ms" --warm 2 --rounds "$R" --json "$OUT/startup.json" \
	"/bin/true (limit)" /bin/true \
	"moonrig, require moonrig" "$MOONRIG $OUT/ours.lua" \
	"lua5.4 -e ''" "lua5.4 -e ''" \
	"lua5.4, require socket" "$(peer luahas socket lua5.4 -lsocket -e "''")" \
	"lua5.4, require cqueues" "$(peer luahas cqueues lua5.4 -lcqueues -e "''")" \
	"lxi run empty.lua" "$(peer have lxi lxi run $OUT/empty.lua)" \
	"tio --version" "$(peer have tio tio --version)" \
	"python3 -c 'import serial'" "$(peer pyhas serial $PY -c "'import serial'")"
./alt.py --title "one query by one process, TCP" --wall --low --unit "wall ms" --warm 2 --rounds "$R" --json "$OUT/oneshot.json" \
	"C (limit)" "./bin/cl once 127.0.0.1:$P 1" \
	"moonrig" "$MOONRIG ours/once.lua socket://127.0.0.1:$P" \
	"lua5.4 + lua-socket" "$(peer luahas socket lua5.4 $OUT/one_ls.lua)" \
	"lxi run" "$(peer have lxi lxi run $OUT/one.lua)" \
	"pySerial socket://" "$(peer pyhas serial $PY $OUT/one.py)"
./alt.py --title "one query by one process, tty" --wall --low --unit "wall ms" --warm 2 --rounds "$R" --json "$OUT/oneshot_tty.json" \
	"C (limit)" "./bin/cl once $T 1" \
	"moonrig" "$MOONRIG ours/once.lua $T?baudrate=115200" \
	"echo into tio -r" "$(peer have tio "sh -c 'echo *IDN? | tio -r --mute --response-timeout 2000 $T'")"
