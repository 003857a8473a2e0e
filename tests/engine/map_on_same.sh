#!/bin/bash
# map_on_same.sh - a map with engines gives the bits, in the order, that it gives without: every type, every
# reduction, every kind of input.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/map_on.bash
. "$ALLOT_SOURCE/tests/engine/map_on.bash"

# same ARG... - the results of the heavy function on engines, against those of the plain one here. FUNCTION stands
# for its name.
same() {
    local type=$1
    shift
    "$ALLOT" map -f heavy.c:plain_"$type" "$@" >want || fail "plain $*"
    report --on fake*20 -j1 -f heavy.c:work_"$type" "$@"
    nchecks=$((nchecks + 1))
    { [ "$status" = 0 ] && cmp -s want "$out" && depth=1 shared; } || depth=1 fail "not the same: $type $*
$(head -c 600 "$err")"
}

for type in i32 i64 u64 i128 f32 f64; do
    same $type -t $type 0:800
done
for how in sum min max mean count 'a + b/3'; do
    same f64 -t f64 -r "$how" 0:700:0.9
done
# Leaves of several items, and an end in the middle of one.
same i64 -r sum 0:1003

# Light items, so many a chunk: long results, and leaves of hundreds.
same thin -t f64 0:70000
same thin -t f64 -r 'a + b/3' 0:150000
seq 1 80000 | sed 's/$/.5/' >many
same thin many

# ---- inputs -------------------------------------------------------------------------------------------
seq 1 900 | sed 's/$/.25/' >numbers
same f64 numbers
same f64 -t f64 numbers 5:6:0.01 numbers -r sum
if $has_numpy; then
    $python -c 'import numpy as np; np.save("a.npy", (np.arange(1000) ** 1.5).reshape(10, 100))'
    same f64 a.npy --format npy
    verify test "$($python -c 'import numpy as np, sys; print(np.load(sys.argv[1]).shape)' "$out")" = '(10, 100)'
fi
"$ALLOT" map -f heavy.c:plain_f64 numbers >want
sed 'a\' numbers | map --on fake*20 -j1 -f heavy.c:work_f64
verify cmp -s want "$out"
# A stream that stops now and then: what is there is computed.
{ head -n 400 numbers; sleep 1; tail -n +401 numbers; } | map --on fake*20 -j1 -f heavy.c:work_f64
verify cmp -s want "$out"
# A line that is no number: all before it is there.
{ cat numbers; echo oops; seq 5; } >spoilt
map --on fake*20 -j1 -f heavy.c:work_f64 spoilt
verify test "$status" = 1
verify grep -q "spoilt:901:1: 'oops' is not a number" "$err"
verify cmp -s want "$out"
until_true no_agents
verify nothing_behind
done_testing
