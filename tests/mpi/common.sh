# common.sh - sourced by the tests of ranks: how they are started, or why not.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
set -euo pipefail

command -v mpirun >/dev/null || { echo "skipped: no mpirun (Debian: openmpi-bin)"; exit 77; }
[ -x "$ALLOT_BUILD/tests/comm_ranks" ] || { echo "skipped: built without MPI (Debian: libopenmpi-dev)"; exit 77; }

scratch=$(mktemp -d)
export TMPDIR=$scratch OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Open MPI keeps memory to its end.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
ranks=
end_of_test() {
    [ -z "$ranks" ] || kill -9 "$ranks" 2>/dev/null || true
    rm -rf "$scratch"
}
trap end_of_test EXIT

# on N WORD... - a program on N ranks of this machine, however few processors it has; they yield while they wait.
on() {
    local n=$1
    shift
    timeout -k 5 60 mpirun --oversubscribe --bind-to none -n "$n" --mca mpi_yield_when_idle 1 --mca btl self,vader \
        --mca btl_vader_single_copy_mechanism none --mca plm isolated --mca oob_tcp_if_include lo "$@"
}

failed=0
complain() {
    echo "$*"
    failed=1
}
