# harness.bash - what the tests of `allot map` and `allot farm` share. Sourced; not a test.
#
# Each test runs the real command on real files in a folder of its own, with a compile cache that all of them
# share (the expressions are few), and compares status, output and errors with what is expected.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
set -u
: "${ALLOT:?the command under test}" "${ALLOT_BUILD:?the build folder}"
python=/usr/bin/python3
[ -x $python ] || python=python3
# shellcheck disable=SC2034 # those who source this use it
has_numpy=false
$python -c 'import numpy' 2>/dev/null && has_numpy=true

work=$(mktemp -d)
at_end=()
finish() {
    local command
    for command in ${at_end[@]+"${at_end[@]}"}; do eval "$command"; done
    rm -rf "$work"
}
trap finish EXIT
export XDG_CACHE_HOME=$ALLOT_BUILD/tests/cache XDG_STATE_HOME=$work/state HOME=$work/home
mkdir -p "$XDG_CACHE_HOME" "$HOME" "$work/tmp"
cd "$work/tmp" || exit 1

nchecks=0 nfailed=0
fail() {
    echo "FAILED (line ${BASH_LINENO[${depth:-0}]}): $*" >&2
    nfailed=$((nfailed + 1))
}
pass_over() { echo "not tried: $*"; }

# verify CONDITION-COMMAND... - count a check; the command must succeed.
verify() {
    nchecks=$((nchecks + 1))
    "$@" || depth=1 fail "not so: $*"
}

# map ARG..., farm ARG... - run that command; its status is in $status, its output in $out (file), its errors in $err (file).
out=$work/out err=$work/err status=0
map() {
    status=0
    "$ALLOT" map "$@" >"$out" 2>"$err" || status=$?
}
farm() {
    status=0
    "$ALLOT" farm "$@" >"$out" 2>"$err" || status=$?
}
# until_true COMMAND... - wait until it succeeds, for $patience seconds.
patience=60
until_true() {
    local k
    for ((k = 0; k < patience * 50; k++)); do
        "$@" && return 0
        sleep 0.02
    done
    depth=1 fail "did not come to pass: $*"
    return 1
}

# allot COMMAND ARG... - run any command, as farm does; state RUN KEY - what its status says of a run.
allot() {
    status=0
    "$ALLOT" "$@" >"$out" 2>"$err" || status=$?
}
state() { "$ALLOT" status --json "$1" | $python -c 'import json,sys; print(json.load(sys.stdin)["'"$2"'"])'; }

verb=map # what expect runs

# expect STATUS OUTPUT ERROR-PATTERN ARG... - the output exactly (final newlines apart), the errors by a pattern
# of bash's. Standard input is passed on.
expect() {
    local want_status=$1 want_out=$2 want_err=$3
    shift 3
    "$verb" "$@"
    nchecks=$((nchecks + 1))
    # shellcheck disable=SC2053 # a pattern
    if [ "$status" != "$want_status" ] || [ "$(<"$out")" != "$want_out" ] || [[ $(<"$err") != $want_err ]]; then
        depth=1 fail "allot $verb $*
  status $status, expected $want_status
  output: $(head -c 300 "$out")
  expected: ${want_out:0:300}
  errors: $(head -c 600 "$err")
  expected: $want_err"
    fi
}

# lines A B ... - the arguments, one a line.
lines() { printf '%s\n' "$@"; }

# no_leftovers - nothing that an output was written to under another name is left.
no_leftovers() {
    nchecks=$((nchecks + 1))
    local left
    left=$(find . -name '.allot-*')
    [ -z "$left" ] || depth=1 fail "left behind: $left"
}

# report ARG... - as map --json; then $(field KEY.KEY) is a member of the report.
report() { map --json "$@"; }
field() {
    $python - "$err" "$1" <<'PYTHON'
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(json.dumps(value) if isinstance(value, (dict, list, bool)) or value is None else value)
PYTHON
}

# done_testing - the last line of a test.
done_testing() {
    echo "$nchecks checks, $nfailed failed"
    [ $nchecks -gt 0 ] && [ $nfailed -eq 0 ]
    exit
}
