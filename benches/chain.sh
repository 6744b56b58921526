#!/usr/bin/env bash
# Measures what the proof adds to `iiskeys diagnose`: benches/chain.sh
#
# One forged machine with 50 containers that matter (each is opened and tried on every session key), 20 copies of the
# configuration and a master key of 17,400 rounds, as Windows 10 makes them. Compares the diagnosis of the whole machine
# with that of the same files without SECURITY and without the Protect folder, where nothing can be opened. Then with a
# master key of 1 round, which leaves everything of the chain but the key derivation: the difference is its share.
# Wall time by hyperfine, with a warm file cache. Writes to stdout and to benches/results/chain-DATE.md.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v hyperfine >/dev/null || { echo "chain.sh: hyperfine is needed" >&2; exit 2; }
work=${WORK:-$PWD/target/bench-chain}
result=benches/results/chain-$(date -u +%F).md
rm -rf "$work"
mkdir -p "$work" "$(dirname "$result")"

cargo build --release -q -p iiskeys
cargo build --release -q -p iiskeys-fixtures --example protected_machine
iiskeys=$PWD/target/release/iiskeys
forge=$PWD/target/release/examples/protected_machine

"$forge" "$work/whole" chain
"$forge" "$work/cheap" chain 1
for machine in whole cheap; do rm "$work/$machine/secrets.txt"; done
cp -r "$work/whole" "$work/locked"
rm -r "$work/locked/Windows/System32/Microsoft/Protect" "$work/locked/Windows/System32/config/SECURITY"

opened=$("$iiskeys" diagnose "$work/whole" --fail-on never | grep -c '"opened-with-current-secret"' || true)
if [ "$opened" -lt 50 ]; then
    echo "chain.sh: only $opened containers were opened" >&2
    exit 1
fi

median() {
    hyperfine --shell=none --warmup 2 --runs 20 --ignore-failure --style none --export-json "$work/hyperfine.json" \
        "'$iiskeys' diagnose '$1' --fail-on never --no-progress" >/dev/null 2>&1
    sed -n 's/.*"median": \([0-9.]*\).*/\1/p' "$work/hyperfine.json" | head -n 1
}

locked=$(median "$work/locked")
whole=$(median "$work/whole")
cheap=$(median "$work/cheap")
{
    echo "# The proof of 50 containers and 20 copies of the configuration"
    echo
    echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%F); medians of 20 runs in seconds, written by benches/chain.sh."
    echo
    echo "| evidence | diagnosis |"
    echo "| --- | --- |"
    echo "| without SECURITY and Protect: nothing is opened | $locked |"
    echo "| whole: $opened containers are opened | $whole |"
    echo "| whole, with a master key of 1 round | $cheap |"
    echo
    awk -v whole="$whole" -v locked="$locked" -v cheap="$cheap" 'BEGIN {
        printf "The chain adds %.0f ms, of which the key derivation takes %.0f ms.\n", (whole - locked) * 1000, (whole - cheap) * 1000
    }'
} | tee "$result"
