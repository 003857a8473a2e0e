#!/bin/bash
# sites.sh - virtual sites, against GROMACS in double precision: where a run of no steps puts them, what its atoms feel of
# what acts on them, and its virial. Of every kind, in a molecule that has all, and in four- and five-site waters.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d oplsaa
cat >run.mdp <<END
define = -DFLEXIBLE
cutoff-scheme = Verlet
verlet-buffer-tolerance = -1
rlist = 5
rvdw = 5
rcoulomb = 5
coulombtype = Cut-off
coulomb-modifier = None
vdw-modifier = None
comm-mode = None
nstenergy = 1
nstcalcenergy = 1
nstxout = 1
nstfout = 1
nsteps = 0
dt = 0.0001
END
for water in tip4p tip5p; do
    printf '#include "oplsaa.ff/forcefield.itp"\n#include "oplsaa.ff/%s.itp"\n[ system ]\nwater\n[ molecules ]\nSOL 20\n' \
        $water >$water.top
done
cp "$ALLOT_SOURCE/tests/data/top/sites.top" S.top
while read -r kind n; do
    $python "$ALLOT_SOURCE/tests/md/sites.py" start "$kind" "$n" 7 >start.gro
    {
        gmx_d grompp -f run.mdp -c start.gro -p "$kind.top" -o run.tpr -maxwarn 5
        gmx_d mdrun -s run.tpr -o theirs.trr -e theirs.edr -g theirs.log -c last.gro -ntmpi 1 -ntomp 1
        printf 'Vir-%s\n' XX XY XZ YX YY YZ ZX ZY ZZ | gmx_d energy -f theirs.edr -o theirs.xvg -dp
    } >gmx.log 2>&1 || { cat gmx.log; exit 1; }
    "$ALLOT_BUILD/tests/sites_tool" "$kind.top" start.gro >"$kind"
    $python "$ALLOT_SOURCE/tests/md/sites.py" compare "$kind" theirs.trr theirs.xvg || failed=1
done <<END
S 6
tip4p 20
tip5p 20
END
exit $failed
