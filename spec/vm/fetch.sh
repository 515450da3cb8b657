#!/bin/sh
# fetch.sh: fills the lab's cache: Debian's kernel (downloaded, not installed),
# the modules of modules.list with what they depend on, a static busybox.
# Exit status 77: QEMU or the kernel cannot be had here; the reason is on stderr.
#   MOONRIG_VMLAB   the cache (default: .cache beside this script)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${MOONRIG_VMLAB:-$here/.cache}
PATH=$PATH:/sbin:/usr/sbin
want=$(cksum < "$here/modules.list")

unavailable() {
  echo "vmlab: $*" >&2
  exit 77
}

# The package of the newest kernel; the "cloud" one has no USB.
kernel_package() {
  apt-cache depends --important linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-/{print $2; exit}'
}

download() {
  (cd "$tmp" && apt-get download -o APT::Sandbox::User=root "$1" >/dev/null 2>&1) ||
    unavailable "cannot download $1 (apt-get update may help)"
  dpkg -x "$tmp/$1"_*.deb "$tmp/root"
}

# Unpacked here once: a kernel that unpacks itself needs 3 s at each start without KVM.
unpack_kernel() {
  offset=$(LC_ALL=C grep -aboP '\xFD7zXZ\x00' "$1" | head -n 1 | cut -d: -f1)
  tail -c +$((offset + 1)) "$1" | xz -dc --single-stream > "$cache/vmlinux" 2>/dev/null || :
  [ "$(head -c 4 "$cache/vmlinux" | tail -c 3)" = ELF ] || cp "$1" "$cache/vmlinux"
}

copy_modules() {
  from=$tmp/root/lib/modules/$version to=$tmp/modules/lib/modules/$version
  depmod -b "$tmp/root" "$version"
  mkdir -p "$to"
  grep -v '^#' "$here/modules.list" | while read -r name boot; do
    modprobe -d "$tmp/root" -S "$version" --ignore-install --show-depends "$name" |
      awk '$1 == "insmod" {print $2}' | while read -r file; do
        file=${file#*"/lib/modules/$version/"}
        mkdir -p "$to/$(dirname "$file")"
        cp "$from/$file" "$to/$file"
      done
  done
  cp "$from/modules.builtin" "$from/modules.builtin.modinfo" "$from/modules.order" "$to/"
  depmod -b "$tmp/modules" "$version"
  (cd "$tmp/modules" && find . | cpio -o -H newc --quiet) > "$cache/modules.cpio"
}

"$here/../../scripts/deps.sh" vm >&2 || exit 77
[ "$(cat "$cache/stamp" 2>/dev/null)" = "$want" ] && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
package=$(kernel_package)
if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
  apt-get update -qq >/dev/null 2>&1 || :
  package=$(kernel_package)
fi
[ -n "$package" ] || unavailable "no Debian kernel package is known here"
echo "vmlab: fetching $package and busybox-static (once)" >&2
download "$package"
download busybox-static
version=$(basename "$tmp"/root/boot/vmlinuz-*)
version=${version#vmlinuz-}
mkdir -p "$cache"
rm -f "$cache/stamp" "$cache/accel"
unpack_kernel "$tmp/root/boot/vmlinuz-$version"
copy_modules
cp "$(find "$tmp/root" -name busybox -type f -path '*bin*' | head -n 1)" "$cache/busybox"
echo "$version" > "$cache/release"
echo "$want" > "$cache/stamp"
