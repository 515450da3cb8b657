#!/bin/bash
# run.sh: boots a small Linux VM with real tty drivers, runs one command in it,
# streams its output and returns its exit status.
#
#   run.sh [-t SECONDS] [-v] COMMAND
#
# The guest's file system is the host's, read only with throw-away writes on
# top; the command runs as root in this repository.  No privileges are needed
# on the host.  -t: time limit (default 300).  -v: the kernel's console too.
# Exit status: the command's; 77 no QEMU or kernel to be had; 124 past the time
# limit; 125 the VM ended without a status.
set -u
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
cache=${MOONRIG_VMLAB:-$here/.cache}
limit=300 verbose=0
while getopts t:v option; do
  case $option in
  t) limit=$OPTARG ;;
  v) verbose=1 ;;
  *) sed -n '2,/^set/{/^set/!p}' "$0" >&2; exit 64 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || { sed -n '2,/^set/{/^set/!p}' "$0" >&2; exit 64; }

"$here/fetch.sh" || exit
tmp=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# The first file system: busybox, guest/, usbnull, cp2110.  The kernel unpacks archives laid end to end.
make_initrd() {
  local root=$tmp/root
  mkdir -p "$root"/{bin,sbin,proc,sys,dev,tmp,run,lab}
  cp "$cache/busybox" "$here"/guest/* "$root/bin/" && mv "$root/bin/init" "$root/init"
  ${CC:-cc} -O2 -D_GNU_SOURCE -static -o "$root/lab/usbnull" "$here"/usbnull/*.c || return
  ${CC:-cc} -O2 -D_GNU_SOURCE -static -o "$root/lab/cp2110" "$here"/uhid/cp2110.c || return
  printf '%s\n' "$1" > "$root/lab/command"
  awk '$2 == "boot" {print $1}' "$here/modules.list" > "$root/lab/modules"
  echo "$repo" > "$root/lab/repo"
  (cd "$root" && find . | cpio -o -H newc --quiet) > "$tmp/lab.cpio" || return
  cat "$cache/modules.cpio" "$tmp/lab.cpio" > "$tmp/initrd"
}

# KVM only where it boots this kernel: asked once, remembered in the cache.
accelerator() {
  local who
  who="$(uname -r) $(cat "$cache/release")"
  if [ "$(sed -n 2p "$cache/accel" 2>/dev/null)" != "$who" ]; then
    { kvm_works && echo kvm || echo tcg; echo "$who"; } > "$cache/accel"
  fi
  head -n 1 "$cache/accel"
}

kvm_works() {
  [ -w /dev/kvm ] || return
  mkdir -p "$tmp/probe/bin"
  cp "$cache/busybox" "$tmp/probe/bin/"
  printf '#!/bin/busybox sh\n/bin/busybox echo kvm-works\n/bin/busybox reboot -f\n' > "$tmp/probe/init"
  chmod +x "$tmp/probe/init"
  (cd "$tmp/probe" && find . | cpio -o -H newc --quiet) > "$tmp/probe.cpio"
  timeout -k 2 12 qemu-system-x86_64 -accel kvm -M q35 -m 256 -nodefaults -display none -no-reboot -serial stdio \
    -kernel "$cache/vmlinux" -initrd "$tmp/probe.cpio" -append 'console=ttyS0 quiet panic=-1' \
    </dev/null 2>/dev/null | grep -q kvm-works
}

# ttyS0 the console, ttyS1 and ttyS2 wired to each other, ttyS4 on PCI with nothing at its end.
machine() {
  local accel=(-accel tcg,tb-size=256 -cpu "Nehalem,+rdrand")
  [ "$(accelerator)" = kvm ] && accel=(-accel kvm)
  exec timeout -k 3 "$limit" qemu-system-x86_64 -M q35 -m 512 "${accel[@]}" -nodefaults -display none -no-reboot \
    -kernel "$cache/vmlinux" -initrd "$tmp/initrd" \
    -append "console=ttyS0 quiet panic=-1 8250.nr_uarts=8 tsc=reliable no_timer_check mitigations=off \
      random.trust_cpu=on nokaslr rdinit=/init" \
    -chardev file,id=console,path="$tmp/console" -device isa-serial,chardev=console,index=0 \
    -chardev socket,id=com1,path="$tmp/com.sock",server=on,wait=off -device isa-serial,chardev=com1,index=1 \
    -chardev socket,id=com2,path="$tmp/com.sock" -device isa-serial,chardev=com2,index=2 \
    -chardev null,id=pci -device pci-serial,chardev=pci \
    -device virtio-serial-pci \
    -chardev file,id=out,path="$tmp/out" -device virtserialport,chardev=out,name=out \
    -chardev file,id=status,path="$tmp/status" -device virtserialport,chardev=status,name=status \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap </dev/null
}

make_initrd "$1" || exit 125
: > "$tmp/status"
: > "$tmp/console"
mkfifo "$tmp/out"
exec 9<>"$tmp/out"              # held open, so that the reader ends when the machine has ended, not before
cat "$tmp/out" 9>&- & reader=$!
machine 9>&- & vm=$!
[ $verbose = 1 ] && { tail -f --pid=$vm "$tmp/console" >&2 & }
wait $vm
code=$?
exec 9>&-
wait $reader
status=$(cat "$tmp/status")
if [ -z "$status" ]; then
  [ $code = 124 ] || [ $code = 137 ] && { echo "vmlab: ran past $limit s" >&2; exit 124; }
  echo "vmlab: the VM ended without a status; the end of its console:" >&2
  tail -n 20 "$tmp/console" >&2
  exit 125
fi
exit "$status"
