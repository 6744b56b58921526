#!/usr/bin/env bash
# Compares the image readers with independent tools: scripts/compare-images.sh [FOLDER]
#
# One disk of random and empty areas is written by qemu-img and ewfacquire in every format that they know, and each is
# read back in full and in 3,000 random pieces; the digests must be those of the raw disk. Then an NTFS volume that
# mkntfs and ntfs-3g made is listed and compared with dissect.ntfs: names, times, sizes and digests of all files.
#
# Needs qemu-utils, ewf-tools, xz-utils and ntfs-3g of Debian (the volume also root, for the mount), and for the second
# part PYTHON, a Python with `pip install dissect.ntfs`. FOLDER takes some 2 GB and is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${1:-$PWD/target/compare-images}
python=${PYTHON:-python3}
rm -rf "$work"
mkdir -p "$work/mnt"
cargo build --release -q -p iiskeys-disk --example image_digest
cargo build --release -q -p iiskeys-ntfs --example list_volume
digest=$PWD/target/release/examples/image_digest
list=$PWD/target/release/examples/list_volume
failed=0

# 200 MiB and 36 sectors: no multiple of a chunk, cluster or block of any format.
raw=$work/disk.raw
truncate -s $((200 * 1024 * 1024 + 36 * 512)) "$raw"
for at in 0 1 7 33 64 65 100 150 199; do
    dd if=/dev/urandom of="$raw" bs=1M count=1 seek="$at" conv=notrunc status=none
    { yes "block $at of the disk" || true; } 2>/dev/null | head -c 700001 | dd of="$raw" bs=1 seek=$((at * 1048576 + 1200000)) conv=notrunc status=none oflag=seek_bytes bs=64K
done
# The last text goes beyond the end, and formats with sectors would round its odd length up.
truncate -s $((200 * 1024 * 1024 + 36 * 512)) "$raw"
dd if=/dev/urandom of="$raw" bs=512 count=36 seek=$((200 * 2048)) conv=notrunc status=none
# A disk and not a heap of bytes: an MBR whose one partition, at 10 MiB, holds the NTFS volume of the tests.
{
    printf '\x80\x20\x21\x00\x07\xfe\xff\xff\x00\x50\x00\x00\xe0\x2e\x00\x00'
    head -c 48 /dev/zero
    printf '\x55\xaa'
} | dd of="$raw" bs=66 seek=446 oflag=seek_bytes conv=notrunc iflag=fullblock status=none
xz -dc crates/ntfs/tests/images/volume.raw.xz | dd of="$raw" bs=1M seek=10 conv=notrunc iflag=fullblock status=none

expected=$("$digest" "$raw")
check() {
    local got
    if ! got=$("$digest" "$1" 2>"$work/stderr"); then
        echo "FAILED  $2: $(tail -1 "$work/stderr")"
        failed=1
    elif [ "$got" != "$expected" ]; then
        echo "DIFFERS $2"
        failed=1
    else
        echo "same    $2"
    fi
}

convert() {
    local name=$1 format=$2
    shift 2
    qemu-img convert -O "$format" "$@" "$raw" "$work/$name"
    check "$work/$name" "qemu-img $format $*"
}
split -b 30M -a 3 --numeric-suffixes=1 "$raw" "$work/split."
check "$work/split.001" "split raw"
convert a.vhd vpc -o subformat=dynamic,force_size=on
convert b.vhd vpc -o subformat=fixed,force_size=on
convert a.vhdx vhdx -o subformat=dynamic
convert b.vhdx vhdx -o subformat=fixed
convert c.vhdx vhdx -o subformat=dynamic,block_size=1M
convert a.vmdk vmdk -o subformat=monolithicSparse
convert b.vmdk vmdk -o subformat=monolithicFlat
convert c.vmdk vmdk -o subformat=twoGbMaxExtentSparse
convert d.vmdk vmdk -o subformat=twoGbMaxExtentFlat
convert e.vmdk vmdk -o subformat=streamOptimized
convert a.qcow2 qcow2
convert b.qcow2 qcow2 -o compat=0.10
convert c.qcow2 qcow2 -c
convert d.qcow2 qcow2 -c -o compression_type=zstd
convert e.qcow2 qcow2 -o extended_l2=on,cluster_size=128k
convert f.qcow2 qcow2 -o cluster_size=512
convert g.qcow2 qcow2 -o cluster_size=2M
convert a.vdi vdi
convert b.vdi vdi -o static=on

# Overlays: the disk as a base below an empty child, then below one that changes it.
overlay() {
    local name=$1 format=$2
    qemu-img create -q -f "$format" -b "$name.base" -F "$format" "$work/$name" >/dev/null
    check "$work/$name" "$format on top of $format"
}
for pair in qcow2:qcow2 vmdk:vmdk; do
    format=${pair%%:*}
    qemu-img convert -O "$format" "$raw" "$work/overlay.$format.base"
    overlay "overlay.$format" "$format"
    # Written over in the child: the raw disk with the same change is what must be read.
    qemu-io -f "$format" -c "write -P 0x5a 40M 3M" -c "write -P 0xa5 70000k 77k" "$work/overlay.$format" >/dev/null
    qemu-img convert -O raw "$work/overlay.$format" "$work/changed.raw"
    kept=$expected
    expected=$("$digest" "$work/changed.raw")
    check "$work/overlay.$format" "$format overlay with changes"
    expected=$kept
done

# libewf asks for whole sectors only; the disk has them.
for format in encase2 encase3 encase4 encase5 encase6 encase7 ftk linen5 linen6 linen7 smart; do
    for level in none fast best; do
        name=$format-$level
        ewfacquire -q -u -f "$format" -c "$level" -S 25MiB -t "$work/$name" "$raw" >/dev/null 2>&1 || continue
        first=$(ls "$work/$name".[Es]01)
        check "$first" "ewfacquire $format $level"
        rm -f "$work/$name".*
    done
done

if [ "$(id -u)" -eq 0 ] && command -v ntfs-3g >/dev/null && "$python" -c 'import dissect.ntfs' 2>/dev/null; then
    for options in "-c 4096" "-c 512" "-c 65536" "-C -c 4096" "-s 4096 -c 4096"; do
        volume=$work/volume.raw
        rm -f "$volume"
        truncate -s 300M "$volume"
        # shellcheck disable=SC2086
        mkntfs -q -F -f $options "$volume" >/dev/null 2>&1 || { echo "skipped mkntfs $options"; continue; }
        ntfs-3g -o compression "$volume" "$work/mnt"
        mkdir -p "$work/mnt/many" "$work/mnt/deep/er/and/deeper"
        seq 1 3000 | while read -r n; do echo "file $n" >"$work/mnt/many/file-$n.txt"; done
        cp /usr/bin/bash /etc/services "$work/mnt/deep/er/"
        head -c 3000000 /dev/urandom >"$work/mnt/deep/random"
        truncate -s 40M "$work/mnt/sparse"
        printf end | dd of="$work/mnt/sparse" bs=1 seek=20000000 conv=notrunc status=none
        ln "$work/mnt/deep/random" "$work/mnt/hard link"
        echo unicode >"$work/mnt/deep/ünïcödé ß 漢字"
        umount "$work/mnt"
        if "$list" "$volume" | "$python" scripts/compare_ntfs.py "$volume"; then
            echo "same    mkntfs $options"
        else
            echo "DIFFERS mkntfs $options"
            failed=1
        fi
    done
else
    echo "skipped the NTFS volumes: they need root, ntfs-3g and a Python with dissect.ntfs"
fi
exit "$failed"
