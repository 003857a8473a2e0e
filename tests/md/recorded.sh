#!/bin/bash
# recorded.sh PART - molecules against GROMACS, part by part (recorded.py): each term of the energy, virial, pressure, every force;
# steps with constraints; the same on any cut. What GROMACS said, in double precision, is recorded in ../shared/mdref, beside the
# sources; where that is not, nothing can be compared (protein.sh asks GROMACS itself).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
reference=${ALLOT_MDREF:-$ALLOT_SOURCE/../shared/mdref}
[ -d "$reference/top" ] || { echo "skipped: no $reference: set ALLOT_MDREF to where GROMACS's results are"; exit 77; }
python=/usr/bin/python3
[ -x $python ] || python=python3
$python -c 'import numpy' || { echo "skipped: no numpy (Debian: python3-numpy)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GMXLIB=$reference/top PYTHONDONTWRITEBYTECODE=1
$python "$ALLOT_SOURCE/tests/md/recorded.py" "$1" "$reference" "$work"
