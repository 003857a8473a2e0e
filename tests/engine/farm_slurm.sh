#!/bin/bash
# farm_slurm.sh - engines that a real Slurm gives: four nodes, its queue, and words that go to it as they are.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/slurm.bash
. "$ALLOT_SOURCE/tests/engine/slurm.bash"
# shellcheck source=tests/engine/conform.bash
. "$ALLOT_SOURCE/tests/engine/conform.bash"
verb=farm
start_slurm
njobs() { [ "$(squeue -h --me | wc -l)" = "$1" ]; }

sees_files=true conform slurm --on slurm:cpus=2
verify test -n "$("$ALLOT" farm --on slurm -N0 'echo $SLURM_JOB_ID' ::: 1)"
until_true njobs 0
# A thousand short tasks are four jobs, not a thousand.
farm --on slurm:nodes=4,partition=all,time=10m,cpus=2 --joblog log -N0 'echo $SLURM_JOB_ID; sleep 0.02' ::: $(seq 1000)
verify test "$status" = 0
verify test "$(sort -u "$out" | cut -d' ' -f1 | sort -u | wc -l)" -le 4
verify test "$(wc -l <log)" = 1001
# What the batch system refuses, in its own words.
expect 101 '' '*nvalid partition*no engine is left*' --on slurm:partition=nowhere true ::: 1
expect 102 '' '*nodes=0*' --on slurm:nodes=0 true ::: 1

# ---- words after -- -----------------------------------------------------------------------------------
expect 101 '' "*unrecognized option '--nonsense'*no engine is left*" --on slurm true ::: 1 -- --nonsense
comment='squeue -h --me -o %k; echo {}'
expect 0 $'quick brown\n1' '' --on slurm "$comment" ::: 1 -- --qos=x --comment 'quick brown'
# Only the last of them, and only where an option follows: all else are arguments.
expect 0 $'two\n--' '' --on slurm -k "$comment" ::: -- -- --comment=two
expect 0 $'--\nx' '' --on slurm -k 'echo {}' ::: -- x
expect 0 $'a b\na --comment=x' '' --on slurm -k 'echo {1} {2}' ::: a ::: b --comment=x
expect 0 '-- 1' '' --on slurm echo -- {} ::: 1
echo '{"command": "squeue -h --me -o %k"}' >tasks
expect 0 'specs' '' --on slurm --tasks tasks -- --comment=specs
expect 0 'files' '' --on slurm -N0 'squeue -h --me -o %k' :::: - -- --comment=files <<<x
# Without a batch system there is nobody to give them to.
expect 102 '' '*-- --comment=x: *no engine is one: add --on slurm*:::: FILE*' true ::: 1 -- --comment=x
expect 102 '' '*no engine is one*' --on fake true ::: 1 -- -A phys
# They stay with the run, until others take their place.
farm --name words --on slurm -N0 'test -e ready && squeue -h --me -o %k' ::: 1 -- --comment=kept
verify test "$status" = 1
touch ready
verify test "$("$ALLOT" retry words)" = kept
rm ready
farm --name words2 --on slurm -N0 'test -e ready && squeue -h --me -o %k' ::: 1 -- --comment=kept
touch ready
verify test "$("$ALLOT" retry words2 -- --comment=new)" = new
verify test "$("$ALLOT" resume --on slurm:cpus=2 words2 2>&1)" = '' # nothing is left; another --on takes the place of the run's

# ---- a full queue -------------------------------------------------------------------------------------
until_true njobs 0
# All nodes are busy: the engine waits, the work is done by the others meanwhile.
sbatch -Q -N4 --exclusive --wrap 'sleep 3' >/dev/null
expect 0 '' '' --on slurm,local*1 'sleep 0.02; true' ::: $(seq 50)
# Slurm takes no more jobs at all (MaxJobCount): the same; and once it does, the engine comes.
until_true idle_nodes 4
most_jobs 1
verify grep -q 'temporarily unable' <(timeout 2 sbatch --wrap true 2>&1)
expect 0 '' '' --on slurm,local*1 'sleep 0.02; true' ::: $(seq 50)
"$ALLOT" farm --on slurm 'echo {}' ::: 1 >came &
controller=$!
sleep 1
verify kill -0 $controller
most_jobs 1000
wait $controller
verify test "$(<came)" = 1
until_true njobs 0
until_true idle_nodes 4

# No more nodes than there is work for, one job each, and those back that have none.
"$ALLOT" farm --name lent --on slurm:nodes=4,cpus=2 'sleep {}' ::: 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 10 >/dev/null 2>&1 &
controller=$!
until_true njobs 4
verify test "$(squeue -h --me -o %D | sort -u)" = 1
until_true njobs 1
verify kill -0 $controller
wait $controller
verify test "$?" = 0
until_true idle_nodes 4

# ---- within an allocation -----------------------------------------------------------------------------
cat >job <<END
#!/bin/sh
cd '$PWD'
exec '$ALLOT' farm --on slurm --joblog inside.log 'sleep 0.5; echo \$SLURM_NODEID' ::: 1 2 3 4 5 6 7 8 9 10 11 12 >inside.out 2>&1
END
sbatch -Q --wait -N3 --exclusive --output=job.out job
verify test "$(wc -l <inside.log)" = 13
verify test "$(cut -f2 inside.log | sort -u | grep -c slurm)" = 3
# Plain `allot farm` there uses all of it.
sed -i 's/--on slurm --joblog inside.log/--joblog plain.log/' job
sbatch -Q --wait -N2 --exclusive --output=job.out job
verify test "$(cut -f2 plain.log | sort -u | grep -c slurm)" = 2
done_testing
