#!/bin/sh
# specs.sh: runs each spec file in a process of its own, on each build folder named, then luacheck.
#   scripts/specs.sh BUILD...              environment: SPECS="FILE..." (default: all), JOBS (default: 1)
# A spec fails too when it crashes, hangs, draws a sanitizer report, or leaves a process or a
# file in $TMPDIR behind.  The last line is "N passed, N failed"; the exit code is 0 only if
# something passed and nothing failed.
# Specs get: MOONRIG, the program under test; MOONRIG_SAN, set when that is a sanitizer build.
set -u
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL

seconds() { date +%s.%N; }

# Processes whose environment says that they come from this spec; they get a second to end.
left_processes() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pids=$(grep -lsa "MOONRIG_SPEC=$1" /proc/[0-9]*/environ | tr -dc '0-9\n')
		[ -n "$pids" ] || return 0
		sleep 0.1
	done
	for pid in $pids; do
		echo "left behind: process $pid: $(tr '\0' ' ' < "/proc/$pid/cmdline")"
		kill -9 "$pid"
	done 2>/dev/null
}

left_files() {
	find "$1" -mindepth 1 -maxdepth 1 | sed 's/^/left behind: file /'
	rm -rf "$1"
}

# one DIR BUILD FILE: appends "PASSED FAILED" to DIR/counts, prints a line, and the log of a failure.
one() {
	dir=$1 build=$2 file=$3
	work=$(mktemp -d "$dir/XXXXXX") log=$work.log
	began=$(seconds)
	MOONRIG_SPEC=$work TMPDIR=$work ASAN_OPTIONS="exitcode=99:log_path=$work.san" UBSAN_OPTIONS=print_stacktrace=1 \
		MOONRIG="$PWD/$build/moonrig" timeout -k 5 120 "$build/moonrig" spec/run.lua "$file" >"$log" 2>&1 </dev/null
	code=$?
	counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
	passed=${counts% *} failed=${counts#* }
	[ -n "$counts" ] || passed=0 failed=0
	more=$(left_processes "$work"; left_files "$work"; cat "$work".san.* 2>/dev/null)
	if [ "$code" = 124 ] || [ "$code" = 137 ]; then more="$more
not done after 120 s"; fi
	if [ "$failed" = 0 ] && { [ "$code" != 0 ] || [ -z "$counts" ] || [ -n "$more" ]; }; then
		failed=1
	fi
	echo "$passed $failed" >>"$dir/counts"
	printf '%-50s %3d passed%s  %.1f s\n' "$build $file" "$passed" "$([ "$failed" = 0 ] || echo ", $failed FAILED")" \
		"$(echo "$(seconds) $began" | awk '{ print $1 - $2 }')"
	if [ "$failed" != 0 ]; then
		cat "$log"
		[ -z "$more" ] || echo "$more"
		echo "(exit code $code)"
	fi
}

if [ "$1" = --one ]; then
	shift
	one "$@"
	exit 0
fi

dir=$(mktemp -d /tmp/moonrig.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
specs=${SPECS:-$(find spec -name '*_spec.lua' ! -path 'spec/vm/*' ! -path 'spec/bench/*' | sort)}
for build; do
	[ -x "$build/moonrig" ] || { echo "specs.sh: $build/moonrig is missing" >&2; exit 1; }
	case $build in *asan*) export MOONRIG_SAN=1 ;; esac
	for file in $specs; do echo "$dir $build $file"; done | xargs -P "${JOBS:-1}" -n 3 "$0" --one
done
if [ -z "${SPECS:-}" ]; then
	if luacheck -q --no-color . >"$dir/luacheck"; then
		echo "1 0" >>"$dir/counts"
	else
		cat "$dir/luacheck"
		echo "0 1" >>"$dir/counts"
	fi
fi
awk '{ passed += $1; failed += $2 } END { print passed + 0 " passed, " failed + 0 " failed"; exit failed || !passed }' \
	"$dir/counts" 2>/dev/null
