#!/bin/bash
# md.sh - allot-md-mpi: the same energies on 1, 2, 3, 4, 6 and 8 ranks, and an end for all when one cannot go on.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
work=(--lj 1372 --steps 20 --every 10 -j 1 --precision double --json)

# Ten digits of each energy: what is beyond them depends on the order of sums.
digits() {
    grep -o '"[a-z]*":[-0-9.e]*' | awk -F : '{ printf "%s %.10g\n", $1, $2 }'
}
"$ALLOT_BUILD/allot-md" "${work[@]}" -q | digits >"$scratch/expected"
[ "$(wc -l <"$scratch/expected")" = 21 ] || complain "allot-md says too little"
# A grid that is given needs no costs, which to measure takes longer than these runs.
for grid in 1x1x1 1x1x2 3x1x1 2x2x1 1x2x3 2x2x2; do
    on $((${grid//x/*})) "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" -q --grid $grid | digits >"$scratch/found"
    cmp "$scratch/expected" "$scratch/found" || complain "$grid ranks differ from one"
done
# A grid that was chosen for this machine's messages may leave some out; then it says so.
on 4 "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" --explain 2>"$scratch/err" | digits >"$scratch/found"
cmp "$scratch/expected" "$scratch/found" || complain "4 ranks differ from one"
grep -q " domains on [1-4] of 4 ranks, " "$scratch/err" || complain "4: $(cat "$scratch/err")"
tail -n 1 "$scratch/err" | grep -q '"imbalance":[0-9.e-]*,"output":.*"efficiency":{"expected":[0-9.]*,"reached":[0-9.e-]*,' || complain "no report: $(tail -n 1 "$scratch/err")"

# Leap-frog in real units, with the motion of the whole taken out on the way: as many digits.
argon=("${work[@]}" --units real --integrator md --remove-drift 7)
"$ALLOT_BUILD/allot-md" "${argon[@]}" -q | digits >"$scratch/argon"
[ "$(wc -l <"$scratch/argon")" = 21 ] || complain "allot-md --units real says too little"
on 4 -q "$ALLOT_BUILD/allot-md-mpi" "${argon[@]}" -q --grid 1x4x1 | digits >"$scratch/found"
cmp "$scratch/argon" "$scratch/found" || complain "4 ranks differ from one in leap-frog"

# As it is typed: `allot md -n 2` starts them; where a launcher has, `allot md` is one of them.
timeout 60 "$ALLOT" md -n 2 "${work[@]}" -q --grid 1x2x1 | digits >"$scratch/found"
cmp "$scratch/expected" "$scratch/found" || complain "allot md -n 2 differs"
on 2 -q "$ALLOT" md "${work[@]}" -q --grid 1x2x1 | digits >"$scratch/found"
cmp "$scratch/expected" "$scratch/found" || complain "mpirun allot md differs"
status=0
on 2 -q "$ALLOT" md -n 2 "${work[@]}" >"$scratch/out" 2>"$scratch/err" || status=$?
[ "$status" = 2 ] || complain "mpirun allot md -n 2: status $status"

# Asked to end, it ends as it would on one rank: with a checkpoint, and by the same status.
end_of_two() { # end_of_two SIGNAL STATUS
    local status=0
    timeout 60 "$ALLOT" md -n 2 "${work[@]}" --steps 100000000 --grid 1x1x2 -o "$scratch/$1" >"$scratch/out" 2>"$scratch/err" &
    ranks=$!
    for _ in {1..300}; do
        [ "$(wc -l <"$scratch/out")" -gt 2 ] && break
        sleep 0.1
    done
    pkill "-$1" -P $ranks -x allot # not timeout, which has a mind of its own
    wait $ranks || status=$?
    ranks=
    [ "$status" = "$2" ] || complain "$1: status $status"
    grep -q 'ended at step [0-9]* of 100000000; the same command with --resume goes on' "$scratch/err" || complain "$1: $(cat "$scratch/err")"
}
end_of_two INT 130
end_of_two HUP 129

# A grid that was asked for is taken, or refused with one that is possible.
on 4 -q "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" --grid 1x3x1 --balance never 2>"$scratch/err" | digits >"$scratch/found"
cmp "$scratch/expected" "$scratch/found" || complain "--grid 1x3x1 differs"
grep -q '^allot md: 1x3x1 domains on 3 of 4 ranks, as asked: ' "$scratch/err" || complain "--grid 1x3x1: $(cat "$scratch/err")"
status=0
on 2 -q "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" --grid 2x2x1 >"$scratch/out" 2>"$scratch/err" || status=$?
[ "$status" = 2 ] || complain "--grid 2x2x1 on two: status $status"
[ "$(cat "$scratch/err")" = "allot md: rank 0 of 2: a grid of 2x2x1 has 4 domains, more than there are ranks (2): the largest grid that is possible is 1x1x2" ] ||
    complain "--grid 2x2x1 on two: $(cat "$scratch/err")"

# A box with no right angle: the same energies for every cut; atoms leave through all faces, and the energy is kept; what
# one number of ranks left, another goes on with.
python3 "$ALLOT_SOURCE/tests/md/skewed.py" start leaning 10 >"$scratch/leaning.gro"
skewed=(--conf "$scratch/leaning.gro" --temperature 1.5 --modifier shift -j 1 --precision double --json)
"$ALLOT_BUILD/allot-md" "${skewed[@]}" --steps 20 --every 10 -q | digits >"$scratch/expected.skewed"
for grid in 3x1x1 1x2x3; do
    on $((${grid//x/*})) "$ALLOT_BUILD/allot-md-mpi" "${skewed[@]}" --steps 20 --every 10 -q --grid $grid | digits >"$scratch/found"
    cmp "$scratch/expected.skewed" "$scratch/found" || complain "skewed: $grid ranks differ from one"
done
on 4 "$ALLOT_BUILD/allot-md-mpi" "${skewed[@]}" --steps 600 --every 300 -q --grid 2x2x1 | digits |
    awk '$1 == "\"total\"" { if (NR > 7 && ($2 / first - 1) ^ 2 > 1e-8) exit 1; first = $2; n++ } END { exit n != 3 }' ||
    complain "skewed: the energy is not kept"
# Ended half-way and gone on with, on the same cut, by leap-frog: the same bits.
whole=("${skewed[@]}" --integrator md --remove-drift 30 --steps 120 --every 60 --frames 60 --renew 60 --balance never -q)
on 4 "$ALLOT_BUILD/allot-md-mpi" "${whole[@]}" --grid 2x1x2 --output "$scratch/once" >/dev/null
on 4 "$ALLOT_BUILD/allot-md-mpi" "${whole[@]}" --grid 2x1x2 --output "$scratch/again" --steps 60 >/dev/null
on 4 "$ALLOT_BUILD/allot-md-mpi" "${whole[@]}" --grid 2x1x2 --output "$scratch/again" --resume >/dev/null
for file in energies.jsonl trajectory.xtc final.gro checkpoint; do
    cmp "$scratch/once/$file" "$scratch/again/$file" || complain "skewed: $file is another after a restart"
done
on 3 "$ALLOT_BUILD/allot-md-mpi" --conf "$scratch/once/final.gro" --modifier shift --precision double --json --steps 0 -j 1 -q |
    digits | grep potential >"$scratch/found"
"$ALLOT_BUILD/allot-md" --conf "$scratch/again/final.gro" --modifier shift --precision double --json --steps 0 -j 1 -q |
    digits | grep potential | cmp - "$scratch/found" || complain "skewed: the last structure is not what it was"

# One of the ranks is killed: the checkpoint of before is whole, and another number of ranks goes on from it.
folder=(--output "$scratch/run" --resume)
on 2 -q "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" "${folder[@]}" --steps 10 --grid 2x1x1 >"$scratch/out"
cp "$scratch/run/checkpoint" "$scratch/whole"
on 3 -q "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" "${folder[@]}" --steps 100000000 --grid 1x1x3 >"$scratch/out" 2>"$scratch/err" &
ranks=$!
for _ in {1..300}; do
    [ "$(wc -l <"$scratch/out")" -gt 2 ] && break
    sleep 0.1
done
process=$(ps -eo pid=,ppid=,args= | awk -v run="$scratch/run" '/allot-md-mpi/ && !/mpirun/ && index($0, run) { print $1 }' | tail -1)
kill -9 "$process"
status=0
wait "$ranks" || status=$?
ranks=
[ "$status" = 137 ] || complain "a rank was killed, and mpirun ended with $status"
cmp "$scratch/whole" "$scratch/run/checkpoint" || complain "a rank was killed, and the checkpoint is another"
on 4 -q "$ALLOT_BUILD/allot-md-mpi" "${work[@]}" "${folder[@]}" --grid 1x2x2 | digits | tail -7 >"$scratch/found"
tail -7 "$scratch/expected" | cmp - "$scratch/found" || complain "what goes on after that differs"

# Blown up: all ranks know which atom went astray, one says it.
status=0
on 3 -q "$ALLOT_BUILD/allot-md-mpi" --lj 1372 --grid 1x1x3 --dt 5 --steps 50 -j 1 >"$scratch/out" 2>"$scratch/err" || status=$?
[ "$status" = 1 ] || complain "blown up: status $status"
[[ $(cat "$scratch/err") == "allot md: rank 0 of 3: step 1: an atom moved by "*"Farthest went atom "*"; beside it were atoms "* ]] ||
    complain "blown up: $(cat "$scratch/err")"
[ "$(wc -l <"$scratch/err")" = 1 ] || complain "blown up: more than one message: $(cat "$scratch/err")"
# Two atoms are fast, on two ranks: the faster one is named. It is still in the box, where migration would find it a place.
"$ALLOT_BUILD/allot-md" --lj 1372 --steps 0 -q -o "$scratch/fast" >/dev/null
for atom in 17 1360; do
    awk -v atom=$atom 'NR == atom + 2 { $0 = substr($0, 1, 20) sprintf("%11.6f%11.6f%11.6f%11.7f%11.7f%11.7f",
        substr($0, 21, 11), substr($0, 32, 11), substr($0, 43, 11), 0, atom == 17 ? 800 : 900, 0) } { print }' \
        "$scratch/fast/final.gro" >"$scratch/fast.gro"
    cp "$scratch/fast.gro" "$scratch/fast/final.gro"
done
status=0
on 3 -q "$ALLOT_BUILD/allot-md-mpi" --conf "$scratch/fast.gro" --grid 1x1x3 --steps 50 -j 1 >"$scratch/out" 2>"$scratch/err" || status=$?
[ "$status" = 1 ] || complain "a fast atom: status $status"
[[ $(cat "$scratch/err") == "allot md: rank 0 of 3: step 1: an atom moved by 4.5"*" since pairs were last listed, farther than they are (3.2): "*"Farthest went atom 1360 (LJ of 1360LJ): "* ]] ||
    complain "a fast atom: $(cat "$scratch/err")"

# Started by an srun that MPI knows nothing of: as many simulations, not as many ranks.
status=0
SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0 "$ALLOT_BUILD/allot-md-mpi" --lj 500 -j 1 >"$scratch/out" 2>"$scratch/err" || status=$?
{ [ "$status" = 2 ] && grep -q 'srun started 2 of this' "$scratch/err"; } || complain "alone under srun: status $status, $(cat "$scratch/err")"
exit $failed
