#!/bin/bash
# md_told.sh - what `allot md` tells of a run beside its energies: where the time went, what was expected, progress;
# and how it would start ranks.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
verb=md
md() {
    status=0
    "$ALLOT" md "$@" >"$out" 2>"$err" || status=$?
}
# close_to A B TOLERANCE - as numbers, relative to B.
close_to() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; if (b < 0) b = -b; exit !(d <= t * b) }'; }
# at STEP COLUMN - of the table that was printed: 2 temperature, 3 potential, 5 total, 6 pressure.
at() { awk -v step="$1" -v column="$2" '$1 == step { print $column }' "$out"; }

# ---- where the time went, and what was expected -------------------------------------------------------
md --lj 500 --steps 5 --explain
verify grep -q '^cut .*eighth shell' "$err"
verify grep -qE '^time      forces [0-9.]+ %, lists [0-9.]+ %, pruning [0-9.]+ %, copies [0-9.]+ %, migration [0-9.]+ %, integration [0-9.]+ %, sums [0-9.]+ %, imbalance 0.0 %, output [0-9.]+ %, the rest [0-9.]+ %$' "$err"
verify grep -q 'atom-steps/s' "$err"
verify grep -qE '^expected  an efficiency of 100 % on 1 x [0-9]+ threads, .* ms a step; reached [0-9]+ %' "$err"
# What atoms and copies cost was measured, and what that makes of 1 to 10,000 ranks: never fewer times as fast.
md --lj 32000 --steps 1 --explain -j 1
verify grep -qE '^costs     [0-9.]+ ns an atom, [0-9.]+ ns a copy, .*\(measured: two small boxes on one thread, just now\); .*\(assumed: one rank sends nothing\)' "$err"
verify test "$(awk '/^ *[0-9]+ +[0-9]+ +[0-9]+x/ { print $1 }' "$err" | xargs)" = '1 2 4 8 16 32 64 128 256 512 1000 2000 5000 10000'
verify awk '/^ *[0-9]+ +[0-9]+ +[0-9]+x/ {
    n = split($3, grid, "x")
    good = $2 <= $1 && n == 3 && grid[1] * grid[2] * grid[3] == $2 && $5 >= fast && $4 * $5 > 0.99 * first && (first == 0 || $4 * $5 < 1.01 * first)
    good = good && ($1 > 1 || ($2 == 1 && $5 == 1 && $6 == 100)) && $5 <= $2 && $6 <= 100
    if (!good) exit bad = 1
    fast = $5; if ($1 == 1) first = $4
} END { exit bad || fast < 10 }' "$err"
# An atom with more neighbours costs more.
atom_ns() { awk '$1 == "costs" { print $2 }' "$err"; }
full=$(atom_ns)
md --lj 32000 --steps 1 --explain -j 1 --precision double --cutoff 4
verify awk -v a="$full" -v b="$(atom_ns)" 'BEGIN { exit !(a > 0 && b > 3 * a) }'
# For programs, as one object.
md --lj 500 --steps 40 --explain --json -j 1 -o json.run
tail -n 1 "$err" >report
verify $python - report <<'END'
import json, sys
r = json.load(open(sys.argv[1]))
assert r["steps"] == 40 and r["atoms"] == 500 and r["ranks"] == r["threads"] == 1 and r["grid"] == [1, 1, 1]
assert set(r["time"]) == set("force list prune halo migrate integrate sum imbalance output rest".split())
assert all(v >= 0 for v in r["time"].values()) and 0.98 < sum(r["time"].values()) < 1.02, r["time"]
assert r["time"]["output"] > 0 and r["time"]["imbalance"] == 0 and r["time"]["force"] > 0
e = r["efficiency"]
assert e["expected"] == 1 and e["expected_step_ms"] == e["alone_step_ms"] > 0
assert abs(e["reached"] * e["reached_step_ms"] / e["alone_step_ms"] - 1) < 1e-4
assert e["reached_step_ms"] * 40 <= r["seconds"] * 1e3 * 1.0001
END
verify grep -q '^expected ' json.run/md.log
md --lj 500 --steps 40 -j 1 -o quiet.run -q # costs were not measured
verify eval '! grep -q "^expected " quiet.run/md.log'

# A tolerance: what the list is pruned to is used for longer the more may drift, and energies stay what they are.
md --lj 1372 --steps 60 --every 60 -q -j 1
exact=$(at 60 5)
most=0
for tolerance in 1e-7 1e-4 1e-1; do
    md --lj 1372 --steps 60 --every 60 --explain --tolerance $tolerance -j 1
    verify test "$status" = 0
    steps=$(sed -n "s/^pruning   every \([0-9]*\) steps, for a drift of at most .*; $(awk -v t=$tolerance 'BEGIN { printf "%.2g", t }') is allowed$/\1/p" "$err")
    verify test "${steps:-0}" -gt $most
    most=${steps:-0}
    verify close_to "$(at 60 5)" "$exact" 1e-3
done
verify awk '/^pruning/ { exit !($11 <= 0.1) }' "$err"
md --lj 1372 --steps 60 --explain -j 1
verify eval '! grep -q "^pruning " "$err"'
expect 1 '' '*a tolerance of drift is for one kind of atoms with a plain or shifted cut-off only*' --lj 500 --tolerance 1e-3 --modifier force-switch
expect 2 '' '*not a positive number*' --lj 500 --tolerance -1

# Progress: on a terminal, in place, after two seconds; elsewhere when it is asked for.
if command -v script >/dev/null; then
    script -qec "'$ALLOT' md --lj 4000 --steps 1000000 --every 1000000 --timeout 2.4" /dev/null >"$out" 2>"$err" </dev/null
    verify test "$?" = 124
    verify grep -qE $'\r.*0% [0-9.kM]+ steps, [0-9.kM]+/s, [0-9.e+]+ tau/day, T [0-9.]+, drift [-0-9.e+]+, [0-9.]+ (s|min|h|days) left' "$out"
    script -qec "'$ALLOT' md --lj 4000 --steps 1000000 --every 1000000 --timeout 2.2 --progress never" /dev/null >"$out" 2>"$err" </dev/null
    verify eval '! grep -q " tau/day, T " "$out"'
else
    pass_over "progress on a terminal: no script (util-linux)"
fi
md --lj 4000 --steps 1000000 --every 1000000 --timeout 4 --progress always
verify grep -q ' tau/day, T ' "$err"
verify eval '! grep -q $'"'\\r'"' "$err"'

# ---- how ranks are started ------------------------------------------------------------------------------
mpi=$ALLOT_BUILD/allot-md-mpi
if [ -x "$mpi" ]; then
    expect 0 "mpirun -q --bind-to none --oversubscribe --mca mpi_yield_when_idle 1 -n 2 $mpi --lj 500 -n 2 -j 3" '' --lj 500 -n 2 -j 3 --dry-run
    md --lj 500 -n 4 --on slurm:nodes=2,time=5m,partition=p --dry-run
    verify test "$(cat "$out")" = "salloc '--job-name=allot-md' '--signal=USR1@30' '--time=0:05:00' '--partition=p' '--cpus-per-task=1' '--nodes=2' '--ntasks=4' $(readlink -f "$ALLOT") md --lj 500 -n 4 --on 'slurm:nodes=2,time=5m,partition=p'"
    md --lj 500 --on slurm:nodes=3 -q --dry-run # one a node, which it has to itself
    verify grep -qE "'--signal=USR1@60' --exclusive '--nodes=3' '--ntasks=3' --quiet " "$out"
    md --lj 500 --on slurm:cpus=4 -n 2 --dry-run
    verify grep -qE "'--cpus-per-task=4' '--ntasks=2' /" "$out"
    PATH=/nowhere md --lj 500 -n 2
    verify test "$status" = 1
    verify grep -q '^allot md: mpirun: No such file or directory (Debian.s package openmpi-bin has it)$' "$err"
    PATH=/nowhere md --lj 500 -n 2 --on slurm
    verify grep -q '^allot md: salloc: No such file or directory (Debian.s package slurm-client has it)$' "$err"
    # In an allocation that is there.
    SLURM_JOB_ID=1 SLURM_JOB_NUM_NODES=4 SLURM_CPUS_PER_TASK=3 "$ALLOT" md --lj 500 --on slurm:nodes=2 -n 3 --dry-run >"$out"
    verify test "$(cat "$out")" = "mpirun -q --bind-to none -N 2 -n 3 $mpi --lj 500 --on 'slurm:nodes=2' -n 3 -j 3"
    SLURM_JOB_ID=1 SLURM_JOB_NUM_NODES=4 "$ALLOT" md --lj 500 --on slurm --dry-run >"$out"
    verify test "$(cat "$out")" = "mpirun -q --bind-to none -n 4 $mpi --lj 500 --on slurm"
fi
expect 0 "$(readlink -f "$ALLOT_BUILD")/allot-md" '' --lj 500 --dry-run
expect 2 '' '*one allocation of Slurm*' --lj 500 --on slurm*2
expect 2 '' '*--on slurm:nodes=0: *' --lj 500 --on slurm:nodes=0
# The program that simulates starts no ranks: it says so, and does not leave the option out.
for words in '-n 2:--ranks' '--on slurm:--on' '--dry-run:--dry-run'; do
    # shellcheck disable=SC2086
    verify eval '! "$ALLOT_BUILD/allot-md" --lj 500 --steps 1 ${words%:*} >"$out" 2>"$err"'
    verify grep -q "^allot md: ${words##*:}: this program starts no ranks, and there is 1: use .allot md.$" "$err"
    verify test ! -s "$out"
done
"$ALLOT_BUILD/allot-md" --lj 500 --steps 1 -n 1 -q >"$out"
verify grep -q '^ *1 ' "$out"
# srun without PMIx starts as many simulations, not ranks; one of them says so.
SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=0 expect 2 '' 'allot md: srun started 3 of this, and each found itself alone*' --lj 500
SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=1 expect 2 '' '' --lj 500
SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=1 expect 2 '' '' --lj 500 -n 3
SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=1 md --lj 500 --steps 1 -n 1 -q
verify test "$status" = 0
SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 md --lj 500 --steps 1 -q
verify test "$status" = 0
done_testing
