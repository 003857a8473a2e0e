#!/bin/bash
# minimise.sh - downhill on ranks: every step's energy, greatest force and its atom as on one, while atoms come to
# other ranks with all that is remembered of them.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
for method in 0 1; do
    on 1 "$ALLOT_BUILD/tests/md_ranks" minimise $method >"$scratch/expected"
    [ "$(wc -l <"$scratch/expected")" -gt 35 ] || complain "method $method: one rank said too little"
    for n in 2 4; do
        on $n "$ALLOT_BUILD/tests/md_ranks" minimise $method >"$scratch/found"
        came=$(sed -n 's/^came //p' "$scratch/found")
        echo "method $method, $n ranks: $came atoms came from others"
        [ "$came" -gt 10 ] || complain "method $method, $n ranks: nothing was put to the test"
        diff <(grep -v came "$scratch/expected") <(grep -v came "$scratch/found") || complain "method $method: $n ranks differ from one"
    done
done
exit $failed
