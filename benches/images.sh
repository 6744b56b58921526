#!/usr/bin/env bash
# Measures the complete diagnosis of a disk image against other tools that do a part of it: benches/images.sh [COUNT...]
#
# One MBR disk with one NTFS partition, made by ntfs-3g: a web server with a 200 MB SOFTWARE hive and COUNT (1,000 and
# 100,000 unless told) key containers. In one run, with a warm file cache:
#   iiskeys    the complete diagnosis of the raw image, and of the same disk as VHDX and as E01
#   dissect    dissect.target's Python API, which only opens the image, reads MachineGuid and lists the folder
#   sleuthkit  ifind + icat of the hive, hivexget, and fls of the folder
#   mount      losetup, ntfs-3g, hivexget, ls, umount
# Wall time is the median of RUNS runs (3 unless told), memory the peak of the largest process (GNU time).
#
# Needs root for the mounts, and ntfs-3g, sleuthkit, libhivex-bin, qemu-utils, ewf-tools, fdisk and GNU time of Debian;
# PYTHON names a Python with `pip install dissect.target` (the row is left out where it is missing). WORK names a folder
# with room for some 5 GB; images that are there are used again.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-3}
counts=("$@")
if [ ${#counts[@]} -eq 0 ]; then
    counts=(1000 100000)
fi
work=${WORK:-$PWD/target/bench-images}
python=${PYTHON:-python3}
result=benches/results/images-$(date -u +%F).md
offset=1048576
mkdir -p "$work/mnt" "$(dirname "$result")"
for tool in mkntfs ntfs-3g ifind icat fls hivexget qemu-img ewfacquire sfdisk losetup /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "images.sh: $tool is needed; see the first lines of the script" >&2; exit 2; }
done

cargo build --release -q -p iiskeys
cargo build --release -q -p iiskeys-fixtures --example server_drive
iiskeys=$PWD/target/release/iiskeys

forge() {
    local count=$1 raw=$work/$1.raw loop size=1536
    [ "$count" -lt 50000 ] || size=3072
    rm -rf "$work/drive" "$raw" "$work/$count".{vhdx,E*}
    target/release/examples/server_drive "$work/drive" "$count" 200
    truncate -s "${size}M" "$raw"
    echo "2048,,7" | sfdisk -q "$raw"
    loop=$(losetup -f --show -o "$offset" "$raw")
    mkntfs -q -F -f -s 512 -p 2048 "$loop" >/dev/null 2>&1
    ntfs-3g "$loop" "$work/mnt"
    cp -r "$work/drive/." "$work/mnt/"
    umount "$work/mnt"
    losetup -d "$loop"
    rm -rf "$work/drive"
    qemu-img convert -O vhdx -o subformat=dynamic "$raw" "$work/$count.vhdx"
    ewfacquire -q -u -c fast -f encase6 -S 1500MiB -t "$work/$count" "$raw" >/dev/null 2>&1
    touch "$work/$count.done"
}

cat >"$work/open_and_list.py" <<'PYTHON'
import sys
from dissect.target import Target
target = Target.open(sys.argv[1])
print(target.registry.value("HKLM\\SOFTWARE\\Microsoft\\Cryptography", "MachineGuid").value)
print(len(target.fs.listdir("sysvol/ProgramData/Microsoft/Crypto/RSA/MachineKeys")))
PYTHON

cat >"$work/sleuthkit.sh" <<'SHELL'
set -e
sectors=$(($2 / 512))
icat -o "$sectors" "$1" "$(ifind -o "$sectors" -n /Windows/System32/config/SOFTWARE "$1")" >"$3/SOFTWARE"
hivexget "$3/SOFTWARE" 'Microsoft\Cryptography' MachineGuid
fls -o "$sectors" "$1" "$(ifind -o "$sectors" -n /ProgramData/Microsoft/Crypto/RSA/MachineKeys "$1")" | wc -l
SHELL

cat >"$work/mount.sh" <<'SHELL'
set -e
loop=$(losetup -r -f --show -o "$2" "$1")
ntfs-3g -o ro "$loop" "$3/mnt"
hivexget "$3/mnt/Windows/System32/config/SOFTWARE" 'Microsoft\Cryptography' MachineGuid
ls -U "$3/mnt/ProgramData/Microsoft/Crypto/RSA/MachineKeys" | wc -l
umount "$3/mnt"
losetup -d "$loop"
SHELL

# Median seconds and largest peak in MiB of a command.
measure() {
    : >"$work/times"
    for _ in $(seq "$runs"); do
        local code=0
        /usr/bin/time -q -a -f '%e %M' -o "$work/times" "$@" >/dev/null 2>"$work/stderr" || code=$?
        if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then
            echo "images.sh: $1 ended with exit code $code: $(tail -1 "$work/stderr")" >&2
            return 1
        fi
    done
    sort -n "$work/times" | awk '{ t[NR] = $1; if ($2 > m) m = $2 } END { printf "%.2f | %.0f", t[int((NR + 1) / 2)], m / 1024 }'
}

diagnose() {
    measure "$iiskeys" diagnose "$1" --fail-on never --no-progress
}

bytes_read() {
    "$iiskeys" diagnose "$1" --fail-on never --no-progress -v 2>&1 >/dev/null |
        sed -n 's/.*: \([0-9]*\) bytes were read from disk images.*/\1/p'
}

trap 'rm -f "$result.tmp"' EXIT
{
    echo "# Disk images, $(date -u +%F)"
    echo
    echo "\`iiskeys diagnose\` at $(git describe --always --dirty), $(rustc --version), release build, warm file cache,"
    echo "median of $runs runs. Machine: $(sed -n 's/^model name\t*: //p' /proc/cpuinfo | head -1), $(nproc) cores."
    echo "The others open the image, read MachineGuid and list the folder; \`iiskeys\` makes its complete diagnosis."
    echo
    echo "| containers | what | seconds | peak MiB | bytes read from the image |"
    echo "| ---: | --- | ---: | ---: | ---: |"
    for count in "${counts[@]}"; do
        [ -e "$work/$count.done" ] || forge "$count"
        raw=$work/$count.raw
        for image in "$raw" "$work/$count.vhdx" "$work/$count.E01"; do
            echo "| $count | iiskeys, ${image##*.} | $(diagnose "$image") | $(bytes_read "$image") |"
        done
        if "$python" -c 'import dissect.target' 2>/dev/null; then
            echo "| $count | dissect.target, raw | $(measure "$python" "$work/open_and_list.py" "$raw") | |"
        fi
        echo "| $count | sleuthkit and hivexget, raw | $(measure bash "$work/sleuthkit.sh" "$raw" "$offset" "$work") | |"
        echo "| $count | ntfs-3g mount and hivexget, raw | $(measure bash "$work/mount.sh" "$raw" "$offset" "$work") | |"
    done
} | tee "$result.tmp"
mv "$result.tmp" "$result"
