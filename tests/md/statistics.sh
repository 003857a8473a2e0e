#!/bin/bash
# statistics.sh PART... - that what is simulated has the distributions that it should: a box of 216 waters of Debian's gromacs-data.
#   quick        kinetic energies by each thermostat, short and tightly coupled; and that this check sees one that is wrong
#   temperature  the same for STATISTICS_PS picoseconds, coupled as people do
#   density      density and compressibility of STATISTICS_MODELS (all four: tip3p spc spce tip4p) by both barostats, against what is published and GROMACS
#   drift        of the energy without either, in mixed precision and in double, against GROMACS's
# All but quick take minutes to hours: tools/nightly runs them. What is held to what, and how bounds are found: statistics.py.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_numpy
[ -d /usr/share/gromacs/top/amber03.ff ] || skip "no amber03.ff in /usr/share/gromacs/top (Debian: gromacs-data)"
check() { $python "$ALLOT_SOURCE/tests/md/statistics.py" "$@" || failed=1; }
long_ps=${STATISTICS_PS:-1000}

# groups NATOMS - two of waters of three atoms, and all
groups() {
    awk -v natoms="$1" 'function group(name, from, to) { print "[ " name " ]"; for (k = from; k <= to; k++) print k }
        BEGIN { group("System", 1, natoms); group("A", 1, 192); group("B", 193, natoms) }' >groups.ndx
}
groups 648
for model in tip3p spc spce tip4p; do
    printf '%s\n' "#include \"amber03.ff/forcefield.itp\"" "#include \"amber03.ff/$model.itp\"" "[ system ]" water "[ molecules ]" \
        "SOL 216" >$model.top
done
structure() { # MODEL
    [ "$1" = tip4p ] && echo /usr/share/gromacs/top/tip4p.gro || echo /usr/share/gromacs/top/spc216.gro
}
# parameters NAME NSTEPS LINE... - into NAME.mdp, the last of each key
parameters() {
    local name=$1 nsteps=$2
    shift 2
    printf '%s\n' "integrator = md" "dt = 0.002" "nsteps = $nsteps" "nstlog = $nsteps" "cutoff-scheme = verlet" "gen-vel = yes" \
        "gen-temp = 300" "gen-seed = 1" "ld-seed = 2" "$@" | tac | awk -F= '!seen[$1]++' | tac >"$name.mdp"
}
# simulate NAME MODEL [OPTION...] - into the folder NAME
simulate() {
    quietly "$ALLOT" md -f "$1.mdp" -c "$(structure "$2")" -p "$2.top" --index groups.ndx -o "$1" -j 1 --frames 0 --tune-pme never -q "${@:3}"
}
# gromacs NAME MODEL TERM - the same by GROMACS, and a term of its energies in NAME.xvg
gromacs() {
    quietly gmx grompp -f "$1.mdp" -c "$(structure "$2")" -p "$2.top" -o "$1.tpr" -po out.mdp -maxwarn 5
    quietly gmx mdrun -s "$1.tpr" -deffnm "$1" -ntmpi 1 -ntomp 1
    echo "$3" | gmx energy -f "$1.edr" -o "$1.xvg" >gmx.log 2>&1 || { tail -20 gmx.log; exit 1; }
}

# temperature NAME KIND NSTEPS EVERY LINE... - two groups, each with its own thermostat; of one temperature, as heat would flow
temperature() {
    local name=$1 kind=$2 nsteps=$3 every=$4
    shift 4
    parameters "$name" "$nsteps" "coulombtype = reaction-field" "epsilon-rf = 0" "rvdw = 0.7" "rcoulomb = 0.7" "tc-grps = A B" \
        "ref-t = 310 310" "nsttcouple = 1" "comm-mode = linear" "nstcomm = 10" "nstvout = $every" "$@"
    simulate "$name" spce
    check temperature "$name" "$kind"
}
quick() {
    temperature rescaled held 5000 5 "tcoupl = v-rescale" "tau-t = 0.01 0.02"
    temperature hoover held 5000 5 "tcoupl = nose-hoover" "tau-t = 0.1 0.2"
    temperature langevin held 5000 5 "integrator = sd" "comm-mode = none" "tau-t = 0.02 0.04"
    temperature berendsen narrow 4000 5 "tcoupl = berendsen" "tau-t = 0.01 0.02"
}
temperatures() {
    local nsteps=$((long_ps * 500))
    temperature long_rescaled held $nsteps 100 "tcoupl = v-rescale" "tau-t = 0.1 0.5"
    temperature long_hoover held $nsteps 100 "tcoupl = nose-hoover" "tau-t = 0.2 0.5"
    temperature long_langevin held $nsteps 100 "integrator = sd" "comm-mode = none" "tau-t = 0.1 1"
}

density() {
    local model barostat seed=0 nsteps=$((long_ps * 500))
    for model in ${STATISTICS_MODELS:-tip3p spc spce tip4p}; do
        groups "$([ "$model" = tip4p ] && echo 864 || echo 648)"
        for barostat in c-rescale parrinello-rahman; do
            seed=$((seed + 1)) # with one for all they have the same chance, and err alike
            parameters $model-$barostat $nsteps "coulombtype = pme" "fourierspacing = 0.12" "rvdw = 0.85" "rcoulomb = 0.85" \
                "dispcorr = enerpres" "tcoupl = v-rescale" "tc-grps = System" "tau-t = 0.5" "ref-t = 298.15" "pcoupl = $barostat" \
                "tau-p = 1" "ref-p = 1" "compressibility = 4.5e-5" "gen-seed = $seed" "ld-seed = $seed" "nstvout = 100" "nstenergy = 100" "nstcalcenergy = 10"
            simulate $model-$barostat $model
        done
        gromacs $model-c-rescale $model Volume
        check density $model "$model, C-rescale"=$model-c-rescale "$model, Parrinello-Rahman"=$model-parrinello-rahman \
            "$model, GROMACS"=$model-c-rescale.xvg
    done
}

drift() {
    local precision nsteps=$((long_ps * 500))
    parameters still $nsteps "coulombtype = pme" "fourierspacing = 0.12" "rvdw = 0.85" "rcoulomb = 0.85" "tcoupl = no" "nstenergy = 100"
    gromacs still spce Total-Energy
    for precision in mixed double; do
        ln -sf still.mdp still-$precision.mdp
        simulate still-$precision spce --precision $precision
        check drift "$precision"=still-$precision GROMACS=still.xvg
    done
}

for part in "$@"; do
    case $part in
    quick) quick ;;
    temperature) temperatures ;;
    density) needs_gromacs gmx && density ;;
    drift) needs_gromacs gmx && drift ;;
    *) echo "no such part: $part" && exit 2 ;;
    esac
done
exit $failed
