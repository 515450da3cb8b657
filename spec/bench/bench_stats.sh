#!/bin/sh
# stats: moonrig stats over a record of RUNS runs (100,000) with 20 measurements each, against the bare SQL that counts
# the first runs and groups the measurements by name, unit and limits (count, mean, sum of squares): less than stats does,
# and as fast as SQLite does it.  And reports: of one run in that record, and of the last RUNS / 20 of them.  One CPU;
# the file is in the page cache.
. ./lib.sh
RUNS=${RUNS:-100000}
DB=$OUT/stats.db
"$MOONRIG" ours/stats_record.lua "$DB" "$RUNS" 20 || exit 1
cat >"$OUT/bare.py" <<'END'
import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
yields = """WITH h AS (SELECT procedure.name AS procedure, outcome,
    row_number() OVER (PARTITION BY procedure.name, unit ORDER BY started_at, num) AS place
  FROM run JOIN run_end ON run_end.run = run.num JOIN procedure ON procedure.id = run.procedure
  WHERE mode = 'production' AND simulated = 0)
  SELECT procedure, count(*), sum(outcome = 'PASS') FROM h WHERE place = 1 GROUP BY procedure"""
groups = """SELECT m.name, m.unit, limit_min, limit_max, count(*), avg(m.num), sum(m.num * m.num)
  FROM measurement m JOIN run ON run.num = m.run WHERE mode = 'production' AND simulated = 0 %s GROUP BY 1, 2, 3, 4"""
one = sys.argv[2:]
db.execute(yields).fetchall()
print(len(db.execute(groups % ("AND m.name = ?" if one else ""), one).fetchall()))
END
R=${ROUNDS:-5}
pin="taskset -c $CPU"
./alt.py --title "statistics of $RUNS runs of 20 measurements" --wall --low --unit "wall ms" --warm 1 --rounds "$R" \
	--json "$OUT/stats.json" \
	"bare SQL (limit)" "$pin $PY $OUT/bare.py $DB" \
	"moonrig stats" "$pin $MOONRIG stats $DB" \
	"moonrig stats --html" "$pin $MOONRIG stats $DB --html $OUT/stats.html"
./alt.py --title "the same, one measurement" --wall --low --unit "wall ms" --warm 1 --rounds "$R" --json "$OUT/one.json" \
	"bare SQL (limit)" "$pin $PY $OUT/bare.py $DB v_07" \
	"moonrig stats --measurement" "$pin $MOONRIG stats $DB --measurement v_07"
for n in 100 1000; do
	"$MOONRIG" ours/store.lua "$DB" $n 20 >/dev/null || exit 1
	set -- "sqlite3 -json, the rows" \
		"$(peer have sqlite3 "$pin sqlite3 -json $DB 'SELECT * FROM measurement WHERE run = (SELECT max(num) FROM run)'")"
	for format in text json csv html; do
		set -- "$@" "moonrig report --format $format" "$pin $MOONRIG report --results $DB --last --format $format"
	done
	./alt.py --title "a report of one run of $n measurements" --wall --low --unit "wall ms" --warm 1 --rounds "$R" "$@"
done
set --
for format in csv json; do
	for n in $((RUNS / 200)) $((RUNS / 20)); do
		set -- "$@" "moonrig report --format $format --last $n" \
			"$pin $MOONRIG report --results $DB --last $n --format $format -o /dev/null"
	done
done
./alt.py --title "a report of many runs of 20: it is the memory that counts" --wall --low --unit "wall ms" --rounds "$R" "$@"
rm -f "$DB" "$DB-wal" "$DB-shm"
