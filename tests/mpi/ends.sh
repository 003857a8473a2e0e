#!/bin/bash
# ends.sh - when one rank fails or is killed, all end within seconds, with one message and a status that says so.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
program=$ALLOT_BUILD/tests/comm_ranks

# ends WHO - ranks of which WHO fail: status 3, one message.
ends() {
    local who=$1 begin=$SECONDS status=0
    on 4 "$program" mpi fail "$who" >"$scratch/out" 2>"$scratch/err" || status=$?
    [ "$status" = 3 ] || complain "fail $who: status $status"
    [ "$(grep -c 'this is why' "$scratch/err")" = 1 ] || complain "fail $who: $(cat "$scratch/err")"
    [ $((SECONDS - begin)) -lt 20 ] || complain "fail $who: took $((SECONDS - begin)) s"
}
ends 2
grep -q '^allot md: rank 2 of 4: this is why$' "$scratch/err" || complain "it does not say which rank"
ends 0
ends all

# One of the ranks is killed while the others wait for it.
on 4 "$program" mpi wait >"$scratch/out" 2>"$scratch/err" &
ranks=$!
for _ in {1..300}; do
    [ "$(grep -c process "$scratch/out")" = 4 ] && break
    sleep 0.1
done
kill -9 "$(sed -n 's/^rank 1 is process //p' "$scratch/out")"
status=0
wait "$ranks" || status=$?
ranks=
[ "$status" = 137 ] || complain "a rank was killed, and mpirun ended with $status"
grep -q 'signal 9' "$scratch/err" || complain "a rank was killed, and nothing was said: $(cat "$scratch/err")"

# is_alive PROCESS - and not only waiting to be buried.
is_alive() {
    [[ $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) == [!Z]* ]]
}
while read -r _ _ _ _ process; do
    for _ in {1..100}; do
        is_alive "$process" || break
        sleep 0.1
    done
    ! is_alive "$process" || complain "process $process outlived the rank that was killed"
done < <(grep process "$scratch/out")
exit $failed
