#!/usr/bin/env bash
# Makes the small disk images that the tests of `disk` and `ntfs` read: scripts/make-test-images.sh
#
# An NTFS volume that mkntfs and ntfs-3g filled, with the digests that its files must have (files.json), and one disk that
# qemu-img and ewfacquire wrote in each format, with its digest (disk.sha256); packed with xz into
# crates/ntfs/tests/images and crates/disk/tests/images. Times differ from run to run, so the images are made once and kept.
#
# Needs root for the mount, and ntfs-3g, qemu-utils, ewf-tools, libwim15, attr, fdisk and xz-utils of Debian.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'umount "$work/mnt" 2>/dev/null || true; rm -rf "$work"' EXIT
ntfs=crates/ntfs/tests/images
disk=crates/disk/tests/images
mkdir -p "$work/mnt" "$ntfs" "$disk"

volume=$work/volume.raw
truncate -s $((12000 * 512)) "$volume"
mkntfs -q -F -f -C -c 1024 -s 512 -p 128 -H 16 -S 63 -L "test volume" "$volume" >/dev/null 2>&1
ntfs-3g -o compression,streams_interface=windows "$volume" "$work/mnt"
python3 scripts/fill_test_volume.py "$work/mnt" "$ntfs/files.json"
umount "$work/mnt"
# A disk with text, noise and holes, whose last chunk is partial and does not compress.
raw=$work/disk.raw
truncate -s $((4 * 1024 * 1024 + 37 * 512)) "$raw"
echo "label: dos
label-id: 0x5eed1e55
start=128, size=8000, type=7" | sfdisk -q "$raw"
for at in 70 300 2048 2112 3500 8100; do
    seq "$at" 9000 | head -c 60000 | dd of="$raw" bs=512 seek="$at" conv=notrunc status=none
done
head -c 3000 /dev/urandom | dd of="$raw" bs=512 seek=$((8192 + 31)) conv=notrunc status=none
truncate -s $((4 * 1024 * 1024 + 37 * 512)) "$raw"
sha256sum "$raw" | cut -d' ' -f1 >"$disk/disk.sha256"

pack() {
    xz -9e -c "$1" >"$2.xz"
}
pack "$volume" "$ntfs/volume.raw"
convert() {
    qemu-img convert -O "$2" "${@:3}" "$raw" "$work/$1"
    pack "$work/$1" "$disk/$1"
}
convert dynamic.vhd vpc -o subformat=dynamic,force_size=on
convert dynamic.vhdx vhdx -o subformat=dynamic,block_size=1M
convert stream.vmdk vmdk -o subformat=streamOptimized
convert sparse.vmdk vmdk -o subformat=monolithicSparse
convert zstd.qcow2 qcow2 -c -o compression_type=zstd
convert subclusters.qcow2 qcow2 -o extended_l2=on,cluster_size=64k
convert dynamic.vdi vdi
for format in encase6 smart; do
    ewfacquire -q -u -f "$format" -c best -S 100MiB -t "$work/$format" "$raw" >/dev/null 2>&1
    for image in "$work/$format".[Es]01; do
        pack "$image" "$disk/$(basename "$image")"
    done
done
du -sh "$ntfs" "$disk"
