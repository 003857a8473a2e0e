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

# shellcheck source=bench/turns.bash
. "$(dirname "$0")/turns.bash"

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

make_inputs
for input in integers decimals; do
    check_input "$input"
    time_tools "$input"
done
