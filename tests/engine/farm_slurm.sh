#!/bin/bash
# farm_slurm.sh - engines that a real Slurm gives: four nodes, and what can become of them.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/slurm.bash
. "$ALLOT_SOURCE/tests/engine/slurm.bash"
verb=farm
start_slurm
njobs() { [ "$(squeue -h --me | wc -l)" = "$1" ]; }

expect 0 $'1\n2\n3' '' --on slurm -k 'echo {}' ::: 1 2 3
verify test -n "$("$ALLOT" farm --on slurm -N0 'echo $SLURM_JOB_ID' ::: 1)"
until_true njobs 0
# A thousand short tasks are four jobs, not a thousand; binary output comes through as it is.
head -c 300000 /dev/urandom >noise
farm --on slurm:nodes=4,partition=all,time=10m,cpus=2 --joblog log -N0 'echo $SLURM_JOB_ID; sleep 0.02' ::: $(seq 1000)
verify test "$status" = 0
verify test "$(sort -u "$out" | cut -d' ' -f1 | sort -u | wc -l)" -le 4
verify test "$(wc -l <log)" = 1001
farm --on slurm -u -N0 'cat noise' ::: 1
verify cmp -s noise "$out"
# What the batch system refuses, in its own words.
expect 101 '' '*nvalid partition*no engine is left*' --on slurm:partition=nowhere true ::: 1
expect 102 '' '*nodes=0*' --on slurm:nodes=0 true ::: 1
# A full queue: the engine waits, the work is done by the others meanwhile.
sbatch -Q -N4 --exclusive --wrap 'sleep 3' >/dev/null
expect 0 '' '' --on slurm,local*1 'sleep 0.02; true' ::: $(seq 50)
until_true idle_nodes 4

# No more nodes than there is work for, and those back that have none.
"$ALLOT" farm --name lent --on slurm:nodes=4,cpus=2 'sleep {}' ::: 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 12 >/dev/null 2>&1 &
controller=$!
until_true njobs 4
until_true njobs 1
verify kill -0 $controller
wait $controller
verify test "$?" = 0
until_true idle_nodes 4

# ---- within an allocation -----------------------------------------------------------------------------
cat >job <<END
#!/bin/sh
cd '$PWD'
exec '$ALLOT' farm --on slurm --joblog inside.log 'sleep 0.1; echo \$SLURM_NODEID' ::: 1 2 3 4 5 6 7 8 9 10 11 12 >inside.out 2>&1
END
sbatch -Q --wait -N3 --exclusive --output=job.out job
verify test "$(wc -l <inside.log)" = 13
verify test "$(cut -f2 inside.log | sort -u | grep -c slurm)" = 3
# Plain `allot farm` there uses all of it.
sed -i 's/--on slurm --joblog inside.log/--joblog plain.log/' job
sbatch -Q --wait -N2 --exclusive --output=job.out job
verify test "$(cut -f2 plain.log | sort -u | grep -c slurm)" = 2

# ---- misfortunes --------------------------------------------------------------------------------------
# Killed from outside: its tasks go elsewhere.
rm -f ran
"$ALLOT" farm --name scancelled --on slurm:nodes=2,cpus=2 --on local*1 'sleep 0.1; echo {} >>ran' ::: $(seq 120) \
    >/dev/null 2>"$err" &
controller=$!
until_true njobs 2
until_true test -s ran
sleep 1
scancel "$(squeue -h --me -o %A | head -n 1)"
wait $controller
verify test "$?" = 0
verify grep -q 'go elsewhere' "$err"
verify test "$(sort -u ran | wc -l)" = 120
until_true njobs 0
# The node's daemon and all of its processes are killed; slurmctld is away for a while.
rm -f ran
"$ALLOT" farm --name nodes --on slurm:nodes=2,cpus=2 --on local*1 'sleep 0.1; echo {} >>ran' ::: $(seq 150) \
    >/dev/null 2>"$err" &
controller=$!
until_true njobs 2
until_true test -s ran
pkill -F "$slurm/slurmctld.pid"
node=$(squeue -h --me -o %N 2>/dev/null | head -n 1)
pkill -KILL -F "$slurm/slurmd.${node:-n1}.pid"
pkill -KILL -o -f "$XDG_CACHE_HOME/allot/agent-"
sleep 2
start_slurmctld
start_slurmd "${node:-n1}"
wait $controller
verify test "$?" = 0
verify test "$(sort -u ran | wc -l)" = 150
until_true njobs 0
until_true idle_nodes 4
# The time limit.
rm -f ran
farm --on slurm:time=1s,cpus=2,nodes=1 --on local*1 'sleep 0.2; echo {} >>ran' ::: $(seq 20)
verify test "$status" = 0
verify test "$(sort -u ran | wc -l)" = 20
done_testing
