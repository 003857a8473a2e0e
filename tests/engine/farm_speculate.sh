#!/bin/bash
# farm_speculate.sh - the last tasks a second time elsewhere: the first to succeed counts, one result is kept, and
# nobody waits for the other.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
verb=farm
export TMPDIR=$work/remote-tmp
mkdir -p "$TMPDIR"

# said KEY - what the run's summary says, of `farm --json`.
said() { $python -c 'import json,sys; print(json.loads(open(sys.argv[1]).read().splitlines()[-1])[sys.argv[2]])' "$err" "$1"; }
# results RUN - how many results there are, and how many earlier attempts were kept.
results() {
    $python -c 'import sqlite3,sys; db = sqlite3.connect(sys.argv[1]); print(*(db.execute("select count(*) from " + t).fetchone()[0] for t in ("result", "attempt")))' \
        "$XDG_STATE_HOME/allot/runs/$1/run.db"
}
# runs_twice RUN - some task does, on both engines.
runs_twice() {
    [ "$($python -c 'import struct,sys
tail = open(sys.argv[1], "rb").read()
tasks = [struct.unpack_from("<Q", tail, 64 + 32 * k)[0] for k in range(1, 4097)]
print(max(tasks.count(t) for t in tasks if t) if any(tasks) else 0)' "$XDG_STATE_HOME/allot/runs/$1/tail" 2>/dev/null)" = 2 ]
}
no_agents() { ! pgrep -f "$XDG_CACHE_HOME/allot/agent-" >/dev/null; }
# A task that is quick here and takes for ever on an engine that does not see our folder; what it makes tells where.
slow_there='case $PWD in */tmp) where=here; sleep 0.05;; *) where=there; sleep 30;; esac'

# ---- a slow engine ------------------------------------------------------------------------------------
farm --json --speculate --name slow --joblog log --results kept -k --on 'fake:apart=1*2,local*1' --fetch got.{} \
    "$slow_there"'; echo $where >got.{}; echo {}' ::: $(seq 12)
verify test "$status" = 0
verify test "$(<"$out")" = "$(seq 12)"
verify test "$(said succeeded)" = 12
verify test "$(said copies)" -ge 2 # what ran there; what waited there, perhaps
verify test "$(said copies_won)" = "$(said copies)"
verify test "$(said attempts)" -gt 12
verify test "$(results slow)" = '12 0'
verify test "$(cat got.* | sort | uniq -c | tr -s ' ')" = ' 12 here'
verify test "$(wc -l <log)" = 13
verify test "$(cut -f1 log | sort -un | wc -l)" = 13
verify test "$(find kept -name stdout | wc -l)" = 12
verify test "$(cut -f2 log | grep -c fake)" = 0
no_leftovers
until_true no_agents
# --explain says it, too.
farm --explain --speculate --on 'fake:apart=1*1,local*1' -N0 "$slow_there" ::: $(seq 6)
verify grep -q 'speculated [12] tasks that took long were started a second time, of these [12] ended there first' "$err"
# Not where nobody asked for it, and not where there is no other engine.
farm --json --on fake*2 'sleep 0.0{}' ::: 1 1 1 1 1 9
verify test "$(said copies)" = 0
farm --json --speculate --on local*2 'sleep {}' ::: .01 .01 .01 .01 .01 0.5
verify test "$(said copies)" = 0
verify test "$(said succeeded)" = 6

# ---- one that is frozen -------------------------------------------------------------------------------
# It would be found after a minute; the run does not wait for it.
rm -f ran
farm --json --speculate --name frozen --lost-after 60s --on fake:freeze=0.4*2,local*1 'sleep 0.1; echo {} >>ran; echo {}' ::: $(seq 20)
verify test "$status" = 0
verify test "$(sort -n "$out" | tr '\n' ' ')" = "$(seq -s ' ' 20) "
verify test "$(sort -un ran | wc -l)" = 20
verify test "$(said copies_won)" -ge 1
verify test "$(results frozen)" = '20 0'
verify test "$(echo "$(said wall_s) < 30" | bc)" = 1
until_true no_agents

# ---- the copy fails, or the first does ----------------------------------------------------------------
# A copy that fails while the first runs decides nothing.
farm --json --speculate --on 'local*1,fake:apart=1*1' \
    "test {} -lt 6 || { mkdir $PWD/first 2>/dev/null && sleep 1.5; } || exit 9" ::: $(seq 6)
verify test "$status" = 0
verify test "$(said copies) $(said copies_won)" = "1 0"
# Both fail: it has failed, once.
farm --json --speculate --name both --on 'local*1,fake:apart=1*1' 'test {} -lt 6 || { sleep 0.7; exit 9; }' ::: $(seq 6)
verify test "$status" = 1
verify test "$(said failed)" = 1
verify test "$(results both)" = '6 0'
# Long output of the one that is not kept goes; that of the other is whole.
farm --json --speculate --name long --on 'fake:apart=1*1,local*1' -N0 'seq 20000; '"$slow_there" ::: $(seq 5)
verify test "$(wc -l <"$out")" = 100000
verify test "$(find "$XDG_STATE_HOME/allot/runs/long/output" -type f | wc -l)" = 5

# ---- both succeed ---------------------------------------------------------------------------------------
# While the files of the first are on their way the second ends, with little to send, or with more than the first: all
# that is kept is of one of them.
for nbytes in 0 300000000; do
    rm -rf marks && mkdir marks
    farm --json --speculate --name well-$nbytes --on 'fake:apart=1,count=2*1' --fetch a.{} --fetch b.{} --fetch c.{} "m=$PWD/marks
        if test {} -lt 6; then echo quick | tee a.{} b.{} c.{}
        elif mkdir \$m/first 2>/dev/null; then
            echo one | tee a.{} c.{}; { echo one; head -c 100000000 /dev/zero; } >b.{}
            until test -e \$m/second; do sleep 0.01; done; touch \$m/over
        else
            echo two | tee a.{} c.{}; { echo two; head -c $nbytes /dev/zero; } >b.{}
            touch \$m/second; until test -e \$m/over; do sleep 0.01; done
        fi" ::: $(seq 6)
    verify test "$status" = 0
    verify test "$(said copies)" = 1
    verify test "$(cat a.6 c.6; head -n 1 b.6)" = "$(cat a.6 a.6 a.6)"
    verify test "$(tail -n 1 "$out")" = "$(cat a.6)"
    verify test "$(results well-$nbytes)" = '6 0'
    no_leftovers
    rm -f a.* b.* c.*
done

# ---- killed in the middle -----------------------------------------------------------------------------
rm -f ran go
"$ALLOT" farm --speculate --name cut --on 'fake:apart=1*1,local*1' "case \$PWD in */tmp) sleep 0.05
    ! test -e first.{} || until test -e go; do sleep 0.02; done;; *) touch $PWD/first.{}; sleep 30;; esac; echo {} >>ran" \
    ::: $(seq 6) >/dev/null 2>&1 &
controller=$!
until_true runs_twice cut
kill -9 $controller
wait $controller 2>/dev/null
touch go
allot resume cut
verify test "$status" = 0
verify test "$(state cut succeeded)" = 6
verify test "$(sort -n ran | tr '\n' ' ')" = '1 2 3 4 5 6 '
verify test "$("$ALLOT" log --json cut | grep -c '"state": *"done"')" = 6
until_true no_agents
# Ctrl-C twice, while a task runs twice: it is left, and not lost.
"$ALLOT" farm --speculate --name stop --on 'fake:apart=1*1,local*1' 'test {} -lt 6 || sleep 30' ::: $(seq 6) >/dev/null 2>"$err" &
controller=$!
until_true runs_twice stop
kill -INT $controller
sleep 0.2
kill -INT $controller
wait $controller
verify test "$?" = 130
verify test "$(state stop succeeded)" = 5
verify test "$(state stop left)" = 1

# ---- the command line ---------------------------------------------------------------------------------
expect 102 '' '*would be seen twice*' --speculate --line-buffer true ::: 1
expect 102 '' '*would be seen twice*' --speculate -u true ::: 1
done_testing
