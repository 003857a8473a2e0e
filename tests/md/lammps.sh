#!/bin/bash
# lammps.sh - the benchmark's melt against LAMMPS: energies and pressure of its log, and every force at step 100. What LAMMPS
# said is recorded in ../shared/mdref/10_lj_melt_lammps, beside the sources; where that is not, nothing can be compared.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
reference=$mdref/10_lj_melt_lammps
needs_recorded "$reference/start.data" LAMMPS
$python "$ALLOT_SOURCE/tests/md/lammps.py" start "$reference/start.data" >"$scratch/start.gro"
for precision in double mixed; do
    "$ALLOT" md --conf "$scratch/start.gro" --steps 100 --every 50 --full-frames 100 --frames 0 --precision $precision -q \
        -o "$scratch/$precision" >/dev/null
    $python "$ALLOT_SOURCE/tests/md/lammps.py" compare $precision "$reference" "$scratch/$precision"
done
