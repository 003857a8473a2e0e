#!/bin/bash
# tune.sh - electrostatics that are split otherwise over ranks: the same energies on any cut; all ranks take the same split; what goes on
# has the same bits.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
water=/usr/share/gromacs/top/spc216.gro
[ -e $water ] || { echo "skipped: no $water (Debian: gromacs-data)"; exit 77; }
data=$ALLOT_SOURCE/tests/data/md
{ sed 's/0.8/0.5/' "$data/spc.mdp"; printf 'coulombtype = PME\nfourierspacing = 0.03\n'; } >"$scratch/fine.mdp"
md=("$ALLOT_BUILD/allot-md-mpi" -f "$scratch/fine.mdp" -c $water -p "$data/spc.top" -j 1 --renew 100 --frames 0 --balance never -q)

# Ten digits of each energy, but of the pressure, which is a small difference.
digits() {
    grep -o '"[a-z]*":[-0-9.e]*' | grep -v pressure | awk -F : '{ printf "%s %.10g\n", $1, $2 }'
}
for factor in 1 1.7; do
    for grid in 1x1x1 2x1x1 1x2x2; do
        n=$(($(echo $grid | tr x '*')))
        on $n "${md[@]}" --grid $grid --tune-pme $factor --precision double --steps 0 --json | digits >"$scratch/$factor.$grid"
        cmp "$scratch/$factor.1x1x1" "$scratch/$factor.$grid" || complain "by $factor: $grid ranks differ from one"
    done
done
cmp -s "$scratch/1.1x1x1" "$scratch/1.7.1x1x1" && complain "a factor changes nothing"

# A mesh that is much too fine: what is measured says so, but for moments when the processors are others'.
for n in 2 4; do
    run=$scratch/run.$n
    for attempt in 1 2 3 4; do
        rm -rf "$run"
        on $n "${md[@]}" --steps 500 -o "$run" >/dev/null || complain "$n ranks do not run"
        grep -q '^pme       electrostatics to .* instead of what was asked for: the fastest of those tried$' "$run/md.log" && break
        [ $attempt -lt 4 ] || complain "$n ranks: $(grep '^pme' "$run/md.log")"
    done
done
run=$scratch/run.2
cp -r "$run" "$run.again"
on 2 "${md[@]}" --steps 700 --resume -o "$run" >/dev/null || complain "it does not go on"
for last in 600 700; do
    on 2 "${md[@]}" --steps $last --resume -o "$run.again" >/dev/null || complain "it does not go on to $last"
done
for file in energies.jsonl final.gro checkpoint; do
    cmp "$run/$file" "$run.again/$file" || complain "it went on to another $file"
done
# Others go on from there with the same split.
on 1 "${md[@]}" --steps 600 --resume -o "$scratch/run.4" >/dev/null || complain "one rank does not go on"
[ "$(grep -c ', by --tune-pme)' "$scratch/run.4/md.log")" = 1 ] || complain "another split: $(grep '^pairs' "$scratch/run.4/md.log")"
exit $failed
