#!/bin/bash
# check.sh - allot md --check as it is typed: what it says of files that fit together, and of those that do not.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
md() {
    status=0
    "$ALLOT" md "$@" >"$out" 2>"$err" || status=$?
}
mkdir ff
cat >ff/field.itp <<'END_ITP'
[ defaults ]
1 2 yes 0.5 0.8333
[ atomtypes ]
OW 8 16.0 0.0 A 0.315061 0.636386
HW 1 1.008 0.0 A 0 0
NA 11 22.99 0.0 A 0.332840 0.0115897
END_ITP
cat >system.top <<'END_TOP'
#include "field.itp"
[ moleculetype ]
SOL 2
[ atoms ]
1 OW 1 SOL OW 1 -0.834 16.0
2 HW 1 SOL HW1 1 0.417 1.008
3 HW 1 SOL HW2 1 0.417 1.008
#ifdef FLEXIBLE
[ bonds ]
1 2 1 0.09572 502416
1 3 1 0.09572 502416
[ angles ]
2 1 3 1 104.52 628.02
#else
[ settles ]
1 1 0.09572 0.15139
[ exclusions ]
1 2 3
2 1 3
3 1 2
#endif
[ moleculetype ]
NA 1
[ atoms ]
1 NA 1 NA NA 1 1.0
[ system ]
two waters and an ion
[ molecules ]
SOL 2
NA 1
END_TOP
cat >conf.gro <<'END_GRO'
two waters and an ion
7
    1SOL     OW    1   0.100   0.100   0.100
    1SOL    HW1    2   0.195   0.100   0.100
    1SOL    HW2    3   0.080   0.190   0.100
    2SOL     OW    4   1.100   0.100   0.100
    2SOL    HW1    5   1.195   0.100   0.100
    2SOL    HW2    6   1.080   0.190   0.100
    3NA      NA    7   1.500   1.500   1.500
   3.00000   3.00000   3.00000
END_GRO
printf '%s\n' 'include = -Iff' 'constraints = h-bonds' 'lincs-warnangle = 90' >run.mdp

# ---- what fits ----------------------------------------------------------------------------------------
md --check --topology system.top -f run.mdp --conf conf.gro
verify test "$status" = 0
verify grep -q '^system     two waters and an ion$' "$out"
verify grep -q '^atoms      7, of 3 types; mass 59.022 u, charge 1.0000 e$' "$out"
verify grep -q '^molecules  2 x SOL, of 3 atoms$' "$out"
verify grep -q '^terms      2 rigid waters$' "$out"
verify grep -q '^box        3 x 3 x 3 nm$' "$out"
verify grep -qE '^speed      about [0-9.e+]+ ns/day on this machine' "$out"
verify grep -q 'warning: run.mdp:3: lincs-warnangle has no effect here$' "$err"
printf '%s\n' 'include = -Iff' 'define = -DFLEXIBLE' >flexible.mdp
md --check --json --topology system.top -f flexible.mdp
verify test "$status" = 0
verify test "$($python -c 'import json, sys; t = json.load(sys.stdin); print(t["atoms"], t["charge"], t["terms"])' <"$out")" = \
    "7 1 {'bonds': 4, 'angles': 2}"
awk '{ print $0 == "NA 1" ? "N\"\\A 1" : $0 }' system.top >odd.top # quotes and backslashes are names, too
md --check --json --topology odd.top -f flexible.mdp
verify test "$($python -c 'import json, sys; print(json.load(sys.stdin)["molecules"][1]["name"])' <"$out")" = 'N"\A'
echo 'constraints = h-bonds' >>flexible.mdp
md --check --topology system.top -f flexible.mdp
verify grep -q '^terms      4 constraints$' "$out"
verify test "$(grep -c bonds "$out")" = 0
sed 's/NA      NA/NA     NA+/' conf.gro >other.gro
md --check -p system.top -f run.mdp -c other.gro
verify test "$status" = 0
verify grep -q 'warning: other.gro: atom 7 is called NA+, and NA in the topology (NA)$' "$err"
awk 'BEGIN { print "CRYST1   30.000   40.000   30.000  90.00  90.00  90.00" }
    NR > 2 && NR < 10 { printf "ATOM  %5d %-4s %-4s %4d    %8.3f%8.3f%8.3f\n", NR - 2, $2, substr($1, 2), NR, 10 * $4, 10 * $5, 10 * $6 }' \
    other.gro >other.pdb
md --check -p system.top -f run.mdp -c other.pdb
verify test "$status" = 0
verify grep -q '^box        3 x 4 x 3 nm$' "$out"
verify test "$(grep -c 'is called' "$err")" = 1
verify grep -q 'warning: other.pdb: atom 7 is called NA+, and NA in the topology (NA)$' "$err"

# ---- what does not ------------------------------------------------------------------------------------
md --check -p system.top
verify test "$status" = 1
verify grep -q 'system.top:1: .*field.itp' "$err"
sed '9d; s/^7$/6/' conf.gro >short.gro
md --check -p system.top -f run.mdp -c short.gro
verify test "$status" = 1
verify grep -q 'short.gro has 6 atoms, the topology 7: ' "$err"
echo 'pull = yes' >>run.mdp
md --check -p system.top -f run.mdp
verify test "$status" = 1
verify grep -q 'run.mdp:4: pull = yes is not supported; it takes no$' "$err"
md --check
verify test "$status" = 2
verify grep -q -- '--check: of which topology?' "$err"
md -p system.top --lj 500
verify test "$status" = 2
verify grep -q 'molecules take three files' "$err"
md --check -p nowhere.top
verify test "$status" = 1
verify grep -q 'nowhere.top' "$err"
done_testing
