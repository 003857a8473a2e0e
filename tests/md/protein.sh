#!/bin/bash
# protein.sh FORCE_FIELD WATER BOX - a peptide in salt water, made here by GROMACS' own tools from tests/data/md/hairpin.pdb, then ten
# steps of it by GROMACS in double precision and by `allot md` from the same files, with several kinds of electrostatics, Lennard-Jones
# forms, constraints and both integrators: energies, forces, positions (protein.py).
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
force_field=$1 water=$2 box=$3 solvent=spc216.gro
[ "$water" != tip4p ] || solvent=tip4p.gro
needs_gromacs gmx_d "$force_field"
# The near part of electrostatics by a function rather than from a table: then it is known to more than seven digits.
export GMX_NBNXN_EWALD_ANALYTICAL=1

printf '%s\n' 'integrator = steep' 'nsteps = 40' 'rlist = 0.9' 'rcoulomb = 0.8' 'rvdw = 0.8' 'coulombtype = Reaction-Field' >em.mdp
printf '%s\n' 'integrator = md' 'nsteps = 50' 'dt = 0.0005' 'rlist = 0.9' 'rcoulomb = 0.8' 'rvdw = 0.8' 'coulombtype = Reaction-Field' \
    'gen-vel = yes' 'gen-temp = 300' 'gen-seed = 5' 'nstxout = 50' 'nstvout = 50' 'constraints = h-bonds' >md.mdp
run() { # NAME OF A .mdp, CONF
    gmx grompp -f "$1.mdp" -c "$2" -p topol.top -o "$1.tpr" -po out.mdp -maxwarn 2 && gmx mdrun -s "$1.tpr" -deffnm "$1" -ntmpi 1 -ntomp 1
}
{
    gmx pdb2gmx -f "$ALLOT_SOURCE/tests/data/md/hairpin.pdb" -ff "$force_field" -water "$water" -ignh -o peptide.gro -p topol.top
    gmx editconf -f peptide.gro -o box.gro -bt "$box" -d 0.5 -c
    gmx solvate -cp box.gro -cs "$solvent" -p topol.top -o wet.gro
    gmx grompp -f em.mdp -c wet.gro -p topol.top -o ions.tpr -po out.mdp -maxwarn 2
    echo SOL | gmx genion -s ions.tpr -p topol.top -o salt.gro -neutral -conc 0.1 -seed 5
    run em salt.gro
    run md em.gro
} >gmx.log 2>&1 || { tail -40 gmx.log; exit 1; }
$python "$ALLOT_SOURCE/tests/md/protein.py" "$force_field"
