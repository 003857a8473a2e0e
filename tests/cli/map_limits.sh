#!/bin/bash
# map_limits.sh - bounded memory whatever the length; few processors; CPU quotas.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"

# ---- memory: what a stream needs does not grow with it
# peak_kb COMMAND... - the largest resident size of a command, in kB.
peak_kb() {
    $python - "$@" <<'PYTHON'
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdin=3, stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if code == 0 else "failed")
PYTHON
}
"$ALLOT" map x 0:3 >/dev/null && "$ALLOT" map x -t f64 0:3 >/dev/null && "$ALLOT" map x -t f64 -r sum 0:3 >/dev/null
limit_kb=100000
# A sanitizer's own memory would be measured instead.
sanitized=$(nm "$ALLOT" 2>/dev/null | grep -c -E ' __(a|t)san_init$')
text() { seq 0 10000000 | sed 's/$/.25/'; } # 110 MB
if [ "$sanitized" = 0 ]; then
    peak=$(peak_kb "$ALLOT" map x - 3< <(text; text; text))
    verify test "$peak" -lt $limit_kb
    peak=$(peak_kb "$ALLOT" map x -r sum - 3< <(text; text; text))
    verify test "$peak" -lt $limit_kb
    peak=$(peak_kb "$ALLOT" map x 0:20000000 3</dev/null)
    verify test "$peak" -lt $limit_kb
else
    pass_over "memory: this is a build with a sanitizer"
fi

# ---- 2^33 items
expect 0 8589934592 "" 1 -r count 0:8589934592
expect 0 36893488143124135936 "" x -r sum 0:8589934592

# ---- one processor
cpu=$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')
if taskset -c "$cpu" true 2>/dev/null; then
    taskset -c "$cpu" "$ALLOT" map --json 'x*x' 0:1000000 >"$out" 2>"$err"
    verify test "$(field machine.threads)" = 1 -a "$(field loops.map.threads)" = 1
    verify cmp -s "$out" <("$ALLOT" map 'x*x' 0:1000000)
else
    pass_over "one processor: taskset does not work here"
fi

# ---- a control group with a quota of one processor
# in_group FOLDER COMMAND... - run it in a group.
in_group() {
    local folder=$1
    shift
    bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' _ "$folder" "$@"
}
group=
if [ "$(id -u)" = 0 ]; then
    if [ -d /sys/fs/cgroup/cpu ] && mkdir "/sys/fs/cgroup/cpu/allot-map-$$" 2>/dev/null; then
        group=/sys/fs/cgroup/cpu/allot-map-$$
        echo 100000 >$group/cpu.cfs_period_us && echo 100000 >$group/cpu.cfs_quota_us || group=
    elif [ -f /sys/fs/cgroup/cgroup.controllers ] && mkdir "/sys/fs/cgroup/allot-map-$$" 2>/dev/null; then
        group=/sys/fs/cgroup/allot-map-$$
        echo '100000 100000' 2>/dev/null >$group/cpu.max || group=
    fi
fi
if [ -n "$group" ] && in_group "$group" true 2>/dev/null; then
    at_end+=("rmdir '$group'")
    in_group "$group" "$ALLOT" map --json 'x*x' 0:1000000 >"$out" 2>"$err"
    verify test "$(field machine.threads)" = 1 -a "$(field machine.quota)" = 1.0
    verify cmp -s "$out" <("$ALLOT" map 'x*x' 0:1000000)
else
    pass_over "a CPU quota: no control group can be made here"
fi
done_testing
