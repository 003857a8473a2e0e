#!/bin/bash
# broken.sh - files of a simulation that cannot be, each with what is said of it: where, what, and a way out. What the readers find by
# themselves is in check.sh, test_top.c and test_mdp.c.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
cat >system.top <<'END_TOP'
#include "field.itp"
[ moleculetype ]
CHAIN 3
[ atoms ]
1 C 1 CHN C1 1 0.2 12.0
2 C 1 CHN C2 2 -0.1 12.0
3 C 1 CHN C3 3 -0.1 12.0
[ bonds ]
1 2 1 0.15 200000
2 3 1 0.15 200000
[ angles ]
1 2 3 1 110 500
[ moleculetype ]
SOL 2
[ atoms ]
1 OW 1 SOL OW 1 -0.834 16.0
2 HW 1 SOL HW1 1 0.417 1.008
3 HW 1 SOL HW2 1 0.417 1.008
[ settles ]
1 1 0.09572 0.15139
[ exclusions ]
1 2 3
2 1 3
3 1 2
[ system ]
two chains and a water
[ molecules ]
CHAIN 2
SOL 1
END_TOP
mkdir ff
cat >ff/field.itp <<'END_ITP'
[ defaults ]
1 2 yes 0.5 0.8333
[ atomtypes ]
C 6 12.0 0.0 A 0.34 0.36
OW 8 16.0 0.0 A 0.315061 0.636386
HW 1 1.008 0.0 A 0 0
END_ITP
cat >conf.gro <<'END_GRO'
two chains and a water
9
    1CHN     C1    1   0.500   0.500   0.500
    1CHN     C2    2   0.650   0.500   0.500
    1CHN     C3    3   0.700   0.640   0.500
    2CHN     C1    4   1.500   0.500   0.500
    2CHN     C2    5   1.650   0.500   0.500
    2CHN     C3    6   1.700   0.640   0.500
    3SOL     OW    7   1.000   1.500   1.500
    3SOL    HW1    8   1.096   1.500   1.500
    3SOL    HW2    9   0.976   1.593   1.500
   3.00000   3.00000   3.00000
END_GRO
cat >run.mdp <<'END_MDP'
integrator = md
nsteps = 20
dt = 0.001
include = -Iff
rlist = 1.0
rcoulomb = 0.9
rvdw = 0.9
coulombtype = Cut-off
END_MDP

# refused STATUS PATTERN ARG... - it ends with this status, and its errors have the pattern (of grep -E).
refused() {
    local want=$1 pattern=$2
    shift 2
    rm -rf out
    status=0
    timeout 60 "$ALLOT" md -q -o out "$@" >"$out" 2>"$err" || status=$?
    nchecks=$((nchecks + 1))
    [ "$status" = "$want" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" "$err"; } ||
        depth=1 fail "allot md $*: status $status, expected $want; it said: $(head -c 500 "$err"); expected: $pattern"
}
# taken ARG... - it runs, and says nothing.
taken() { refused 0 '' "$@" && verify test ! -s "$err"; }
# with FILE EXPRESSION - a copy of a file, changed by sed, under the name new.<its suffix>; it must be another one.
with() {
    sed -E "$2" "$1" >"new.${1##*.}"
    ! cmp -s "$1" "new.${1##*.}" || fail "$2 changes nothing in $1"
}
taken -f run.mdp -c conf.gro -p system.top
verify test -s out/final.gro

# ---- files ------------------------------------------------------------------------------------------
refused 1 'nowhere.mdp: No such file or directory$' -f nowhere.mdp -c conf.gro -p system.top
refused 1 'nowhere.gro: No such file or directory$' -f run.mdp -c nowhere.gro -p system.top
refused 1 'nowhere.top.*(No such file|there is no)' -f run.mdp -c conf.gro -p nowhere.top
refused 2 'molecules take three files' -c conf.gro -p system.top
refused 2 'of which molecules\? Name their topology with -p' -f run.mdp -c conf.gro
with run.mdp 's/-Iff/-Ielsewhere/'
refused 1 'system.top:1: there is no "field.itp", neither beside this file nor in -I folders' -f new.mdp -c conf.gro -p system.top

# ---- parameters: a key that is not known, not supported, or has a value of another kind, by its line -----------
with run.mdp 's/^nsteps = 20/nsteps = many/'
refused 1 'new.mdp:2: nsteps = many: an integer' -f new.mdp -c conf.gro -p system.top
with run.mdp 's/^rlist/rlst/'
refused 1 'new.mdp:5: there is no key rlst' -f new.mdp -c conf.gro -p system.top
with run.mdp 's/= Cut-off/= PME-switch/'
refused 1 'new.mdp:8: coulombtype = PME-switch is not supported; it takes cut-off, reaction-field, pme$' -f new.mdp -c conf.gro -p system.top
for key in 'cutoff-scheme = group' 'vdwtype = PME' 'comm-mode = angular' 'pull = yes' 'nwall = 2' 'free-energy = yes' 'implicit-solvent = GBSA'; do
    with run.mdp "\$a\\$key"
    refused 1 "new.mdp:9: ${key%% *} = [A-Za-z0-9]+ is not supported" -f new.mdp -c conf.gro -p system.top
done
with run.mdp 's/^dt = 0.001/dt = -1/'
refused 1 'new.mdp:3: dt' -f new.mdp -c conf.gro -p system.top

# ---- a topology and a structure that are not of each other --------------------------------------------
with system.top 's/^CHAIN 2/CHAIN 3/'
refused 1 'conf.gro has 9 atoms, the topology 12: are all molecules, and so many of each, in its \[ molecules \]\?$' -f run.mdp -c conf.gro -p new.top
with system.top 's/^1 C 1 CHN C1/1 CX 1 CHN C1/'
refused 1 'new.top:5: there is no atom type CX$' -f run.mdp -c conf.gro -p new.top
with system.top 's/^SOL 1$/WATER 1/'
refused 1 'new.top:29: there is no \[ moleculetype \] WATER$' -f run.mdp -c conf.gro -p new.top
with system.top 's/^2 3 1 0.15/2 3 6 0.15/'
refused 1 'new.top:10: function 6 of \[ bonds \] is not supported; supported: 1 2' -f run.mdp -c conf.gro -p new.top
with system.top 's/^1 2 3 1 110 500/1 2 4 1 110 500/'
refused 1 'new.top:12: ' -f run.mdp -c conf.gro -p new.top
with system.top 's/^1 1 0.09572 0.15139/1 1 0.09572 0.25139/'
refused 1 'new.top:20: \[ settles \]: no water has its hydrogens 0.09572 nm from the oxygen and 0.25139 nm from each other$' -f run.mdp -c conf.gro -p new.top
with conf.gro '5s/0.640/0.6x0/'
refused 1 'new.gro:5:32: y is no number: "0.6x0"' -f run.mdp -c new.gro -p system.top
head -8 conf.gro >new.gro
refused 1 'new.gro.*(7|8|9)' -f run.mdp -c new.gro -p system.top

# ---- boxes ------------------------------------------------------------------------------------------
with conf.gro '$s/.*/0 0 0/'
refused 1 'new.gro: the box has no volume.*gmx editconf -d 1 makes one$' -f run.mdp -c new.gro -p system.top
with conf.gro '$s/.*/1 3 3/'
refused 1 'a box of 1 x 3 x 3 .* is shorter than cut-off and skin, [0-9.]+: take a larger box .*or shorter cut-offs in the parameters$' -f run.mdp -c new.gro -p system.top

# ---- atoms where they cannot be ---------------------------------------------------------------------
# The first chain's end is half a box away: 1.55 nm one way, 1.45 the other; a bond and an angle have no atoms near each other.
with conf.gro '5s/0.700   0.640   0.500/2.150   0.640   0.500/'
refused 1 'of 4 bonds, 1 have atoms that are [0-9.]+ nm or more apart: a molecule is torn, or longer than the box$' -f run.mdp -c new.gro -p system.top
# Across the boundary it is whole.
with conf.gro 's/CHN(.*)   0.5(.0)(   0.[56].0   0.500)$/CHN\1  -0.1\2\3/; s/   0.700   0.640/   3.050   0.640/'
taken -f run.mdp -c new.gro -p system.top
# Where two atoms are at one place the energy is no number; where they are almost, they fly away.
with conf.gro '6s/1.500   0.500   0.500/0.500   0.500   0.500/'
refused 1 'atoms are on top of each other' -f run.mdp -c new.gro -p system.top
with conf.gro '6s/1.500   0.500   0.500/0.502   0.500   0.500/'
refused 1 'step [0-9]+: .*blew up; a shorter time step may help, or atoms that are less close.*Farthest went atom' -f run.mdp -c new.gro -p system.top
# A water that a neighbour tears at more than its lengths can follow.
with conf.gro '6s/1.500   0.500   0.500/1.000   1.505   1.500/'
refused 1 'atom 7 \(OW of 1SOL, in SOL\): a constrained length cannot be kept: .*a shorter time step may help, or a minimised structure' -f run.mdp -c new.gro -p system.top
printf '%s\n' 'constraints = all-bonds' 'continuation = yes' | cat run.mdp - >new.mdp
with conf.gro '5s/0.700   0.640   0.500/1.600   0.640   0.500/'
refused 1 'atom [123] \(C[123] of 1CHN, in CHAIN\): a constrained length cannot be kept: .*began too far from each other' -f new.mdp -c new.gro -p system.top
# What ended badly is not taken for what ended: no structure is left as the final one.
verify test ! -e out/final.gro
done_testing
