#!/bin/bash
# amber.sh - molecules in AMBER's files and in GROMACS': the same, to the digits that a prmtop has (amber.py). The files are made here: by
# GROMACS' tools from tests/data/md/hairpin.pdb, and from what these wrote by ParmEd. (Files that were written by hand: test_parm.c.)
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d amber99sb-ildn charmm27 amber03
needs_numpy
$python -c 'import parmed' 2>/dev/null || skip "no ParmEd (Debian: python3-parmed)"
export GMX_NBNXN_EWALD_ANALYTICAL=1
printf '%s\n' 'rlist = 0.9' 'rcoulomb = 0.8' 'rvdw = 0.8' >ions.mdp
while read -r field water points shape solvent; do
    mkdir "$field"
    cd "$field"
    quietly gmx pdb2gmx -f "$ALLOT_SOURCE/tests/data/md/hairpin.pdb" -ff "$field" -water "$water" -ignh -o peptide.gro -p topol.top
    quietly gmx editconf -f peptide.gro -o box.gro -bt "$shape" -d 0.5 -c
    quietly gmx solvate -cp box.gro -cs "$solvent" -p topol.top -o full.gro
    # Some of the waters; -maxsol takes others each time.
    natoms=$(($(sed -n 2p peptide.gro) + 160 * points))
    { echo wet; echo $natoms; sed -n "3,$((natoms + 2))p;\$p" full.gro; } >wet.gro
    sed -i 's/^SOL .*/SOL 160/' topol.top
    quietly gmx grompp -f ../ions.mdp -c wet.gro -p topol.top -o ions.tpr -maxwarn 3
    echo SOL | gmx genion -s ions.tpr -p topol.top -o wet.gro -neutral -np 2 -rmin 0.3 -seed 5 >gmx.log 2>&1 || { cat gmx.log; exit 1; }
    cd ..
done <<END
amber99sb-ildn tip3p 3 cubic spc216.gro
charmm27 tip3p 3 octahedron spc216.gro
amber03 tip4p 4 cubic tip4p.gro
END
$python "$ALLOT_SOURCE/tests/md/amber.py"
