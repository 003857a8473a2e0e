#!/bin/bash
# farm_slurm_detach.sh - the controller itself as a job of a real Slurm's: logout, the queue; and time limits,
# which Slurm looks at twice a minute.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/slurm.bash
. "$ALLOT_SOURCE/tests/engine/slurm.bash"
verb=farm
start_slurm
runs=$XDG_STATE_HOME/allot/runs
job_of() { squeue -h --name="allot-$1" -o %A; }
is_state() { [ "$(state "$1" state)" = "$2" ]; }
in_slurm() { [ "$(squeue -h --states=all --name="allot-$1" -o %T | tail -n 1)" = "$2" ]; }
is_once() { [ "$(sort "$1" | uniq -d | wc -l)" = 0 ] && [ "$(wc -l <"$1")" = "$2" ]; }
works_on() { "$ALLOT" status "$1" | grep -q "^controller .* in Slurm as job "; }

# ---- the time limit -----------------------------------------------------------------------------------
# A minute: at some moment within 30 s Slurm says that it is nearly up. One task would take longer, but for
# its second attempt. This goes on while the rest is tried.
expect 0 limit '*the run limit is job *' --detach --name limit --kill-after 1s --on slurm:time=1m,cpus=2 \
    'if [ {} = 1 ] && mkdir tried; then sleep 1000; fi; sleep 0.1; echo {} >>limit.ran' ::: $(seq 250)

limit_job=$(job_of limit)
# An engine's: its tasks go elsewhere.
"$ALLOT" farm --name late --on slurm:cpus=2,time=10m --on local*1 \
    'test -z "$SLURM_JOB_ID" || test -e over || { touch late; sleep 300; }; sleep 0.5; echo {} >>late.ran' ::: 1 2 3 4 5 6 7 8 9 \
    >/dev/null 2>late.err &
late=$!
until_true test -e late
late_job=$(job_of late)
scontrol update JobId="$late_job" EndTime=now+1 || fail "the time limit cannot be changed"
touch over

# ---- logout; two at once; what others ask of it -------------------------------------------------------
# The whole of the session that it was typed in is ended.
cat >session <<END
'$ALLOT' farm --detach --name out --joblog log --on slurm:nodes=2,cpus=2,time=10m 'sleep {}; echo \$SLURM_NODEID \$SLURM_JOB_NAME; echo {} >>out.ran' :::: - -- --comment=words
touch typed
sleep 100
END
echo old >log
seq 0.1 0.005 0.3 | setsid bash session >typed.out 2>&1 &
login=$!
until_true test -e typed
kill -KILL -- "-$login" # setsid did not fork: it is the group, too
wait $login 2>/dev/null
verify grep -q '^out$' typed.out
verify test "$(squeue -h --name=allot-out -o %k)" = words
until_true works_on out
until_true works_on limit
verify test "$("$ALLOT" status out | sed -n 's/.* in Slurm as job //p')" = "$(job_of out)"
verify test "$("$ALLOT" add --json out ::: 0.11 | tr -d ' ')" = '{"run":"out","added":1,"running":true}'
allot resume out
verify test "$status" = 101
verify grep -q 'run out is job .* works on it: wait for it' "$err"
allot wait --json out
verify test "$status" = 0
verify test "$(sort -u out.ran | wc -l)" = 42
verify test "$(wc -l <out.ran)" = 42
verify test "$("$ALLOT" log out 1)" != '' # what tasks wrote is kept in the run
verify test "$("$ALLOT" engines out | grep -c '^slurm[12] ')" = 2
verify test "$(head -n 1 log | cut -f1)" = Seq
verify test "$(wc -l <log)" = 43
verify is_state out succeeded

# ---- refused here, in Slurm's own words; nothing is lost ----------------------------------------------
expect 101 '' '*nvalid partition*the run is kept*allot resume --detach*' --detach --name bad --on slurm:partition=nowhere \
    'echo {} >>bad.ran' ::: 1 2 3
expect 101 '' "*unrecognized option '--nonsense'*" --detach --name worse --on slurm true ::: 1 -- --nonsense
expect 102 '' '*time*' --detach --on slurm:time true ::: 1
allot resume bad --detach --on slurm:cpus=2,partition=all
verify test "$status" = 0
allot wait bad
verify test "$status" = 0
verify is_once bad.ran 3

# ---- in the queue -------------------------------------------------------------------------------------
for name in queued gone; do
    farm --detach --name $name --on slurm:nodes=1,cpus=1,begin=now+1hour "echo {} >>$name.ran" ::: 1 2 3
    verify test "$status" = 0
done
verify is_state queued queued
verify grep -q "queued in Slurm as job $(job_of queued) (BeginTime)" <("$ALLOT" status queued)
"$ALLOT" add queued ::: 4 || fail "nothing can be added to a run that waits"
for command in resume forget; do
    allot $command queued
    verify test "$status" != 0
    verify grep -q "is job $(job_of queued) of Slurm's.*allot cancel queued" "$err"
done
allot wait --timeout 1s queued
verify test "$status" = 124
allot cancel gone
verify test "$status" = 0
verify test -z "$(job_of gone)"
verify is_state gone canceled
verify test ! -e gone.ran
# A folder that is gone when it begins, and one that the node does not see.
mkdir there && cd there || exit 1
farm --detach --name homeless --on slurm:cpus=1,begin=now+1hour true ::: 1
cd .. && rmdir there
scontrol update JobId="$(job_of homeless)" StartTime=now
mkdir "$work/apart"
if hide_from n4 "$work/apart" 2>/dev/null; then
    expect 0 "$work/apart/run" '*' --detach --run-dir "$work/apart/run" --on slurm:partition=apart,cpus=1 true ::: 1
    until_true is_state "$work/apart/run" stopped
    verify grep -q "ended (FAILED) before the run was taken up: do its nodes see $work/apart/run.*--run-dir" \
        <("$ALLOT" status "$work/apart/run")
else
    pass_over "a node that does not see the run: no mount namespaces"
fi
# What waited, with what was added meanwhile, once it is its turn.
scontrol update JobId="$(job_of queued)" StartTime=now
allot wait queued
verify test "$status" = 0
verify is_once queued.ran 4
until_true is_state homeless stopped
verify grep -q 'its folder .*there is not on node .*that all nodes see' <("$ALLOT" status homeless)

# ---- ended, and carried on ----------------------------------------------------------------------------
# scancel from outside: it stops in order, and goes on when it is told to.
farm --detach --name ended --on slurm:cpus=2,time=1h 'sleep 0.1; test -e on || exec sleep 300; echo {} >>ended.ran' ::: 1 2 3 4
until_true works_on ended
sleep 0.5
scancel "$(job_of ended)"
until_true is_state ended stopped
verify grep -q 'is over (CANCELLED)' <("$ALLOT" status ended)
touch on
allot resume ended --detach
allot wait ended
verify test "$status" = 0
verify is_once ended.ran 4
# A job that may not begin again: another one, which is as the first was, goes on. The notice is given here.
farm --detach --name other --on slurm:cpus=2,time=1h 'sleep 0.3; echo {} >>other.ran' ::: $(seq 40)
until_true works_on other
first=$(job_of other)
scontrol update JobId="$first" Requeue=0
until_true test -s other.ran
scancel --signal=USR1 --batch "$first"
allot wait other
verify test "$status" = 0
verify is_once other.ran 40
verify test "$(squeue -h --states=all --name=allot-other -o %l | sort | uniq -c | xargs)" = '2 1:00:00'
verify grep -q "it may not .*job .* goes on instead" "$runs/other/job.out"
# No task ends in three jobs in a row: enough.
farm --detach --name endless --on slurm:cpus=2,time=50s,begin=now+1hour --kill-after 1s 'sleep 300' ::: 1
$python -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
db.execute("insert or replace into meta values(\"batch.idle\", \"2\")")
db.commit()' "$runs/endless/run.db"
scontrol update JobId="$(job_of endless)" StartTime=now
until_true works_on endless
scancel --signal=USR1 --batch "$(job_of endless)"
until_true is_state endless stopped
verify grep -q 'no task ended in 3 jobs in a row' "$runs/endless/job.out"

allot wait limit
verify test "$status" = 0
verify is_once limit.ran 250
verify grep -q 'begins again, and goes on' "$runs/limit/job.out"
verify test "$("$ALLOT" status --json limit | $python -c 'import json,sys; print(json.load(sys.stdin)["job"]["id"])')" = "$limit_job"
verify test "$("$ALLOT" log --json limit | grep -c '"attempt": *2')" -ge 1
wait $late
verify test "$?" = 0
verify test "$(sort -u late.ran | wc -l)" = 9
verify grep -q 'go elsewhere' late.err
verify test "$(squeue -h --states=all --jobs="$late_job" -o %T)" = TIMEOUT
done_testing
