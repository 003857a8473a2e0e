#!/bin/bash
# top.sh - topologies, against grompp: what it makes of each file, dumped, is what our reader makes of it (top.py).
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d
reference=$mdref
needs_recorded "$reference/pdb" GROMACS
gromacs_top=/usr/share/gromacs/top

# compare TOP GRO CONSTRAINTS [DEFINE...]
compare() {
    local top=$1 conf=$2 constraints=$3 define options=()
    shift 3
    echo "$top $constraints $*"
    for define; do options+=(-D "$define"); done
    printf 'define = %s\nconstraints = %s\nrcoulomb = 0.8\nrvdw = 0.8\nrlist = 0.8\n' "${*/#/-D}" "$constraints" >run.mdp
    gmx_d grompp -f run.mdp -c "$conf" -r "$conf" -p "$top" -o run.tpr -po out.mdp -maxwarn 9 >gmx.log 2>&1 ||
        { tail -20 gmx.log; failed=1; return; }
    gmx_d dump -s run.tpr >theirs.txt 2>/dev/null
    [ "$constraints" = none ] || options+=("$constraints")
    "$ALLOT_BUILD/tests/top_tool" "$top" "${options[@]}" >ours.txt && $python "$ALLOT_SOURCE/tests/md/top.py" ours.txt theirs.txt ||
        failed=1
}

# pdb NAME FORCE_FIELD WATER: a protein and its crystal's waters, as pdb2gmx makes them
pdb() {
    gmx pdb2gmx -f "$reference/pdb/$1.pdb" -ff "$2" -water "$3" -ignh -o "$2.gro" -p "$2.top" >gmx.log 2>&1 ||
        { tail -20 gmx.log; exit 1; }
    compare "$2.top" "$2.gro" none POSRES
    compare "$2.top" "$2.gro" h-bonds FLEXIBLE
    compare "$2.top" "$2.gro" all-bonds
}

$python - "$ALLOT_SOURCE/tests/data/top/mix.top" >mix.gro <<'END'
import sys
names = "CA HA1 HA2 CB O N h M1 M2 M3 M4 M5 C C".split()
atoms = names + 3 * ["OW", "HW1", "HW2"] + 2 * names
print("mix", len(atoms), sep="\n")
for k, name in enumerate(atoms):
    print(f"{1:5d}{'A':5s}{name:>5s}{k + 1:5d}{k % 10 * 0.3:8.3f}{k // 10 * 0.3:8.3f}{0:8.3f}")
print("6 6 6")
END
for constraints in none h-bonds all-bonds; do
    compare "$ALLOT_SOURCE/tests/data/top/mix.top" mix.gro $constraints
done
[ -d $gromacs_top/amber03.ff ] || skip "no force fields in $gromacs_top (Debian: gromacs-data)"
pdb 1ubq amber03 tip4p
pdb 1ubq charmm27 tips3p
pdb 1ubq oplsaa tip5p
pdb 1ubq gromos54a7 spc
export GMXLIB=$reference/top
for system in 04_water216/{topol_tip3p.top,conf_tip3p.gro} 04_water216/{topol_spce.top,conf_spce.gro}; do
    case $system in *.top) top=$system; continue ;; esac
    compare "$reference/$top" "$reference/$system" none
    compare "$reference/$top" "$reference/$system" h-bonds FLEXIBLE
done
for system in 06_ala2_tip3p 07_ubq_amber 08_gb1_charmm 09_lyso_opls; do
    compare "$reference/$system/topol.top" "$reference/$system/conf.gro" h-bonds POSRES
done
exit $failed
