#!/bin/bash
# lammps.sh - the benchmark's melt against LAMMPS: energies and pressure of its log, and every force at step 100. What LAMMPS
# said is recorded in ../shared/mdref/10_lj_melt_lammps, beside the sources; where that is not, nothing can be compared.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
reference=${ALLOT_MDREF:-$ALLOT_SOURCE/../shared/mdref}/10_lj_melt_lammps
[ -s "$reference/start.data" ] || { echo "skipped: no $reference: set ALLOT_MDREF to where LAMMPS's results are"; exit 77; }
python=/usr/bin/python3
[ -x $python ] || python=python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$python "$ALLOT_SOURCE/tests/md/lammps.py" start "$reference/start.data" >"$work/start.gro"
for precision in double mixed; do
    "$ALLOT" md --conf "$work/start.gro" --steps 100 --every 50 --full-frames 100 --frames 0 --precision $precision -q \
        -o "$work/$precision" >/dev/null
    $python "$ALLOT_SOURCE/tests/md/lammps.py" compare $precision "$reference" "$work/$precision"
done
