#!/bin/bash
# farm_slurm_faults.sh - what can become of engines that a real Slurm gives.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/slurm.bash
. "$ALLOT_SOURCE/tests/engine/slurm.bash"
start_slurm
njobs() { [ "$(squeue -h --me --name="allot-$1" | wc -l)" = "$2" ]; }
is_said() { grep -q "$1" "$2"; }

# start_farm NAME SECONDS NTASKS ENGINES... - one in the background; each of its tasks says when it is done.
start_farm() {
    local name=$1 seconds=$2 ntasks=$3
    shift 3
    "$ALLOT" farm --name "$name" "$@" "sleep $seconds; echo {} >>$name.ran" ::: $(seq "$ntasks") >/dev/null 2>"$name.err" &
}
# All of its tasks were done; one that was lost at its very end is done twice, and has one result.
is_whole() {
    [ "$(sort -u "$1.ran" | wc -l)" = "$2" ] && [ "$("$ALLOT" log "$1" | grep -c ' done ')" = "$2" ]
}

# Killed from outside: its tasks go elsewhere.
start_farm scancelled 0.1 120 --on slurm:nodes=2,cpus=2 --on local*1
controller=$!
until_true njobs scancelled 2
until_true test -s scancelled.ran
sleep 1
scancel "$(squeue -h --name=allot-scancelled -o %A | head -n 1)"
wait $controller
verify test "$?" = 0
verify grep -q 'go elsewhere' scancelled.err
verify is_whole scancelled 120

# slurmctld is away, and a node loses its power: the daemon, its steps, the agent, the tasks.
start_farm nodes 0.1 150 --on slurm:nodes=2,cpus=2 --on local*1
controller=$!
until_true njobs nodes 2
until_true test -s nodes.ran
sleep 0.5
node=$(squeue -h --name=allot-nodes -o %N | head -n 1)
end_slurmctld
# An engine that is asked for now is not given up: slurmctld comes back.
start_farm away 0.1 3 --on slurm
away=$!
kill_node "$node"
until_true is_said 'go elsewhere' nodes.err
until_true is_said 'Unable to contact' away.err
start_slurmctld
start_slurmd "$node"
wait $controller
verify test "$?" = 0
verify is_whole nodes 150
wait $away
verify test "$?" = 0
verify is_whole away 3
done_testing
