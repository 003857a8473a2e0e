#!/bin/bash
# farm_kill.sh [ROUNDS [TASKS]] - the controller is killed at random instants, again and again, until its run is done.
#
# What tasks did is counted outside: each appends its number to a file. After each kill, what had been reported
# (job log) must not be run again, and at most -j tasks may have been in flight.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/../cli/harness.bash"
rounds=${1:-${ALLOT_KILLS:-40}} ntasks=${2:-2000} jobs=4
seed=${ALLOT_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed"

kills=0 excess=0 unlogged=0 run=0
while [ "$kills" -lt "$rounds" ]; do
    run=$((run + 1))
    rm -f done.txt log
    lines=$(seq "$ntasks")
    "$ALLOT" farm --name "k$run" -q -j $jobs --joblog log 'echo {} >>done.txt' ::: $lines 2>"$err" &
    killed_here=0
    while :; do
        pid=$!
        # Somewhere in the time that all of it takes, which is under two seconds.
        sleep "0.$(printf '%03d' $((RANDOM % 400)))"
        if kill -KILL $pid 2>/dev/null; then
            wait $pid 2>/dev/null
            kills=$((kills + 1)) killed_here=$((killed_here + 1))
        else
            wait $pid
            status=$?
            break
        fi
        until [ -z "$(pgrep -f 'echo [0-9]* >>done.txt')" ]; do sleep 0.01; done
        if [ ! -e "$XDG_STATE_HOME/allot/runs/k$run/run.db" ]; then # killed before the run was there
            rm -rf "$XDG_STATE_HOME/allot/runs/k$run"
            "$ALLOT" farm --name "k$run" -q -j $jobs --joblog log 'echo {} >>done.txt' ::: $lines 2>"$err" &
            continue
        fi
        "$ALLOT" resume "k$run" -q 2>"$err" &
    done
    verify test "$status" = 0
    [ "$status" = 0 ] || sed 's/^/  /' "$err"
    verify cmp -s <(sort -un done.txt) <(seq "$ntasks")
    twice=$(sort -n done.txt | uniq -d | wc -l)
    verify test "$twice" -le $((killed_here * jobs))
    excess=$((excess + twice))
    # Reported once, each: a task in the job log was finished then, and is never reported again.
    verify test -z "$(cut -f1 log | grep '^[0-9]' | sort -n | uniq -d)"
    # And all are reported, but for those whose group was on disk and not yet in the log when the kill came.
    unlogged=$((unlogged + ntasks - $(cut -f1 log | grep -c '^[0-9]')))
    "$ALLOT" forget "k$run"
done
echo "$kills kills over $run runs of $ntasks tasks; $excess tasks were run again, $((excess * 100 / (kills > 0 ? kills : 1)))% of a kill; $unlogged went unreported"
done_testing
