#!/bin/sh
# all.sh: every benchmark, into out/report.md.  ROUNDS=1 for a short form.
cd "$(dirname "$0")" || exit 1
mkdir -p out
: >out/report.md
for b in bench_*.sh; do
	./"$b" | tee -a out/report.md || exit 1
done
# A short form proves only that every contestant of ours runs.
if grep -q '^| moonrig.* failed' out/report.md; then
	echo "bench: moonrig failed in a benchmark (see above)" >&2
	exit 1
fi
echo "bench: the tables are in spec/bench/out/report.md"
