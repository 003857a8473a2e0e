#!/bin/bash
# couple.sh - thermostats and barostats against GROMACS's, step by step: 500 atoms of argon are simulated there, and velocities,
# places, boxes and what is conserved must be what our modules make of its energies, to the digits that it writes (couple.py).
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d
compare() { $python "$ALLOT_SOURCE/tests/md/couple.py" "$@"; }
compare inputs

# simulate NAME BOX LINE...: and compare
simulate() {
    local name=$1 box=$2
    shift 2
    {
        printf '%s\n' "integrator = md" "dt = 0.002" "nsteps = 40" "nstcalcenergy = 1" "nstenergy = 1" "nstxout = 1" "nstvout = 1" \
            "nstfout = 1" "rvdw = 0.85" "rcoulomb = 0.85" "vdw-modifier = force-switch" "rvdw-switch = 0.7" "comm-mode = none" \
            "gen-vel = yes" "gen-temp = 150" "gen-seed = 3" "ld-seed = 7" "tc-grps = A B" "tau-t = 0.05 0.1" "ref-t = 100 120" \
            "nsttcouple = 1" "pcoupl = no" "nstpcouple = 1" "tau-p = 0.5"
        printf '%s\n' "$@"
    } | tac | awk -F= '!seen[$1]++' | tac >"$name.mdp" # the last of each key
    quietly gmx_d grompp -f "$name.mdp" -c "$box.gro" -p argon.top -n groups.ndx -o "$name.tpr" -po out.mdp -maxwarn 9
    quietly gmx_d mdrun -s "$name.tpr" -deffnm "$name" -nt 1
    seq 100 | gmx_d energy -f "$name.edr" -dp -o "$name.xvg" >gmx.log 2>&1 || { tail -20 gmx.log; exit 1; }
    compare "$name" "$ALLOT_BUILD/tests/couple_tool" || failed=1
}

even=("ref-p = 1" "compressibility = 1e-4")
across=("pcoupltype = semiisotropic" "ref-p = 1 1" "compressibility = 1e-4 2e-4")
full=("pcoupltype = anisotropic" "ref-p = 1 1 1 0 0 0" "compressibility = 1e-4 2e-4 3e-4 1e-4 2e-4 3e-4")
straight=("pcoupltype = anisotropic" "ref-p = 1 1 1 0 0 0" "compressibility = 1e-4 2e-4 3e-4 0 0 0")
berendsen="pcoupl = berendsen" rahman="pcoupl = parrinello-rahman" chance="pcoupl = c-rescale"
simulate warm cube "tcoupl = berendsen" "nsttcouple = 5" "tau-t = 0.05 -1" "comm-mode = linear" "nstcomm = 1000"
simulate even cube "tcoupl = berendsen" "tau-t = 0.002 0.002" "ref-t = 10 900" "$berendsen" "nstpcouple = -1" "${even[@]}"
simulate even_leaning leaning "tcoupl = no" "$berendsen" "nstpcouple = 3" "${even[@]}"
simulate across_leaning leaning "tcoupl = nose-hoover" "$berendsen" "${across[@]}" "ref-p = 1 200"
simulate full_leaning leaning "tcoupl = no" "$berendsen" "${full[@]}"
simulate rahman cube "tcoupl = nose-hoover" "nsttcouple = -1" "$rahman" "nstpcouple = -1" "${even[@]}"
simulate rahman_leaning leaning "tcoupl = no" "$rahman" "nstpcouple = 2" "${even[@]}"
simulate rahman_across cube "tcoupl = berendsen" "$rahman" "${across[@]}"
simulate rahman_straight cube "tcoupl = no" "$rahman" "${straight[@]}"
simulate rahman_full leaning "tcoupl = nose-hoover" "$rahman" "${full[@]}"
simulate chance cube "tcoupl = v-rescale" "$chance" "nsteps = 150" "${even[@]}"
simulate chance_across cube "tcoupl = v-rescale" "$chance" "nsteps = 150" "${across[@]}"
exit $failed
