#!/bin/bash
# skewed.sh - boxes that are not rectangular, against GROMACS in double precision: it computes the frames of a run of ours
# anew, from our .trr, and finds our energies, pressures and forces. Its names for our units: nm, kJ/mol, u.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d

cat >topol.top <<END
[ defaults ]
1 1 no 1.0 1.0
[ atomtypes ]
LJ 1.0 0.0 A 4.0 4.0
[ moleculetype ]
LJ 1
[ atoms ]
1 LJ 1 LJ LJ 1 0.0 1.0
[ system ]
crystal
[ molecules ]
LJ 729
END
cat >run.mdp <<END
cutoff-scheme = Verlet
verlet-buffer-tolerance = -1
rlist = 2.7
rvdw = 2.5
rcoulomb = 2.5
vdw-modifier = None
nstenergy = 1
nstcalcenergy = 1
nstfout = 1
continuation = yes
nsteps = 0
dt = 0.005
END
for shape in dodecahedron hexagonal octahedron leaning; do
    $python "$ALLOT_SOURCE/tests/md/skewed.py" start $shape 9 >$shape.gro
    "$ALLOT" md --conf $shape.gro --steps 200 --every 100 --full-frames 100 --frames 0 --precision double -q -o $shape >/dev/null
    {
        gmx_d grompp -f run.mdp -c $shape.gro -p topol.top -o run.tpr -maxwarn 2
        gmx_d mdrun -s run.tpr -rerun $shape/trajectory.trr -o theirs.trr -e theirs.edr -g theirs.log -ntmpi 1 -ntomp 1
        echo LJ-\(SR\) | gmx_d energy -f theirs.edr -o theirs.xvg -dp
        # Of frames that it is given it does not say the virial; of a run of no steps, it does.
        gmx_d grompp -f run.mdp -c $shape.gro -t $shape/trajectory.trr -time 1 -p topol.top -o last.tpr -maxwarn 2
        gmx_d mdrun -s last.tpr -e last.edr -g last.log -o last.trr -c last.gro -cpo last.cpt -ntmpi 1 -ntomp 1
        printf 'Vir-XX\nVir-YY\nVir-ZZ\n\n' | gmx_d energy -f last.edr -o last.xvg -dp
    } >gmx.log 2>&1 || { cat gmx.log; exit 1; }
    $python "$ALLOT_SOURCE/tests/md/skewed.py" compare $shape theirs.xvg theirs.trr last.xvg || failed=1
    rm -f theirs.*
done
exit $failed
