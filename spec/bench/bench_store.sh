#!/bin/sh
# store: measurements/s that are on the disk when the call returns: a commit and an fdatasync for each.  The limit is
# SQLite's C API with the same tables, settings and transactions (a record that moonrig has made).  Disks have moods:
# many short rounds.  Beside it the same in memory, where fdatasync costs nothing: what the callers add themselves.
. ./lib.sh
R=${ROUNDS:-15}
MEMORY=$(mktemp -d /dev/shm/bench_store.XXXXXX) || exit 1
trap 'rm -rf "$MEMORY"; cleanup' EXIT
pin="taskset -c $CPU"
"$MOONRIG" ours/store.lua "$MEMORY/new.db" 0 || exit 1
# fresh FOLDER NAME COMMAND: the command after a new record was put at FOLDER/NAME
fresh() { printf "sh -c 'rm -f %s*; cp %s %s; exec $pin %s'" "$1/$2" "$MEMORY/new.db" "$1/$2" "$3"; }
# table TITLE FOLDER N [PER]
table() {
	title=$1 at=$2 n=$3 per=${4:-}
	./alt.py --title "$title" --unit "measurements/s" --warm 1 --rounds "$R" \
		"SQLite's C API (limit)" "$(fresh "$at" c.db "./bin/store $at/c.db $n $per")" \
		"moonrig, Phase:measurement" "$(fresh "$at" o.db "$MOONRIG ours/store.lua $at/o.db $n $per")" \
		"moonrig test, t:measure" "$([ -z "$per" ] ||
			fresh "$at" t.db "env N=$n PER=$per $MOONRIG test ours/store_test.lua --dut SN1 --results $at/t.db 2>&1 >/dev/null")" \
		"Python sqlite3" "$(fresh "$at" p.db "$PY peers/store.py $at/p.db $n $per")"
}
table "measurements, each durable" "$OUT" 2000
table "measurements, each durable, in phases of 20" "$OUT" 2000 20
table "in memory" "$MEMORY" 20000
table "in memory, in phases of 20" "$MEMORY" 20000 20
rm -f "$OUT"/*.db*
