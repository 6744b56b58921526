"""Compares the lines of `list_volume` on stdin with what dissect.ntfs reads: compare_ntfs.py VOLUME [OFFSET]"""

import hashlib
import json
import sys

from dissect.ntfs import NTFS
from dissect.ntfs.util import segment_reference
from dissect.util.stream import RangeStream


def walk(ntfs):
    """Yields path and record of every file and folder behind the file system's own."""
    pending = [("", ntfs.mft.get(5))]
    while pending:
        above, folder = pending.pop()
        seen = {}
        for entry in folder.iterdir(ignore_dos=True):
            number = segment_reference(entry.header.FileReference)
            if number < 24:
                continue
            seen[entry.attribute.file_name] = number
        for name, number in seen.items():
            record = ntfs.mft.get(number)
            path = f"{above}/{name}"
            yield path, number, record
            if record.is_dir() and not record.is_reparse_point():
                pending.append((path, record))


def main():
    volume = open(sys.argv[1], "rb")
    offset = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    volume.seek(0, 2)
    ntfs = NTFS(RangeStream(volume, offset, volume.tell() - offset))
    ours = {}
    for line in sys.stdin:
        row = json.loads(line)
        ours[row["path"]] = row
    different = 0
    count = 0
    for path, number, record in walk(ntfs):
        count += 1
        row = ours.pop(path, None)
        if row is None:
            print(f"only dissect has {path}")
            different += 1
            continue
        from dissect.ntfs.c_ntfs import ATTRIBUTE_TYPE_CODE as TYPE

        times = record.attributes[TYPE.STANDARD_INFORMATION][0].attribute.attr
        expected = {
            "record": number,
            "created": times.CreationTime,
            "modified": times.LastModificationTime,
            "changed": times.LastChangeTime,
            "accessed": times.LastAccessTime,
        }
        if not record.is_dir() and not record.is_reparse_point():
            stream = record.open()
            digest = hashlib.sha256()
            size = 0
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
            expected |= {"size": size, "sha256": digest.hexdigest()}
        wrong = {key: (row.get(key), value) for key, value in expected.items() if row.get(key) != value}
        if wrong:
            print(f"{path}: {wrong}")
            different += 1
    for path in ours:
        print(f"only list_volume has {path}")
        different += 1
    print(f"{count} files and folders compared, {different} differ", file=sys.stderr)
    return 1 if different or not count else 0


if __name__ == "__main__":
    sys.exit(main())
