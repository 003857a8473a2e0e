#!/bin/bash
# keys.sh - a small peptide in water, and the keys of run parameters that say when time begins, which groups of atoms are still, frozen,
# written or held at a temperature: by GROMACS in double precision and by `allot md` from the same files (keys.py). And what is refused.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d amber99sb-ildn
needs_numpy
export GMX_NBNXN_EWALD_ANALYTICAL=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

printf '%s\n' 'integrator = steep' 'nsteps = 60' 'rlist = 0.9' 'rcoulomb = 0.8' 'rvdw = 0.8' 'coulombtype = Reaction-Field' >em.mdp
printf '%s\n' 'nsteps = 50' 'dt = 0.001' 'rlist = 0.9' 'rcoulomb = 0.8' 'rvdw = 0.8' 'coulombtype = Reaction-Field' 'gen-vel = yes' \
    'gen-temp = 300' 'gen-seed = 5' 'nstxout = 50' 'nstvout = 50' 'constraints = h-bonds' >md.mdp
run() { # NAME OF A .mdp, CONF
    quietly gmx grompp -f "$1.mdp" -c "$2" -p topol.top -o "$1.tpr" -po out.mdp -maxwarn 2
    quietly gmx mdrun -s "$1.tpr" -deffnm "$1" -ntmpi 1 -ntomp 1
}
quietly gmx pdb2gmx -f "$ALLOT_SOURCE/tests/data/md/alanine.pdb" -ff amber99sb-ildn -water tip3p -o peptide.gro -p topol.top
quietly gmx editconf -f peptide.gro -o box.gro -box 2.2 -c
quietly gmx solvate -cp box.gro -p topol.top -o wet.gro
run em wet.gro
run md em.gro
cat >groups.ndx <<END
[ System ]
$(seq 1042)
[ Protein ]
$(seq 22)
[ Water ]
$(seq 23 1042)
[ ends ]
1042 1040 1041 25 24 23
[ slope ]
1 2 3 4 5 6 7
[ pillar ]
13 11 12 500 501
END
quietly gmx_d editconf -f md.gro -translate 1.1 1.1 1.1 -o moved.gro
quietly gmx_d grompp -f md.mdp -c moved.gro -p topol.top -o moved.tpr -po out.mdp -maxwarn 2
gmx_d trjconv -f moved.gro -s moved.tpr -pbc atom -o torn.gro <<<System >gmx.log 2>&1 || { tail -40 gmx.log; exit 1; }
$python "$ALLOT_SOURCE/tests/md/keys.py" "$ALLOT" || failed=1

# ---- what is refused --------------------------------------------------------------------------------------
# refused PATTERN LINE... - with these lines more in the parameters it ends with status 1, and says so.
refused() {
    local pattern=$1 status=0
    shift
    printf '%s\n' 'nsteps = 1' 'rcoulomb = 0.85' 'rvdw = 0.85' 'coulombtype = Reaction-Field' 'constraints = h-bonds' "$@" >bad.mdp
    "$ALLOT" md -q -f bad.mdp -c md.gro -p topol.top --index groups.ndx >out 2>err || status=$?
    [ "$status" = 1 ] && grep -qE -- "$pattern" err || complain "status $status, and it said: $(cat err); expected: $pattern"
}
refused 'bad.mdp: comm-grps: atom 1 is in System and in a group before it' 'comm-grps = Protein System'
refused 'bad.mdp: compressed-x-grps: atom 1 is in System and in a group before it' 'compressed-x-grps = Protein System'
refused 'bad.mdp: comm-grps: groups.ndx has no group Solvent; there are: System, Protein, Water, ends, ' 'comm-grps = Protein Solvent'
refused 'bad.mdp: freezedim: atom 1 \(CH3 of 1ACE\) is frozen along some directions, and has constraints' 'freezegrps = Protein' 'freezedim = Y N N'
refused 'bad.mdp: freezedim: atom 23 \(OW of 1SOL\) .* has rigid waters, which' 'freezegrps = Water' 'freezedim = N N Y'
refused 'bad.mdp: freezedim: maybe: Y or N is wanted' 'freezegrps = Protein' 'freezedim = Y maybe N'
refused 'pcoupl: parrinello-rahman is supported with integrator = md' 'integrator = md-vv' 'tcoupl = nose-hoover' 'tc-grps = System' 'tau-t = 1' \
    'ref-t = 300' 'pcoupl = parrinello-rahman' 'ref-p = 1' 'compressibility = 4.5e-5' 'tau-p = 2'
refused 'bad.mdp:[0-9]+: pcoupl = MTTK is not supported; it takes no, berendsen, c-rescale, parrinello-rahman' 'integrator = md-vv' 'pcoupl = MTTK'
refused 'nh-chain-length: at most 32' 'integrator = md-vv' 'tcoupl = nose-hoover' 'tc-grps = System' 'tau-t = 1' 'ref-t = 300' 'nh-chain-length = 33'
exit $failed
