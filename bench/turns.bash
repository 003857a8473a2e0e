# turns.bash - what text.sh and lines.sh share: a folder in memory, and tools timed by turns. Sourced.
#
# Whoever sources it has allot, nlines and ntries from its command line, and defines `tools` and run_tool TOOL CASE OUTPUT.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
if [ $# -ne 3 ]; then
    echo "usage: $0 ALLOT N TRIES" >&2
    exit 2
fi
# shellcheck disable=SC2034 # those who source this use them
allot=$1 nlines=$2 ntries=$3
command -v mawk >/dev/null || { echo "$0: mawk is missing: apt-get install mawk" >&2; exit 1; }

memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
folder=$(mktemp -d "$memory/allot-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT

# median FILE COLUMN
median() {
    mawk -v c="$2" '{ print $c }' "$1" | sort -g | mawk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# time_tools CASE - a line of medians for each tool.
# shellcheck disable=SC2154 # tools
time_tools() {
    local try tool
    for ((try = 0; try < ntries; try++)); do
        for tool in $tools; do
            rm -f "$folder/out"
            TIMEFORMAT='%3R %3U %3S'
            { time run_tool "$tool" "$1" "$folder/out"; } 2>"$folder/time"
            tail -n 1 "$folder/time" >>"$folder/times.$1.$tool"
        done
    done
    for tool in $tools; do
        printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$tool" "$(median "$folder/times.$1.$tool" 1)" \
            "$(median "$folder/times.$1.$tool" 2)" "$(median "$folder/times.$1.$tool" 3)"
    done
}
