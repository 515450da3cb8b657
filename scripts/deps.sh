#!/bin/sh
# deps.sh: the Debian packages that moonrig needs, by purpose, and the only list of them.
#   scripts/deps.sh PURPOSE...      build, test, pdf, fuzz, lint, bench, vm
# Installs what is missing when run by root; otherwise names it in one line and fails.
# Quick when everything is there.
set -eu

build="gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev lua-argparse libevent-dev libsqlite3-dev libpcre2-dev libssl-dev"
test="gensio-bin lua-busted lua-check lua-filesystem lxi-tools openssl python3-serial python3-junitparser python3-jsonschema
	python3-scipy python3-statsmodels qrencode ser2net sqlite3 socat
	poppler-utils tshark weasyprint libxml2-utils procps strace tmux valgrind"
pdf="chromium qrencode"
fuzz="clang libclang-rt-dev"
lint="clang-tidy"
bench="tio lxi-tools python3 python3-serial python3-serial-asyncio python3-pyvisa python3-pyvisa-py lua-socket lua-cqueues lua-luv
	ser2net gensio-bin libgensio-dev socat"
vm="qemu-system-x86 cpio xz-utils kmod"

want=
for purpose; do
	case $purpose in
	build | test | pdf | fuzz | lint | bench | vm) eval "want=\"\$want \$$purpose\"" ;;
	*) echo "deps.sh: unknown purpose $purpose (build, test, pdf, fuzz, lint, bench, vm)" >&2; exit 64 ;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: this is not Debian; the build needs what is in these packages:$want" >&2
	exit 0
fi

installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' $want 2>/dev/null || true)"
missing=
for package in $want; do
	case $installed in
	*" installed=$package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "moonrig needs packages that are missing; as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(apt-get update -q 2>&1 </dev/null &&
	apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=300 $missing 2>&1 </dev/null) ||
	{ echo "$log" >&2; echo "deps.sh: could not install$missing" >&2; exit 1; }
