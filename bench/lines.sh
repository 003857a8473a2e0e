#!/bin/bash
# lines.sh - `allot map --lines` beside the plain program and GNU parallel --pipe, in one run, by turns.
#
#     bench/lines.sh ALLOT N TRIES        ALLOT: the command; N: lines; TRIES: runs of each tool
#
# Prints lines of: program, tool, wall s, user s, sys s (medians). Three programs: mawk '{print $1*$1}' on N lines,
# Python's print(int(line) ** 2) on a tenth of them, and mawk that flushes each answer on a tenth. Files lie in memory
# (/dev/shm where there is one). Before anything is timed, what the copies write is compared with what the program
# alone does. Two copies; parallel gets the same two (--pipe -k, with blocks as large as it likes best of 1 and 10 MB).
#
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
export LC_ALL=C

# shellcheck source=bench/turns.bash
. "$(dirname "$0")/turns.bash"
seq "$nlines" >"$folder/mawk.in"
seq "$((nlines / 10))" >"$folder/python.in"
cp "$folder/python.in" "$folder/flush.in"

tools="alone allot"
if command -v parallel >/dev/null; then
    tools="$tools parallel-1M parallel-10M"
else
    echo "lines.sh: GNU parallel is left out: apt-get install parallel" >&2
fi

# shellcheck disable=SC2016 # for awk
words_of() {
    case $1 in
    mawk) words=(mawk '{print $1*$1}') ;;
    flush) words=(mawk '{print $1+1; fflush()}') ;;
    python) words=(/usr/bin/python3 -c 'import sys
for line in sys.stdin: print(int(line) ** 2)') ;;
    esac
}

# run_tool TOOL PROGRAM OUTPUT
run_tool() {
    words_of "$2"
    local input=$folder/$2.in
    case $1 in
    alone) "${words[@]}" <"$input" >"$3" ;;
    allot) "$allot" map --lines -j 2 -- "${words[@]}" <"$input" >"$3" ;;
    parallel-*) parallel --will-cite --pipe -k -j 2 --block "${1#*-}" -q "${words[@]}" <"$input" >"$3" ;;
    esac
}

time_program() {
    local tool
    run_tool alone "$1" "$folder/alone"
    for tool in $tools; do
        run_tool "$tool" "$1" "$folder/out"
        cmp -s "$folder/alone" "$folder/out" || { echo "lines.sh: $1: $tool wrote something else" >&2; exit 1; }
    done
    time_tools "$1"
}

for program in mawk python flush; do
    time_program "$program"
done
