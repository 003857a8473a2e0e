#!/bin/bash
# minimise.sh - steepest descent and L-BFGS against GROMACS, step by step (minimise.py): a small peptide in water, with
# constraints and without, and in vacuum. And what the command does about it: files, sentences, what it refuses.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d amber99sb-ildn
gmx_quiet() { quietly gmx_d -quiet "$@"; }

gmx_quiet pdb2gmx -f "$ALLOT_SOURCE/tests/data/md/alanine.pdb" -ff amber99sb-ildn -water tip3p -o peptide.gro -p vacuum.top
gmx_quiet editconf -f peptide.gro -o vacuum.gro -box 6 -c
cp vacuum.top water.top
gmx_quiet solvate -cp peptide.gro -p water.top -o water.gro -box 2.2

# parameters INTEGRATOR STEPS EMTOL LINE...
parameters() {
    printf 'integrator = %s\nnsteps = %d\nemtol = %s\nnstlog = %d\nnstenergy = %d\nnstlist = 1\n' "$1" "$2" "$3" "${every:-1}" "${every:-1}"
    shift 3
    printf '%s\n' "$@"
}
in_water=("coulombtype = PME" "rlist = 1" "rcoulomb = 0.9" "rvdw = 0.9" "fourierspacing = 0.12" "verlet-buffer-tolerance = -1")
in_vacuum=("coulombtype = Cut-off" "coulomb-modifier = None" "vdw-modifier = None" "rlist = 2.9" "rcoulomb = 2.8" "rvdw = 2.8"
    "verlet-buffer-tolerance = -1")

# compare NAME SYSTEM HOW [OPTION...]: both minimise by NAME.mdp, and agree
compare() {
    local name=$1 system=$2 how=$3
    shift 3
    gmx_quiet grompp -f "$name.mdp" -c "$system.gro" -p "$system.top" -o "$name.tpr" -po out.mdp -maxwarn 9
    gmx_d -quiet mdrun -s "$name.tpr" -deffnm "$name" -v -nt 1 >"$name.gmx" 2>&1 </dev/null || { tail "$name.gmx"; exit 1; }
    "$ALLOT" md -f "$name.mdp" -c "$system.gro" -p "$system.top" -o "$name" --precision double --json -q "$@" >"$name.jsonl"
    $python "$ALLOT_SOURCE/tests/md/minimise.py" "$how" "$name.gmx" "$name.jsonl" || complain "$name differs"
}

parameters steep 50 10 "${in_water[@]}" "constraints = h-bonds" "lincs-order = 8" "lincs-iter = 8" >rigid.mdp
compare rigid water path -j1
parameters steep 50 10 "${in_water[@]}" "define = -DFLEXIBLE" >flexible.mdp
compare flexible water path -n 2 -j1
parameters steep 50 10 "${in_vacuum[@]}" >free.mdp
compare free vacuum path
parameters l-bfgs 2000 0.01 "${in_vacuum[@]}" >bent.mdp
compare bent vacuum end

# ---- the command ----
status=0
md() {
    status=0
    "$ALLOT" md "$@" >out 2>err || status=$?
}
# says STATUS SENTENCE
says() {
    [ "$status" = "$1" ] || complain "status $status instead of $1: $(cat err)"
    grep -qF -- "$2" err || complain "not said: $2; but: $(cat err)"
}
parameters steep 500 200 "${in_vacuum[@]}" >coarse.mdp
md -f coarse.mdp -c vacuum.gro -p vacuum.top -o coarse
says 0 "converged to Fmax < 200 in "
[ "$(ls coarse)" = "$(printf 'energies.jsonl\nenergies.xvg\nfinal.gro\nmd.log')" ] || complain "other files: $(ls coarse)"
grep -q "^converged to Fmax < 200 in [0-9]* steps$" coarse/md.log || complain "the log does not say so"
awk 'NR > 2 && NF > 3 && length($0) != 20 + 3 * 11 { exit 1 }' coarse/final.gro || complain "velocities in final.gro"
md -f coarse.mdp -c vacuum.gro -p vacuum.top -o coarse
says 2 "coarse has a minimisation in it: take another folder"
md -f coarse.mdp -c vacuum.gro -p vacuum.top -o coarse --resume
says 2 "begin again, in another folder, with -c coarse/final.gro"
md -f coarse.mdp -c coarse/final.gro -p vacuum.top -o again
says 0 "converged to Fmax < 200 in 0 steps"
parameters md 10 0 "${in_vacuum[@]}" "dt = 0.0005" "gen-vel = yes" >run.mdp
md -f run.mdp -c coarse/final.gro -p vacuum.top -o run
says 0 ""
parameters steep 3 0 "${in_vacuum[@]}" "nstxout = 2" "nstfout = 2" >short.mdp
md -f short.mdp -c vacuum.gro -p vacuum.top -o short
says 0 "not converged to Fmax < 0 in 3 steps: the minimisation has done its steps"
gmx_quiet dump -f short/trajectory.trr
grep -q "natoms=  *22  *step=  *2 " gmx.log && grep -q "f (22x3)" gmx.log && ! grep -q "v (22x3)" gmx.log || complain "frames: $(grep -v '{' gmx.log)"
every=0 parameters steep 100000 0 "${in_vacuum[@]}" >deep.mdp
md -f deep.mdp -c vacuum.gro -p vacuum.top -o deep
says 0 "the minimisation has come as far as the precision of numbers allows"
parameters l-bfgs 10 0 "${in_water[@]}" >stiff.mdp
md -f stiff.mdp -c water.gro -p water.top
says 1 "integrator = l-bfgs: it keeps no lengths"
parameters steep 1000000 0 "${in_water[@]}" "define = -DFLEXIBLE" >long.mdp
"$ALLOT" md -f long.mdp -c water.gro -p water.top -o long -j1 >out 2>err &
while [ ! -s long/energies.xvg ] || [ "$(grep -vc '^[#@]' long/energies.xvg)" -lt 3 ]; do sleep 0.1; done
kill -INT $!
status=0
wait $! || status=$?
says 130 "the minimisation was stopped"
[ -s long/final.gro ] || complain "no structure is left of what was stopped"
exit $failed
