#!/bin/bash
# machine.sh - `allot machine` from the outside: both outputs, the cache, limits of processors and cgroups.
#
# Nothing here depends on how fast anything is. What cannot be tried on a machine is named and passed over.
# SPDX-License-Identifier: Apache-2.0
set -u
: "${ALLOT:?the command under test}" "${ALLOT_SOURCE:?the source tree}"
python=/usr/bin/python3
[ -x $python ] || python=python3

work=$(mktemp -d)
made_cgroups=()
finish() {
    for group in "${made_cgroups[@]}"; do rmdir "$group" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
export XDG_CACHE_HOME=$work/cache HOME=$work/home
mkdir "$HOME"
unset HWLOC_SYNTHETIC HWLOC_XMLFILE HWLOC_COMPONENTS

nfailed=0
fail() {
    echo "FAILED: $*" >&2
    nfailed=$((nfailed + 1))
}
pass_over() { echo "not tried: $*"; }

# machine ARG ... - run it; its output is in $work/out and $work/err, its status in $status.
machine() {
    "$ALLOT" machine "$@" >"$work/out" 2>"$work/err"
    status=$?
}
# has_status N WHAT
has_status() { [ "$status" = "$1" ] || fail "$2: status $status, not $1: $(cat "$work/err")"; }
silent() { [ ! -s "$work/err" ] || fail "$1: wrote to standard error: $(cat "$work/err")"; }
says() { grep -qE -- "$2" "$work/$1" || fail "$3: '$2' is not in: $(cat "$work/$1")"; }
# json EXPRESSION - the value of a Python expression on the document `d` that was printed.
json() { $python -c "import json, sys; d = json.load(open(sys.argv[1])); print($1)" "$work/out" 2>&1; }
is() {
    local got
    got=$(json "$1")
    [ "$got" = "$2" ] || fail "$3: $1 is $got, not $2"
}

for_people() {
    machine
    has_status 0 "machine"
    silent "machine"
    for row in processor caches memory allowed 'CPU quota' threads 'reading the clock' 'new program' \
        'memory copied by one thread'; do
        says out "^$row +[^ ]" "machine"
    done
    says out '^Measured just now\.$' "first time"
    machine
    says out '^Measured on [0-9-]+ [0-9:]+, ' "second time"
    tail -n 1 "$work/out" | grep -qE 'in series|is shared even' || fail "the last line says nothing: $(tail -n 1 "$work/out")"
    [ "$(awk '{ if (length > n) n = length } END { print n }' "$work/out")" -le 110 ] || fail "lines are too long"
}

for_programs() {
    machine --json --fresh
    has_status 0 "--json"
    silent "--json"
    is "d['format']" allot-machine "--json"
    is "d['version']" 1 "--json"
    is "d['cached']" False "--fresh"
    is "d['cpus']['count'] == len(__import__('os').sched_getaffinity(0))" True "--json"
    is "d['cpus']['threads'] <= d['cpus']['count']" True "--json"
    is "all(f is None or 0 < f['low'] <= f['median'] <= f['high'] and f['samples'] > 0
            for f in d['measured'].values())" True "figures"
    is "d['measured']['copy_bytes_per_s']['median'] > 1e7" True "figures"
    is "d['measured']['handover_ns'] is None or d['cpus']['threads'] > 1" True "figures"
    cp "$work/out" "$work/first"
    machine --json
    is "d['cached']" True "second time"
    is "d['measured'] == json.load(open('$work/first'))['measured']" True "second time"
    sed -i 's/"format": "allot-machine"/"format": "allot-machine "/' "$work"/cache/allot/machine-*.json
    machine --json
    is "d['cached']" False "cache of another format"
}

documented() {
    machine --json
    local key
    for key in $(json "' '.join(list(d) + [k for o in ('processor', 'memory', 'cpus', 'measured') for k in d[o]] +
                       [k for c in d['caches'] for k in c])"); do
        grep -qF "\`$key\`" "$ALLOT_SOURCE/docs/formats/machine.md" || fail "docs/formats/machine.md lacks $key"
    done
}

other_processors() {
    machine --json
    if [ "$(json "d['cpus']['count']")" -lt 2 ] || ! command -v taskset >/dev/null; then
        pass_over "fewer processors: one is all there is, or there is no taskset"
        return
    fi
    local first
    first=$(json "sorted(__import__('os').sched_getaffinity(0))[0]")
    taskset -c "$first" "$ALLOT" machine --json >"$work/out" || fail "on one processor"
    is "d['cached']" False "on one processor"
    is "d['cpus']['allowed']" "$first" "on one processor"
    is "d['cpus']['threads']" 1 "on one processor"
    is "d['measured']['handover_ns']" None "on one processor"
    taskset -c "$first" "$ALLOT" machine >"$work/out" || fail "on one processor"
    says out 'left in series: only one processor is allowed' "on one processor"
}

broken_caches() {
    machine
    local file
    file=$(echo "$work"/cache/allot/machine-*.json)
    if [ ! -f "$file" ]; then
        pass_over "caches: this machine has no boot_id"
        return
    fi
    for content in '' '{"format": "allot-machine"}'; do # test_machine tries more
        printf '%s' "$content" >"$file"
        machine --json
        has_status 0 "cache holding '$content'"
        silent "cache holding '$content'"
        is "d['cached']" False "cache holding '$content'"
        machine --json
        is "d['cached']" True "after cache holding '$content'"
    done
    for place in /dev/null/x relative; do
        XDG_CACHE_HOME=$place machine --json
        has_status 0 "cache at $place"
        silent "cache at $place"
    done
    env -u HOME -u XDG_CACHE_HOME "$ALLOT" machine >"$work/out" 2>"$work/err" || fail "without a home"
    silent "without a home"
    [ ! -e relative ] || fail "a relative XDG_CACHE_HOME was used"
}

wrong_command_lines() {
    machine now
    has_status 2 "an operand"
    says err "^allot machine: 'now' is too much" "an operand"
    machine --fesh
    has_status 2 "a misspelt option"
    says err '--fresh' "a misspelt option"
    "$ALLOT" machine >/dev/full 2>"$work/err" && fail "a full disk went unnoticed"
    says err 'standard output' "a full disk"
}

without_hwloc() {
    HWLOC_COMPONENTS=-all,stop machine --json
    has_status 0 "without hwloc"
    says err '^allot machine: processor topology: hwloc' "without hwloc"
    is "d['processor']['cores']" None "without hwloc"
    is "d['cpus']['count'] >= 1" True "without hwloc"
    HWLOC_COMPONENTS=-all,stop machine
    says out '^caches +unknown' "without hwloc"
}

# Stacks of 2^50 bytes cannot be had, so threads cannot be.
without_threads() {
    machine --json
    if [ "$(json "d['cpus']['threads']")" = 1 ]; then
        pass_over "threads that cannot be had: none are needed on one processor"
        return
    fi
    (ulimit -s $((1 << 40)) 2>/dev/null && machine --json --fresh && exit $status) || status=$?
    if [ "$status" = 0 ] && ! (ulimit -s $((1 << 40))) 2>/dev/null; then
        pass_over "threads that cannot be had: the limit cannot be raised"
        return
    fi
    has_status 1 "without threads"
    says err '^allot machine: .*thread.*; what needs threads was not measured' "without threads"
    is "d['measured']['handover_ns']" None "without threads"
    is "d['measured']['process_fork_ns']['samples'] > 0" True "without threads"
    machine --json
    is "d['measured']['handover_ns'] is None" False "a measurement that failed was kept"
}

without_true() {
    PATH=/nowhere machine --json --fresh
    has_status 0 "without a program called true"
    is "d['measured']['process_spawn_ns']" None "without a program called true"
}

# in_group FOLDER - what allot sees from inside a cgroup.
in_group() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    bash -c 'echo $$ >"$1/cgroup.procs" && exec "$2" machine --json' - "$1" "$ALLOT" >"$work/out" 2>"$work/err"
}

cgroup_quota() {
    local group version2=false
    if [ "$(id -u)" != 0 ]; then
        pass_over "cgroup quota: only root can set one"
        return
    elif [ -f /sys/fs/cgroup/cpu/cpu.cfs_quota_us ]; then
        group=/sys/fs/cgroup/cpu/allot-test-$$
    elif grep -qw cpu /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
        group=/sys/fs/cgroup/allot-test-$$ version2=true
    fi
    if [ -z "${group:-}" ] || ! mkdir "$group" 2>/dev/null; then
        pass_over "cgroup quota: no CPU controller that can be written"
        return
    fi
    made_cgroups+=("$group")
    set_quota() {
        if $version2; then echo "$1 100000" >"$group/cpu.max"; else echo "$1" >"$group/cpu.cfs_quota_us"; fi
    }
    if ! set_quota 50000 2>/dev/null; then
        pass_over "cgroup quota: it cannot be set"
        return
    fi
    in_group "$group" || fail "in a cgroup of half a processor: $(cat "$work/err")"
    is "d['cpus']['quota']" 0.5 "in a cgroup of half a processor"
    is "d['cpus']['threads']" 1 "in a cgroup of half a processor"
    is "d['cached']" False "in a cgroup of half a processor"
    set_quota 150000
    in_group "$group" || fail "in a cgroup of 1.5 processors: $(cat "$work/err")"
    is "d['cpus']['quota']" 1.5 "in a cgroup of 1.5 processors"
    is "d['cpus']['threads'] == min(2, d['cpus']['count'])" True "in a cgroup of 1.5 processors"
}

for_people
for_programs
documented
other_processors
broken_caches
wrong_command_lines
without_hwloc
without_threads
without_true
cgroup_quota
[ "$nfailed" = 0 ] || echo "$nfailed checks failed" >&2
exit $((nfailed > 0))
