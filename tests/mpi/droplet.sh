#!/bin/bash
# droplet.sh - atoms in a corner: edges move until ranks have the same work, and energies stay what they were. The
# balance is found from measured time, so other programs leave their trace in it: how near to 1 it comes on a quiet
# machine is said by bench/md.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
for n in 4 8; do
    read -r first kept energy < <(on $n "$ALLOT_BUILD/tests/md_ranks" droplet 0)
    read -r begun moved balanced < <(on $n "$ALLOT_BUILD/tests/md_ranks" droplet 2)
    echo "$n ranks: $first, kept $kept, moved $moved; energy $energy, moved $balanced"
    awk -v n=$n -v a="$first" -v b="$kept" -v c="$begun" -v d="$moved" \
        'BEGIN { exit !(a > 3 && b > 3 && c == a && d < 1.4) }' || complain "$n ranks: imbalance $moved"
    awk -v a="$energy" -v b="$balanced" 'BEGIN { exit !(a < -3 && (a - b)^2 < 1e-10) }' || complain "$n ranks: energies differ"
done
exit $failed
