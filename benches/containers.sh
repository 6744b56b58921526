#!/usr/bin/env bash
# Measures `iiskeys diagnose` on folders of key containers: benches/containers.sh [COUNT...]
#
# Compares the same evidence with 3 containers and with more (1,000, 100,000 and 1,000,000 unless told), each with a
# warm file cache: wall time (hyperfine where it is installed, else the median of 5 runs) and peak memory (GNU time).
# Writes a table to stdout and to benches/results/DATE.md. WORK names the folder for the evidence, some 4 KiB for each
# container; what is there is used again.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=5
counts=("$@")
if [ ${#counts[@]} -eq 0 ]; then
    counts=(1000 100000 1000000)
fi
work=${WORK:-$PWD/target/bench-containers}
result=benches/results/$(date -u +%F).md
mkdir -p "$work" "$(dirname "$result")"
if [ ! -x /usr/bin/time ]; then
    echo "containers.sh: /usr/bin/time is needed to measure memory; install GNU time" >&2
    exit 2
fi

cargo build --release -q -p iiskeys
cargo build --release -q -p iiskeys-fixtures --example many_containers
iiskeys=$PWD/target/release/iiskeys

# One run; prints wall seconds and peak KiB. A diagnosis ends with 0 or 3 here, whatever it found.
once() {
    local code=0
    /usr/bin/time -q -f '%e %M' -o "$work/time.txt" \
        "$iiskeys" diagnose "$1" --fail-on never --no-progress >"$work/report.json" || code=$?
    if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then
        echo "containers.sh: diagnose $1 ended with exit code $code" >&2
        exit 1
    fi
    cat "$work/time.txt"
}

median_seconds() {
    if command -v hyperfine >/dev/null; then
        hyperfine --shell=none --warmup 1 --runs "$runs" --ignore-failure --style none \
            --export-json "$work/hyperfine.json" \
            "'$iiskeys' diagnose '$1' --fail-on never --no-progress" >/dev/null 2>&1
        sed -n 's/.*"median": \([0-9.]*\).*/\1/p' "$work/hyperfine.json"
    else
        for _ in $(seq "$runs"); do once "$1"; done | cut -d' ' -f1 | sort -n | sed -n "$(((runs + 1) / 2))p"
    fi
}

measure() {
    local count=$1 folder=$work/$1
    if [ ! -e "$folder.done" ]; then
        rm -rf "$folder"
        cargo run --release -q -p iiskeys-fixtures --example many_containers -- "$folder" "$count"
        touch "$folder.done"
    fi
    local first seconds peak size
    first=$(once "$folder")
    peak=${first#* }
    size=$(stat -c %s "$work/report.json")
    seconds=$(median_seconds "$folder")
    if [ "$count" -eq 3 ]; then
        least=$peak
    fi
    awk -v count="$count" -v seconds="$seconds" -v peak="$peak" -v least="$least" -v size="$size" 'BEGIN {
        printf "| %d | %.3f | %.2f | %.1f | %.1f | %.0f |\n",
            count, seconds, seconds * 1e6 / count, peak / 1024, (peak - least) / 1024, size / 1024
    }'
}

least=0
trap 'rm -f "$result.tmp"' EXIT
{
    echo "# Folders of key containers, $(date -u +%F)"
    echo
    echo "\`iiskeys diagnose\` at $(git describe --always --dirty), $(rustc --version), release build, warm file cache."
    echo "Machine: $(sed -n 's/^model name\t*: //p' /proc/cpuinfo | head -1), $(nproc) cores," \
        "$(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)," \
        "$(stat -f -c %T "$work") file system, $(uname -sr)."
    echo "Compared with the same evidence with 3 containers. Time is a median of $runs runs."
    echo
    echo "| containers | seconds | microseconds each | peak MiB | MiB above 3 containers | report KiB |"
    echo "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for count in 3 "${counts[@]}"; do
        measure "$count"
    done
} | tee "$result.tmp"
mv "$result.tmp" "$result"
