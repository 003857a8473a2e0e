#!/bin/bash
# traffic.sh - what goes between ranks is within 10 % of what the plan foretold, which is the least that the
# eighth shell can do with: slabs, quarters of cylinders, an eighth of a ball.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
ncases=0
for n in 1 2 4 8; do
    on $n "$ALLOT_BUILD/tests/md_ranks" traffic >"$scratch/out" 2>"$scratch/err" ||
        complain "$n ranks: $(cat "$scratch/out" "$scratch/err")"
    ncases=$((ncases + $(wc -l <"$scratch/out")))
done
[ $ncases = 10 ] || complain "$ncases cases, not 10"
exit $failed
