#!/bin/bash
# positions.sh - structures in .pdb and .g96 as GROMACS writes them: we read what it reads, to the last digit of the file.
# (That we read its .gro is test_md_oracle's.)
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx_d
tool="$ALLOT_BUILD/tests/positions_tool"

while read -r shape box; do
    # shellcheck disable=SC2086 # of a box each number is a word
    $python "$ALLOT_SOURCE/tests/md/positions.py" start $box >start.gro
    "$tool" start.gro >start
    quietly gmx_d editconf -f start.gro -o $shape.g96
    "$tool" $shape.g96 >$shape.g96.txt
    $python "$ALLOT_SOURCE/tests/md/positions.py" compare $shape.g96.txt start 1e-9
    quietly gmx_d editconf -f start.gro -o $shape.pdb
    "$tool" $shape.pdb >$shape.pdb.txt
    quietly gmx_d editconf -f $shape.pdb -o theirs.g96 # what it read, with more digits than it wrote
    "$tool" theirs.g96 >theirs
    $python "$ALLOT_SOURCE/tests/md/positions.py" compare $shape.pdb.txt theirs 0.51e-9
done <<END
cube 7.5 7.5 7.5
cuboid 7.512345678 8 9
dodecahedron 7 7 4.949747468 0 0 0 0 3.5 3.5
octahedron 7 6.599663291 5.715476066 0 0 2.333333333 0 -2.333333333 3.299831646
leaning 7 6.1 5.2 0 0 1.1 0 -2.2 -1.3
END
