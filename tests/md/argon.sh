#!/bin/bash
# argon.sh - liquid argon in real units against GROMACS: energies, pressure and every force at step 0; energies, positions and
# velocities over ten steps of leap-frog; how energy is kept with forces that end smoothly. What GROMACS said, in double precision, is recorded in
# ../shared/mdref/02_argon4000, beside the sources; where that is not, nothing can be compared.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
reference=$mdref/02_argon4000
needs_recorded "$reference/conf.gro" GROMACS
argon() {
    "$ALLOT" md --conf "$reference/conf.gro" --units real --integrator md --cutoff 0.85125 --frames 0 -q "$@" >/dev/null
}
for precision in double mixed; do
    argon --modifier shift --precision $precision --dt 0.001 --steps 0 --full-frames 1 -o "$scratch/point.$precision"
    argon --modifier shift --precision $precision --dt 0.001 --steps 0 --dispersion -o "$scratch/tail.$precision"
    argon --modifier shift --precision $precision --dt 0.004 --steps 10 --every 1 --full-frames 10 -o "$scratch/steps.$precision"
    argon --modifier force-switch --switch 0.7 --precision $precision --dt 0.004 --steps 500 --every 10 -o "$scratch/smooth.$precision"
    PYTHONDONTWRITEBYTECODE=1 $python "$ALLOT_SOURCE/tests/md/argon.py" $precision "$reference" "$scratch"
done
grep -q '^@    xaxis  label "Time (ps)"$' "$scratch/point.double/energies.xvg"
grep -q '^@    yaxis  label "(K), (kJ/mol), (bar)"$' "$scratch/point.double/energies.xvg"
