#!/bin/bash
# map_on_fake.sh - a map with engines that go wrong, that are not needed, that are of another kind: the results are
# those that there are without, what is said is about the engine or the item, and nothing stays behind.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/map_on.bash
. "$ALLOT_SOURCE/tests/engine/map_on.bash"
work() { map "$@" -j1 -f heavy.c:work_f64 -t f64 0:800; }
"$ALLOT" map -f heavy.c:plain_f64 -t f64 0:800 >want

# ---- at home ------------------------------------------------------------------------------------------
report --on fake 'x*x' 0:1000
verify test "$status" = 0
verify test "$(field engines.called)" = false
verify test "$(field engines.items)" = 0
map --explain --on fake 'x*x' 0:1000
verify grep -q '^engines  *stayed at home: 0 of 1000 items were computed elsewhere' "$err"
# Long, but each item is dearer to send than to compute.
report --on fake -j1 'x*x' 0:500000000 --format npy -o /dev/null
verify test "$(field engines.reason)" = BYTES
verify test "$(field engines.called)" = false
# Heavy, but few.
report --on fake -j1 -f heavy.c:work_f64 -t f64 0:100
verify test "$(field engines.reason)" = TOO_SHORT
verify test "$(field engines.called)" = false
expect 0 45 '' --on local 'x' 0:10 -r sum
report --on local*1 'x' 0:10
verify test "$(field machine.threads)" = 1

# ---- shared -------------------------------------------------------------------------------------------
work --json --on fake*10,fake:count=2
verify test "$status" = 2 # fake1 is named twice
work --json --on fake:count=2*10
verify cmp -s want "$out"
verify shared
verify test "$(field engines.reason)" = PAYS
verify test "$(field engines.engines.0.items)" -gt 0
verify test "$(field engines.engines.1.items)" -gt 0
verify test "$(field engines.engines.1.slots)" = 10
# As many as it has processors; and far away, over a thin wire.
work --json --on fake:latency=30ms,rate=2M
verify cmp -s want "$out"
verify test "$(field engines.engines.0.slots)" = "$(nproc)"
verify test "$(field engines.engines.0.rtt_ns | cut -d. -f1)" -gt 25000000
work --explain --on fake*10
verify grep -q '^engines  *shared: ' "$err"
verify grep -q 'fake1: took part; [1-9]' "$err"

# ---- a bad day ----------------------------------------------------------------------------------------
work --on fake:refuse=1
verify cmp -s want "$out"
verify test "$status" = 0
verify test "$(cat "$err")" = 'allot map: engine fake1: fake: connection refused; the work goes on without it'
work --quiet --on fake:refuse=1
verify test ! -s "$err"
work --on fake:die=0.6*1
verify cmp -s want "$out"
verify grep -q 'engine fake1: the connection was closed; what it had is done elsewhere' "$err"
work --on fake:freeze=0.6*1
verify cmp -s want "$out"
work --on fake:corrupt=3000*1
verify cmp -s want "$out"
verify grep -q 'engine fake1: it sent' "$err"
# An item that crashes: told as without engines, once, and all before it is there. (It is among the first that the
# engine gets.)
map --on fake*10 -j1 -f heavy.c:dies_f64 -t f64 0:2000
verify test "$status" = 132
verify grep -q '^allot map: item 1990 (x = 1990) crashed: ' "$err"
verify test "$(wc -l <"$err")" = 1
verify cmp -s <("$ALLOT" map -f heavy.c:plain_f64 -t f64 0:1990) "$out"
# One that crashes there only: it is done here, and the engine has no more.
map --on fake*10 -j1 -f heavy.c:dies_there_f64 -t f64 0:800
verify test "$status" = 0
verify cmp -s want "$out"
verify grep -q 'engine fake1: chunks crash there and not here; it is left out' "$err"
# Another kind of machine.
mkdir bin
printf '#!/bin/sh\ncase $1 in -m) echo riscv64;; *) exec /usr/bin/uname "$@";; esac\n' >bin/uname
chmod +x bin/uname
PATH=$PWD/bin:$PATH work --on fake*10
verify cmp -s want "$out"
verify grep -q "engine fake1: it is a machine of kind riscv64, and EXPR is compiled for $(uname -m) here" "$err"
# A compiler that cannot link statically.
printf '#!/bin/sh\ncase " $* " in *" -static "*) echo "ld: cannot find -lm" >&2; exit 1;; esac\nexec cc "$@"\n' >bin/mycc
chmod +x bin/mycc
CC=$PWD/bin/mycc work --on fake*10
verify cmp -s want "$out"
verify grep -q 'no engine takes part: EXPR cannot be compiled as a static program .*libc6-dev.*; the work goes on here' "$err"

# ---- an end before the end ---------------------------------------------------------------------------
expect 124 '' '*of --timeout are up*' --on fake*10 -j1 --timeout 1.2 -f heavy.c:work_f64 -t f64 0:100000 -o never
verify test ! -e never
"$ALLOT" map --on fake*10 -j1 -f heavy.c:work_f64 -t f64 0:100000 -o never 2>"$err" &
mapper=$!
sleep 1
kill -TERM $mapper
wait $mapper
verify test $? = 143
"$ALLOT" map --on fake*10 -j1 -f heavy.c:work_f64 -t f64 0:100000 2>"$err" | head -n 600 | cmp -s - <(head -n 600 want)
verify test "${PIPESTATUS[*]}" = '141 0 0'
"$ALLOT" map --on fake*10 -j1 -f heavy.c:work_f64 -t f64 0:2000 >/dev/full 2>"$err"
verify test $? = 1
verify grep -q 'standard output cannot be written' "$err"
until_true no_agents
until_true nothing_behind
# An agent on this machine does not outlive us, whatever happens to us.
"$ALLOT" map --on fake*10 -j1 -f heavy.c:work_f64 -t f64 0:100000 >/dev/null 2>"$err" &
mapper=$!
sleep 1
kill -KILL $mapper
wait $mapper 2>/dev/null
until_true no_agents

# ---- the command line ---------------------------------------------------------------------------------
expect 2 '' '*named twice*' --on a,b,a 'x' 0:3
expect 2 '' '*--on fake:explode=1: *' --on fake:explode=1 'x' 0:3
expect 2 '' '*compute nothing*' --on dryrun 'x' 0:3
expect 2 '' '*No such file*' --on @nowhere 'x' 0:3
printf '# ours\nfake*2 # one\n' >hosts
expect 0 $'0\n1\n2' '' --on @hosts 'x' 0:3
no_leftovers
done_testing
