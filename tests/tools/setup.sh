#!/bin/bash
# tools/setup on machines that this one is not: stand-ins for id, dpkg-query, apt-get and sudo say which.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
setup=$ALLOT_SOURCE/tools/setup
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
failed=0

# What tools/setup itself runs; nothing else is in its PATH, sudo and apt-get least of all.
for tool in sh awk dirname env; do
    ln -s "$(command -v $tool)" "$bin/$tool"
done
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}

# check WHAT STATUS PATTERN GROUP... - run it; the pattern is bash's, of output and errors together.
check() {
    local what=$1 expected=$2 pattern=$3 status=0 output
    shift 3
    output=$(PATH=$bin "$setup" "$@" 2>&1 </dev/null) || status=$?
    # shellcheck disable=SC2053 # a pattern
    if [ "$status" != "$expected" ] || [[ $output != $pattern ]]; then
        printf '%s: status %s, expected %s; output:\n%s\n' "$what" "$status" "$expected" "$output"
        failed=1
    fi
}

check "no Debian" 0 "*no Debian*g++ pkg-config libhwloc-dev*" build
check "no such group" 2 "*no group 'nonsense'*" nonsense

stand_in dpkg-query 'echo installed'
stand_in id 'echo 1000'
check "all there" 0 "" build test

stand_in dpkg-query '[ "$4" != libhwloc-dev ] && echo installed'
check "no root, no sudo" 1 "*missing*
    apt-get install libhwloc-dev" build test

stand_in sudo 'exit 1'
check "sudo that would ask" 1 "*only root may install*
    apt-get install libhwloc-dev" build

stand_in sudo '[ "$1" != -n ] || exit 0; echo "as root: $*"; exec "$@"'
stand_in apt-get 'echo "apt-get $*"; [ "$1" = update ] && : >"$0.lists"; [ -e "$0.lists" ]'
check "sudo, no lists yet" 0 "*installing libhwloc-dev*as root: apt-get update*apt-get install *libhwloc-dev*" build
check "sudo, lists there" 0 "tools/setup: installing libhwloc-dev" build

stand_in id 'echo 0'
stand_in apt-get 'exit 100'
check "root, nothing to be had" 1 "*could not be installed*
    apt-get install libhwloc-dev" build
exit $failed
