#!/bin/bash
# ranks.sh - every call of comm.h over MPI; and what must not depend on the cut is the same on 1, 2, 3, 4, 6 and 8
# ranks, and on any number of threads.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
program=$ALLOT_BUILD/tests/comm_ranks

for n in 1 2 5; do
    [ "$(on $n "$program" mpi talk)" = "$n ranks talked" ] || complain "$n ranks do not talk"
done
[ "$("$program" mpi talk)" = "1 ranks talked" ] || complain "without a launcher there is not one rank"

"$program" serial cuts 1 >"$scratch/expected"
[ "$(wc -l <"$scratch/expected")" = 24 ] || complain "the serial ranks said too little"
"$program" serial cuts 3 >"$scratch/found"
cmp "$scratch/expected" "$scratch/found" || complain "3 threads differ from 1"
for n in 1 2 3 4 6 8; do
    on $n "$program" mpi cuts $((1 + n % 2)) >"$scratch/found"
    cmp "$scratch/expected" "$scratch/found" || complain "$n ranks differ from one"
done
exit $failed
