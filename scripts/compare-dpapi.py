#!/usr/bin/env python3
"""Holds the DPAPI proofs of iiskeys against impacket: scripts/compare-dpapi.py IISKEYS FOLDER...

Each FOLDER is a drive (`Windows`, `ProgramData`), for example one that the forge writes:

    python3 -m venv /tmp/impacket && /tmp/impacket/bin/pip install impacket
    cargo build -p iiskeys
    cargo run -p iiskeys-fixtures --example protected_machine -- /tmp/clone sysprepped-clone
    /tmp/impacket/bin/python scripts/compare-dpapi.py target/debug/iiskeys /tmp/clone

For every master key that a container names, impacket follows the chain from the hives on its own and tries the current
and the previous secret; the outcome must be what `iiskeys diagnose` says of it. Not part of the tests: they need nothing
but Rust.
"""

import json
import subprocess
import sys
from pathlib import Path

from impacket.dpapi import MasterKey, MasterKeyFile
from impacket.examples.secretsdump import LocalOperations, LSASecrets


def secrets(config: Path) -> dict:
    """The two halves of DPAPI_SYSTEM, current and previous, as impacket finds them."""
    boot_key = LocalOperations(str(config / "SYSTEM")).getBootKey()
    found = {}

    def heard(kind, text):
        lines = dict(line.split(":", 1) for line in text.splitlines() if line.startswith("dpapi_"))
        if lines:
            halves = [bytes.fromhex(lines[name].strip()[2:]) for name in ("dpapi_machinekey", "dpapi_userkey")]
            found["current" if kind == LSASecrets.SECRET_TYPE.LSA else "previous"] = halves

    lsa = LSASecrets(str(config / "SECURITY"), boot_key, isRemote=False, history=True, perSecretCallback=heard)
    order = []
    original = lsa._LSASecrets__printSecret

    def watch(name, item):
        # The current value comes first, the one before it under the same name with a suffix.
        if name.upper().startswith("DPAPI_SYSTEM"):
            order.append((name, bytes(item)))
        original(name, item)

    lsa._LSASecrets__printSecret = watch
    lsa.dumpCachedHashes()
    lsa.dumpSecrets()
    for name, item in order:
        age = "previous" if name.lower().endswith("_history") else "current"
        found[age] = [item[4:24], item[24:44]]
    return found


def opens(file: bytes, halves: list) -> bool:
    header = MasterKeyFile(file)
    key = MasterKey(file[len(header) : len(header) + header["MasterKeyLen"]])
    return any(key.decrypt(half) is not None for half in halves)


def state(file: bytes, known: dict) -> str:
    for age in ("current", "previous"):
        if age in known and opens(file, known[age]):
            return f"{age}-secret"
    return "neither"


def main() -> int:
    program, folders = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    compared = differ = 0
    for folder in folders:
        run = subprocess.run([program, "diagnose", str(folder), "--fail-on", "never"], capture_output=True, check=False)
        report = json.loads(run.stdout)
        known = secrets(folder / "Windows" / "System32" / "config")
        for row in (report["dpapi"] or {"tried": []})["tried"]:
            path = next(file["path"] for file in report["evidence"] if file["id"] == row["evidence"])
            theirs = state((folder / path).read_bytes(), known)
            compared += 1
            if theirs != row["opened"]:
                differ += 1
                print(f"DIFFERS {folder} {row['guid']}: impacket {theirs}, iiskeys {row['opened']}")
    print(f"{compared} master keys compared, {differ} differ")
    return 1 if differ or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
