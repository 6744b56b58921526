"""Fills a mounted NTFS volume with one file of every kind: fill_test_volume.py MOUNT FILES_JSON

Writes what each file must read as to FILES_JSON. Compressed by Windows' overlay filter means: a reparse point and a
stream, which ntfs-3g stores as they are; the chunks come from libwim, an independent compressor.
"""

import ctypes
import hashlib
import json
import os
import random
import struct
import sys

mount, out = sys.argv[1:]
rng = random.Random(20261121)
expected = {}


WORDS = [bytes(rng.choices(b"abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(120)]
# The same text and noise again and again: the image is packed for the project.
TEXT = b" ".join(rng.choices(WORDS, k=9000))
NOISE = rng.randbytes(32768)


def text(size):
    return (TEXT * (size // len(TEXT) + 1))[:size]


def write(path, data, expect=True):
    full = os.path.join(mount, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as file:
        file.write(data)
    if expect:
        note(path, data)
    return full


def note(path, data):
    expected[path] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def attributes(path, value):
    os.setxattr(path, "system.ntfs_attrib", struct.pack("<I", value))


# Resident, empty, non-resident, many names.
write("empty", b"")
write("resident.txt", b"a small file lives in its record")
write("plain.bin", NOISE[:5000] + text(30000))
for number in range(700):
    write(f"many/entry-{number * 7919 % 700:04}-with-a-long-name.txt", b"%d" % number, expect=number % 50 == 0)
write("names/ünïcödé ß Ǆ.txt", b"beyond ASCII")
write("names/漢字かな.txt", b"beyond Latin")
write("names/UPPER lower.TXT", b"case")

# A hole in the middle, with data on both sides.
data = text(9000) + bytes(200_000) + text(7000)
full = write("sparse.bin", b"")
with open(full, "wb") as file:
    file.write(data[:9000])
    file.seek(209_000)
    file.write(data[209_000:])
note("sparse.bin", data)

# Two names of one file, and a second stream.
data = text(4000)
full = write("links/first", data)
os.link(full, os.path.join(mount, "links/second"))
note("links/second", data)
with open(full + ":stream", "wb") as file:
    file.write(b"beside the data")

# Fragments: two files that grow in turns.
one, two = write("fragments/one", b""), write("fragments/two", b"")
parts = {one: b"", two: b""}
for _ in range(60):
    for full in (one, two):
        piece = text(1100 + len(parts[full]) % 300)
        with open(full, "ab", buffering=0) as file:
            file.write(piece)
            os.fsync(file.fileno())
        parts[full] += piece
note("fragments/one", parts[one])
note("fragments/two", parts[two])

# LZNT1: the folder is compressed, its files follow.
os.makedirs(os.path.join(mount, "lznt1"))
attributes(os.path.join(mount, "lznt1"), 0x800)
write("lznt1/text.txt", text(70_000))
write("lznt1/mixed.bin", text(20_000) + NOISE[:12_000] + bytes(70_000) + text(5_000))

# The overlay filter.
wim = ctypes.CDLL("libwim.so.15")
wim.wimlib_compress.restype = ctypes.c_size_t
wim.wimlib_compress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
for name, kind, algorithm, chunk in [
    ("xpress4k", 1, 0, 4096),
    ("lzx", 2, 1, 32768),
    ("xpress8k", 1, 2, 8192),
    ("xpress16k", 1, 3, 16384),
]:
    data = text(40_960) + NOISE[:8192] + bytes(10_000) + text(3_333)
    compressor = ctypes.c_void_p()
    assert wim.wimlib_create_compressor(kind, ctypes.c_size_t(chunk), 50, ctypes.byref(compressor)) == 0
    chunks = []
    for at in range(0, len(data), chunk):
        piece = data[at : at + chunk]
        room = ctypes.create_string_buffer(len(piece))
        size = wim.wimlib_compress(piece, len(piece), room, len(piece) - 1, compressor)
        chunks.append(room.raw[:size] if size else piece)
    ends = [sum(map(len, chunks[: n + 1])) for n in range(len(chunks) - 1)]
    stream = b"".join(struct.pack("<I", end) for end in ends) + b"".join(chunks)
    path = f"wof/{name}.txt"
    full = write(path, b"", expect=False)
    with open(full, "wb") as file:
        file.truncate(len(data))
    with open(full + ":WofCompressedData", "wb") as file:
        file.write(stream)
    reparse = struct.pack("<IHH", 0x80000017, 16, 0) + struct.pack("<IIII", 1, 2, 1, algorithm)
    os.setxattr(full, "system.ntfs_reparse_data", reparse)
    note(path, data)

# What is named and never read as zeros: a placeholder of a cloud and a deduplicated file.
for name, tag in [("cloud", 0x9000601A), ("dedup", 0x80000013)]:
    full = write(f"elsewhere/{name}.bin", b"", expect=False)
    with open(full, "wb") as file:
        file.truncate(5000)
    os.setxattr(full, "system.ntfs_reparse_data", struct.pack("<IHH", tag, 8, 0) + bytes(8))

# A junction and a symbolic link of Windows.
os.makedirs(os.path.join(mount, "junction"))
target, shown = "\\??\\C:\\links".encode("utf-16-le"), "C:\\links".encode("utf-16-le")
body = struct.pack("<HHHH", 0, len(target), len(target) + 2, len(shown)) + target + b"\0\0" + shown + b"\0\0"
reparse = struct.pack("<IHH", 0xA0000003, len(body), 0) + body
os.setxattr(os.path.join(mount, "junction"), "system.ntfs_reparse_data", reparse)

# Deleted.
write("deleted/gone.txt", text(600), expect=False)
write("deleted/kept.txt", b"still here")
os.remove(os.path.join(mount, "deleted/gone.txt"))

with open(out, "w") as file:
    json.dump(expected, file, indent=1, sort_keys=True, ensure_ascii=False)
    file.write("\n")
