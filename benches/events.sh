#!/usr/bin/env bash
# Measures the skim of an event log: benches/events.sh [EVENTS]
#
# Forges a System.evtx of that many events (400,000 unless told, some 110 MB), one in a thousand of which is wanted, and
# an .evt of the same events. Compares with a dump to JSON by the `evtx` crate alone. Each with a warm file cache: wall
# time (hyperfine where it is installed, else the median of 5 runs) and peak memory (GNU time). Writes a table to stdout
# and to benches/results/events-DATE.md. WORK names the folder for the logs; what is there is used again.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=5
events=${1:-400000}
work=${WORK:-$PWD/target/bench-events}
result=benches/results/events-$(date -u +%F).md
mkdir -p "$work" "$(dirname "$result")"
if [ ! -x /usr/bin/time ]; then
    echo "events.sh: /usr/bin/time is needed to measure memory; install GNU time" >&2
    exit 2
fi

cargo build --release -q -p iiskeys-core --example skim_log
cargo build --release -q -p iiskeys-fixtures --example event_log
skim=$PWD/target/release/examples/skim_log
for form in evtx evt; do
    log=$work/$events.$form
    if [ ! -e "$log" ]; then
        target/release/examples/event_log "$log.part" "$events" "$form"
        mv "$log.part" "$log"
    fi
done

# One run; prints wall seconds and peak KiB.
once() {
    /usr/bin/time -q -f '%e %M' -o "$work/time.txt" "$skim" "$@" >/dev/null 2>&1
    cat "$work/time.txt"
}

median_seconds() {
    if command -v hyperfine >/dev/null; then
        local words
        words=$(printf "'%s' " "$skim" "$@")
        hyperfine --shell=none --warmup 1 --runs "$runs" --style none --export-json "$work/hyperfine.json" \
            "$words" >/dev/null 2>&1
        sed -n 's/.*"median": \([0-9.]*\).*/\1/p' "$work/hyperfine.json"
    else
        for _ in $(seq "$runs"); do once "$@"; done | cut -d' ' -f1 | sort -n | sed -n "$(((runs + 1) / 2))p"
    fi
}

measure() {
    local what=$1 log=$2 first seconds
    shift 2
    first=$(once "$@")
    seconds=$(median_seconds "$@")
    awk -v what="$what" -v seconds="$seconds" -v size="$(stat -c %s "$log")" -v peak="${first#* }" 'BEGIN {
        printf "| %s | %.1f | %.3f | %.0f | %.1f |\n", what, size / 1e6, seconds, size / 1e6 / seconds, peak / 1024
    }'
}

trap 'rm -f "$result.tmp"' EXIT
{
    echo "# Event logs, $(date -u +%F)"
    echo
    echo "At $(git describe --always --dirty), $(rustc --version), release build, warm file cache."
    echo "Machine: $(sed -n 's/^model name\t*: //p' /proc/cpuinfo | head -1), $(nproc) cores," \
        "$(stat -f -c %T "$work") file system, $(uname -sr). $events events; a median of $runs runs."
    echo
    echo "| run | log MB | seconds | MB/s | peak MiB |"
    echo "| :-- | ---: | ---: | ---: | ---: |"
    measure "evtx crate, all to JSON" "$work/$events.evtx" --dump "$work/$events.evtx"
    measure "skim .evtx, 1 of 1,000 wanted" "$work/$events.evtx" "$work/$events.evtx"
    measure "skim .evtx, all wanted" "$work/$events.evtx" "$work/$events.evtx" all
    measure "skim .evt, 1 of 1,000 wanted" "$work/$events.evt" "$work/$events.evt"
    measure "skim .evt, all wanted" "$work/$events.evt" "$work/$events.evt" all
} | tee "$result.tmp"
mv "$result.tmp" "$result"
