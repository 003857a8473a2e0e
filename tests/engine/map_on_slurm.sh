#!/bin/bash
# map_on_slurm.sh - a map on engines that a real Slurm gives, and takes back.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/slurm.bash
. "$ALLOT_SOURCE/tests/engine/slurm.bash"
# shellcheck source=tests/engine/map_on.bash
. "$ALLOT_SOURCE/tests/engine/map_on.bash"
start_slurm
njobs() { [ "$(squeue -h --me | wc -l)" = "$1" ]; }

# A batch system is not asked for what is done soon.
report --on slurm:nodes=4,cpus=2 -j1 -f heavy.c:work_f64 -t f64 0:1500
verify test "$(field engines.called)" = false
"$ALLOT" map -f heavy.c:plain_f64 -t f64 0:16000 >want
report --on slurm:nodes=4,cpus=2 -j1 -f heavy.c:work_f64 -t f64 0:16000
verify test "$status" = 0
verify cmp -s want "$out"
verify shared
verify test "$(field engines.engines.3.launcher)" = slurm
until_true njobs 0
done_testing
