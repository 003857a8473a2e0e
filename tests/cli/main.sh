#!/bin/bash
# allot itself: finding a command, saying what there is, and what becomes of output that cannot be written.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
out=$(mktemp) err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT
failed=0

# check STATUS OUT-PATTERN ERR-PATTERN ARGUMENT... - run allot; the patterns are bash's, of all there is.
check() {
    local status=0 expected=$1 out_pattern=$2 err_pattern=$3
    shift 3
    "$ALLOT" "$@" >"$out" 2>"$err" || status=$?
    # shellcheck disable=SC2053 # patterns
    if [ "$status" != "$expected" ] || [[ $(<"$out") != $out_pattern ]] || [[ $(<"$err") != $err_pattern ]]; then
        printf 'allot %s: status %s, expected %s; standard output:\n%s\nerrors:\n%s\n' "$*" "$status" "$expected" \
            "$(<"$out")" "$(<"$err")"
        failed=1
    fi
}

version=$(sed -n 's/^#define ALLOT_VERSION "\(.*\)"/\1/p' "$ALLOT_SOURCE/include/allot/api.h")
check 0 "allot $version" "" --version
check 0 "allot $version" "" help --version
check 0 "Usage: allot COMMAND*Commands:*map*machine*help*" "" --help
check 0 "Usage: allot COMMAND*" "" help
check 2 "" "Usage: allot COMMAND*"
check 0 "Usage: allot map *--type TYPE*Examples:*Exit status:*" "" help map
check 0 "Usage: allot machine *" "" help machine
check 2 "" "allot: unknown command 'mpa'; did you mean 'map'?"$'\n'"Try 'allot --help'." mpa
check 2 "" "allot: unknown command 'zzz'"$'\n'"Try 'allot --help'." help zzz
check 2 "" "allot help: one command at a time, not 'machine' too" help map machine
check 2 "" "allot: unknown command '--verbose'"$'\n'"Try 'allot --help'." --verbose

# The same words by each way of asking.
[ "$("$ALLOT" help map)" = "$("$ALLOT" map --help)" ] || { echo "help map is not map --help"; failed=1; }

# What was printed counts only when it arrived.
status=0
"$ALLOT" --help >/dev/full 2>"$err" || status=$?
if [ "$status" != 1 ] || [ "$(<"$err")" != "allot: standard output: No space left on device" ]; then
    echo "full disk: status $status: $(<"$err")"
    failed=1
fi
"$ALLOT" --help >&- 2>/dev/null && { echo "help into a closed standard output succeeded"; failed=1; }

# No colours but on a terminal.
"$ALLOT" mpa 2>"$err" || true
if grep -q $'\033' "$err"; then
    echo "colours in a file"
    failed=1
fi
exit $failed
