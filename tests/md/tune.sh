#!/bin/bash
# tune.sh - electrostatics split otherwise between pairs and mesh: by any factor they have no greater errors (tune.py); one that was found
# to be faster is what the same factor makes from the first step on, to the last bit, and what a restart goes on with; where none is faster
# nothing changes. What is faster is no question here: one mesh is so fine that any other is, the other so coarse that none is.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
water=/usr/share/gromacs/top/spc216.gro
[ -e $water ] || { echo "skipped: no $water (Debian: gromacs-data)"; exit 77; }
data=$ALLOT_SOURCE/tests/data/md
# mesh NAME SPACING CUTOFF - parameters.
mesh() { { sed "s/0.8/$3/" "$data/spc.mdp"; printf 'coulombtype = PME\nfourierspacing = %s\n' "$2"; } >"$1.mdp"; }
mesh usual 0.12 0.8
mesh fine 0.03 0.5
mesh coarse 0.2 0.8
mesh long 0.06 0.8
sed '$a coulombtype = Reaction-Field' "$data/spc.mdp" >field.mdp
# md PARAMETERS FOLDER OPTION... - -o FOLDER, unless that is -.
md() {
    local parameters=$1 folder=$2
    shift 2
    [ "$folder" = - ] || set -- -o "$folder" "$@"
    status=0
    "$ALLOT" md -f "$parameters.mdp" -c $water -p "$data/spc.top" -j 1 --renew 100 --frames 0 "$@" >"$out" 2>"$err" || status=$?
}
good() {
    md "$@"
    verify test "$status" = 0 || cat "$err"
}

# ---- errors ---------------------------------------------------------------------------------------------
if $has_numpy; then
    verify $python -B "$ALLOT_SOURCE/tests/md/tune.py" usual.mdp $water "$data/spc.top"
else
    pass_over "errors: no numpy (Debian: python3-numpy)"
fi

# ---- what is found, and what goes on with it --------------------------------------------------------------
good fine auto --steps 500
found='^pme       electrostatics to ([0-9.]+) and a mesh of ([0-9]+) x \2 x \2, instead of what was asked for: the fastest of those tried$'
verify grep -qE "$found" auto/md.log
verify grep -qE '^pme         64 x 64 x 64 to 0.5: pairs and lists [0-9.]+ ms, mesh [0-9.]+ ms a step$' auto/md.log
n=$(sed -nE "s/$found/\2/p" auto/md.log)
verify test "${n:-64}" -lt 64
factor=$(awk -v n="${n:-64}" 'BEGIN { printf "%.6f", 64 / n + 1e-6 }')
good fine pinned --steps 500 --tune-pme "$factor"
verify grep -q "a mesh of $n x $n x $n .*, by --tune-pme" pinned/md.log
verify cmp auto/final.gro pinned/final.gro
verify cmp <(tail -n 1 auto/energies.jsonl) <(tail -n 1 pinned/energies.jsonl)
verify eval '! cmp -s <(head -n 1 auto/energies.jsonl) <(head -n 1 pinned/energies.jsonl)'
good fine asked --steps 0 # the first row is of what was asked for
verify cmp <(head -n 1 auto/energies.jsonl) <(head -n 1 asked/energies.jsonl)
# One is gone on with in two parts, the other in one.
cp -r auto again
good fine auto --steps 700 --resume
good fine again --steps 600 --resume
good fine again --steps 700 --resume --tune-pme never # it has been
good fine pinned --steps 700 --resume --tune-pme "$factor"
for file in final.gro energies.jsonl energies.xvg checkpoint; do
    verify cmp auto/$file again/$file
done
verify cmp auto/final.gro pinned/final.gro
verify test "$(grep -c "a mesh of $n x $n x $n (order 4, beta [0-9.]*, by --tune-pme)" again/md.log)" = 2
verify test "$(grep -c '^pme  ' again/md.log)" = "$(grep -c '^pme  ' auto/md.log)" # nothing was looked for again
# Other parameters, or another factor, would be another simulation.
cp fine.mdp other.mdp
md other auto --steps 900 --resume
verify test "$status" = 2
verify grep -q 'was made with "parameters fine.mdp", and now it is' "$err"
md fine pinned --steps 900 --resume
verify test "$status" = 2
verify grep -q 'was made with "tune-pme [12]' "$err"
cp fine.mdp kept.mdp
mesh fine 0.025 0.5
md fine auto --steps 900 --resume
verify test "$status" = 2
verify grep -q 'auto/checkpoint was made with other electrostatics than fine.mdp has (rcoulomb, fourierspacing): say the same' "$err"
mv kept.mdp fine.mdp

# ---- nothing is faster, nothing is looked for ----------------------------------------------------------------
good coarse kept --steps 500
good coarse never --steps 500 --tune-pme never
verify grep -q '^pme       electrostatics to 0.8 and a mesh of 10 x 10 x 10, as asked for: by what it takes no coarser mesh can be 3 % faster$' kept/md.log
for file in final.gro energies.jsonl checkpoint; do
    verify cmp kept/$file never/$file
done
begun() { # as good, but it is soon ended
    md "$@" --timeout 0.2s
    verify test "$status" = 124 || cat "$err"
    verify grep -q '^ *0 ' "$2/md.log"
}
begun fine short --steps 499 --explain
verify grep -q '^pme       .* as asked for: too few steps for a search to pay$' "$err"
begun fine never.fine --steps 1000000 --tune-pme never
begun field field --steps 1000000
good fine later --steps 100 --tune-pme never
begun fine later --steps 1000000 --resume # what goes on has chosen
verify eval '! grep -q "^pme " never/md.log short/md.log never.fine/md.log field/md.log later/md.log'
good usual - --steps 2 --explain --json --tune-pme 1.4
tail -n 1 "$err" >report
verify grep -q '"pme":{"mesh":\[12,12,12\],"cutoff":1.06666667}' report

# ---- what cannot be -----------------------------------------------------------------------------------------
refused() { # PATTERN PARAMETERS OPTION...
    local pattern=$1 parameters=$2
    shift 2
    md "$parameters" - --steps 1 "$@"
    verify test "$status" = "${wanted:-2}"
    depth=1 verify grep -qE "$pattern" "$err" || cat "$err"
}
for value in 0.9 3.1 -1 1e1 nan 1.2x '' always; do
    refused '^allot md: --tune-pme: auto, never, or how much coarser the mesh may be: 1 to 3, as in 1.2$' usual --tune-pme "$value"
done
refused '^allot md: --tune-pme: field.mdp has electrostatics without a mesh \(coulombtype\)$' field --tune-pme 1.2
refused '^allot md: --tune-pme 2: a mesh of 6 x 6 x 6 points is too coarse for splines of order 4$' coarse --tune-pme 2
wanted=1 refused 'a box of 1.86206 x 1.86206 x 1.86206 .* is shorter than cut-off and skin, 2.[0-9]*: .*smaller factor of --tune-pme' long --tune-pme 3
status=0
"$ALLOT" md --lj 500 --tune-pme auto >"$out" 2>"$err" || status=$?
verify test "$status" = 2
verify grep -q -- '--tune-pme: of which molecules? Name their topology with -p FILE.top' "$err"
done_testing
