# common.sh - sourced by the tests of molecules: a folder of their own, and what they need that may not be there. Not a test.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
set -euo pipefail

python=/usr/bin/python3
[ -x $python ] || python=python3
# What others said is recorded beside the sources.
# shellcheck disable=SC2034 # those who source this use it
mdref=${ALLOT_MDREF:-$ALLOT_SOURCE/../shared/mdref}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export GMX_MAXBACKUP=-1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

skip() {
    echo "skipped: $*"
    exit 77
}
# needs_gromacs COMMAND [FORCE FIELD...]
needs_gromacs() {
    command -v "$1" >/dev/null || skip "no $1 (Debian: gromacs)"
    local field
    for field in "${@:2}"; do
        [ -d "/usr/share/gromacs/top/$field.ff" ] || skip "no $field in /usr/share/gromacs/top (Debian: gromacs-data)"
    done
}
# needs_recorded FILE WHO - of what is recorded
needs_recorded() { [ -e "$1" ] || skip "no $1: set ALLOT_MDREF to where the results of $2 are"; }
needs_numpy() { $python -c 'import numpy' 2>/dev/null || skip "no numpy (Debian: python3-numpy)"; }

# quietly COMMAND... - what it says is in gmx.log, and is shown if it fails.
quietly() { "$@" >gmx.log 2>&1 </dev/null || { tail -40 gmx.log; exit 1; }; }

# shellcheck disable=SC2034
failed=0
complain() {
    echo "$*"
    failed=1
}
