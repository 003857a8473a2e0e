#!/bin/bash
# text.sh - text to text: `allot map 'x*x'` beside awk's `{print $1*$1}` and numpy, in one run, by turns.
#
#     bench/text.sh ALLOT N TRIES        ALLOT: the command; N: lines; TRIES: runs of each tool
#
# Prints lines of: input, tool, wall s, user s, sys s (medians). Two inputs: integers of up to 7 digits,
# decimals with 6 places. Files lie in memory (/dev/shm where there is one), so that no disk is measured.
# Before anything is timed, allot's results are compared with mawk's, line by line, at 17 digits.
# mawk prints 6 digits (OFMT %.6g), which is cheaper than the digits that read back as the same number;
# mawk-17g is mawk with OFMT=%.17g.
#
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
export LC_ALL=C

if [ $# -ne 3 ]; then
    echo "usage: bench/text.sh ALLOT N TRIES" >&2
    exit 2
fi
allot=$1 nlines=$2 ntries=$3
command -v mawk >/dev/null || { echo "text.sh: mawk is missing: apt-get install mawk" >&2; exit 1; }

memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
folder=$(mktemp -d "$memory/allot-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT

make_inputs() {
    mawk -v n="$nlines" 'BEGIN { srand(1); for (i = 0; i < n; i++) printf "%d\n", rand() * 1e7 }' \
        >"$folder/integers"
    mawk -v n="$nlines" 'BEGIN { srand(2); for (i = 0; i < n; i++) printf "%.6f\n", rand() * 1000 }' \
        >"$folder/decimals"
}

tools="allot mawk mawk-17g"
if command -v gawk >/dev/null; then
    tools="$tools gawk"
else
    echo "text.sh: gawk is left out: it is not installed" >&2
fi
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    tools="$tools numpy"
else
    echo "text.sh: numpy is left out: apt-get install python3-numpy" >&2
fi

numpy_program='
import sys, numpy
x = numpy.loadtxt(sys.argv[1])
numpy.savetxt(sys.argv[2], x * x)
'

# run_tool TOOL INPUT OUTPUT
run_tool() {
    case $1 in
    allot) "$allot" map 'x*x' "$2" >"$3" ;;
    mawk) mawk '{print $1*$1}' "$2" >"$3" ;;
    mawk-17g) mawk -v OFMT=%.17g '{print $1*$1}' "$2" >"$3" ;;
    gawk) gawk '{print $1*$1}' "$2" >"$3" ;;
    numpy) /usr/bin/python3 -c "$numpy_program" "$2" "$3" ;;
    esac
}

# The same numbers, and as many of them. Also leaves allot's compiled expression in its cache.
check_input() {
    run_tool allot "$folder/$1" "$folder/allot"
    run_tool mawk-17g "$folder/$1" "$folder/mawk"
    paste "$folder/allot" "$folder/mawk" | mawk -v n="$nlines" -v input="$1" '
        NF != 2 || $1 + 0 != $2 + 0 { bad = NR ": allot " $1 ", mawk " $2; exit }
        END {
            if (!bad && NR != n) bad = NR " lines for " n
            if (bad) { print "text.sh: " input ": the results differ, line " bad > "/dev/stderr"; exit 1 }
        }'
}

# median FILE COLUMN
median() {
    mawk -v c="$2" '{ print $c }' "$1" | sort -g | mawk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

time_input() {
    local try tool
    for ((try = 0; try < ntries; try++)); do
        for tool in $tools; do
            rm -f "$folder/out"
            TIMEFORMAT='%3R %3U %3S'
            { time run_tool "$tool" "$folder/$1" "$folder/out"; } 2>"$folder/time"
            tail -n 1 "$folder/time" >>"$folder/times.$1.$tool"
        done
    done
    for tool in $tools; do
        printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$tool" "$(median "$folder/times.$1.$tool" 1)" \
            "$(median "$folder/times.$1.$tool" 2)" "$(median "$folder/times.$1.$tool" 3)"
    done
}

make_inputs
for input in integers decimals; do
    check_input "$input"
    time_input "$input"
done
