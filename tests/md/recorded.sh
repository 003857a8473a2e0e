#!/bin/bash
# recorded.sh PART - molecules against GROMACS, part by part (recorded.py): each term of the energy, virial, pressure, every force;
# steps with constraints; the same on any cut. What GROMACS said, in double precision, is recorded in ../shared/mdref, beside the
# sources; where that is not, nothing can be compared (protein.sh asks GROMACS itself).
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
reference=$mdref
needs_recorded "$reference/top" GROMACS
needs_numpy
export GMXLIB=$reference/top
$python "$ALLOT_SOURCE/tests/md/recorded.py" "$1" "$reference" "$scratch"
