#!/bin/bash
# farm_disk.sh - the disk is full, or becomes read-only: said clearly, nothing lost, nothing done twice.
#
# Needs a file system of its own: a tmpfs, which only root may mount.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/../cli/harness.bash"
verb=farm
disk=$PWD/disk
mkdir "$disk"
if ! mount -t tmpfs -o size=5M tmpfs "$disk" 2>/dev/null; then
    echo "SKIPPED: farm_disk: a tmpfs cannot be mounted here (not root, or a container without the right)"
    exit 77
fi
at_end+=('mount -o remount,rw "$disk"; umount "$disk"')

# ---- full while committing: no task that ended is done again, the output of all of them is there
farm --run-dir "$disk/run" -j2 --joblog log 'head -c 3000 /dev/zero | tr "\0" x; echo {} >>seen' ::: $(seq 3000)
verify test "$status" = 101
verify grep -q "the disk is full; free some space, then: allot resume $disk/run" "$err"
verify test "$(wc -l <seen)" -lt 3000
verify test "$(tail -n +2 log | wc -l)" -le "$(state "$disk/run/" succeeded)"
cp "$out" first
mount -o remount,size=64M "$disk"
allot resume "$disk/run/"
verify test "$status" = 0
verify cmp -s <(sort -n seen) <(seq 3000)
verify test "$(cat first "$out" | wc -c)" = 9000000
verify cmp -s <(tail -n +2 log | cut -f1 | sort -n) <(seq 3000)

# ---- full while long output is kept: that task has failed, and says why; retry has room
mount -o remount,size=20M "$disk"
farm --run-dir "$disk/long" -j1 'head -c 30M /dev/zero; true {}' ::: 1
verify test "$status" != 0
verify grep -Eq 'output could not be kept|disk is full' "$err"
mount -o remount,size=128M "$disk"
allot retry "$disk/long/"
verify test "$status" = 0
verify test "$("$ALLOT" log "$disk/long/" 1 | wc -c)" = $((30 << 20))

# ---- no room for a run at all
mount -o remount,size=128M "$disk"
head -c 200M /dev/zero 2>/dev/null >"$disk/ballast"
expect 101 "" "allot farm: *" --run-dir "$disk/none" true ::: 1
verify test ! -e "$disk/none/run.db" -o -e "$disk/none/tail"
rm "$disk/ballast"

# ---- read-only: can be looked at, and not worked on
mount -o remount,ro "$disk"
allot status "$disk/run/"
verify test "$status" = 0
allot log "$disk/run/" 7
verify test "$status" = 0 -a "$(wc -c <"$out")" = 3000
allot resume "$disk/run/"
verify test "$status" = 101
verify grep -q 'Read-only file system' "$err"
expect 101 "" "allot farm: *Read-only file system*" --run-dir "$disk/new" true ::: 1
done_testing
