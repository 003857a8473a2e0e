#!/bin/bash
# reference.sh - position restraints, against GROMACS in double precision: forces, energy and virial of atoms that are held
# in places of another file, in another box, with each refcoord-scaling.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d
cat >held.top <<END
[ defaults ]
1 1
[ atomtypes ]
C 12 0 A 0 0
[ moleculetype ]
R 1
[ atoms ]
1 C 1 R C1 1
2 C 1 R C2 1 0 20
3 C 1 R C3 1 0 3
[ position_restraints ]
1 1 100 200 300
3 1 0 50 0
1 1 10 10 10
[ moleculetype ]
free 1
[ atoms ]
1 C 1 R C1 1
2 C 1 R C2 1
3 C 1 R C3 1
[ system ]
held
[ molecules ]
free 1
R 11
free 1
R 7
END
while read -r shape scaling then now; do
    # shellcheck disable=SC2086 # of a box each number is a word
    $python "$ALLOT_SOURCE/tests/md/reference.py" start 1 ${then//,/ } >then.gro
    # shellcheck disable=SC2086
    $python "$ALLOT_SOURCE/tests/md/reference.py" start 2 ${now//,/ } >now.gro
    printf '%s\n' "refcoord-scaling = $scaling" 'verlet-buffer-tolerance = -1' 'rlist = 1' 'rvdw = 1' 'rcoulomb = 1' 'nstenergy = 1' \
        'nstcalcenergy = 1' 'nstfout = 1' 'nsteps = 0' 'comm-mode = None' 'continuation = yes' >run.mdp
    {
        gmx_d grompp -f run.mdp -c now.gro -r then.gro -p held.top -o run.tpr -maxwarn 5
        gmx_d mdrun -s run.tpr -o theirs.trr -e theirs.edr -g theirs.log -c last.gro -ntmpi 1 -ntomp 1
        printf 'Position-Rest.\nVir-XX\nVir-YY\nVir-ZZ\n\n' | gmx_d energy -f theirs.edr -o theirs.xvg -dp
    } >gmx.log 2>&1 || { cat gmx.log; exit 1; }
    "$ALLOT_BUILD/tests/reference_tool" held.top now.gro then.gro "$scaling" >"$shape.$scaling"
    $python "$ALLOT_SOURCE/tests/md/reference.py" compare "$shape.$scaling" theirs.trr theirs.xvg || failed=1
done < <(
    for scaling in no all com; do
        echo "cuboid $scaling 7,8,6.5 6,7.5,7"
        echo "dodecahedron $scaling 7,7,4.949747468,0,0,0,0,3.5,3.5 6,6,4.242640687,0,0,0,0,3,3"
        echo "leaning $scaling 7,6.1,5.2,0,0,1.1,0,-2.2,-1.3 6.5,6.3,5.5,0,0,1.3,0,-2,-1.4"
    done
)
exit $failed
