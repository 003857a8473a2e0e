#!/bin/bash
# npy.sh - .npy to .npy: `allot map 'x*x+1'` beside copying the same bytes, in one run, by turns.
#
#     bench/npy.sh ALLOT BENCH_COPY N TRIES      N: doubles; TRIES: runs of each tool
#
# Prints lines of: place, tool, bytes, wall s, user s, sys s (medians). Places: memory (tmpfs), and disk with
# the input in the page cache and the output left there (written back between the runs, untimed). Tools:
# allot; cp of the file; memcpy-1 and memcpy-2, one and two threads from memory to memory whose pages are
# there already, which no program that writes a file can reach. The results of allot are checked before
# anything is timed.
#
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
export LC_ALL=C

if [ $# -ne 4 ]; then
    echo "usage: bench/npy.sh ALLOT BENCH_COPY N TRIES" >&2
    exit 2
fi
allot=$1 copy=$2 nitems=$3 ntries=$4
nbytes=$((nitems * 8))

folder=
trap '[ -z "$folder" ] || rm -rf "$folder"' EXIT

# median FILE COLUMN
median() {
    awk -v c="$2" '{ print $c }' "$1" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# run_tool TOOL
run_tool() {
    case $1 in
    allot) "$allot" map 'x*x+1' "$folder/in.npy" -o "$folder/out.npy" ;;
    cp) cp --reflink=never --sparse=never "$folder/in.npy" "$folder/out.npy" ;;
    esac
}

# has_room FOLDER: for the input, the output and a little
has_room() {
    local free
    free=$(df --output=avail -B1 "$1" | tail -n 1)
    [ "$free" -gt $((nbytes * 5 / 2)) ]
}

time_files() {
    local place=$1 try tool
    for ((try = 0; try < ntries; try++)); do
        for tool in allot cp; do
            rm -f "$folder/out.npy"
            [ "$place" = memory ] || sync -f "$folder"
            TIMEFORMAT='%3R %3U %3S'
            { time run_tool "$tool"; } 2>"$folder/time"
            tail -n 1 "$folder/time" >>"$folder/times.$tool"
        done
    done
    for tool in allot cp; do
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$place" "$tool" "$nbytes" "$(median "$folder/times.$tool" 1)" \
            "$(median "$folder/times.$tool" 2)" "$(median "$folder/times.$tool" 3)"
    done
}

# measure PLACE PARENT
measure() {
    if ! [ -w "$2" ] || ! has_room "$2"; then
        echo "npy.sh: $1 is left out: $2 has no room for $((nbytes * 5 / 2)) bytes" >&2
        return 0
    fi
    folder=$(mktemp -d "$2/allot-bench.XXXXXX")
    "$copy" make "$nitems" "$folder/in.npy"
    run_tool allot
    "$copy" check "$folder/in.npy" "$folder/out.npy"
    cat "$folder/in.npy" >/dev/null
    time_files "$1"
    rm -rf "$folder"
    folder=
}

for threads in 1 2; do
    seconds=$("$copy" memory "$threads" "$nbytes" "$ntries")
    printf 'memory\tmemcpy-%s\t%s\t%s\t\t\n' "$threads" "$nbytes" "$seconds"
done
measure memory /dev/shm
measure disk "${BENCH_DISK:-${TMPDIR:-/var/tmp}}"
