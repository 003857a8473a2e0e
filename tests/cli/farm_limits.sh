#!/bin/bash
# farm_limits.sh - memory, more than there is, bundles, what a killed controller leaves running, tasks added with specs.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"
verb=farm
# log_has RUN WORDS - of the run's tasks, sorted: state cause signal.
log_has() {
    verify test "$("$ALLOT" log --json "$1" | $python -c '
import json, sys
print(" ".join(sorted("%s:%s:%d" % (t["state"], t["cause"], t["attempt"]) for t in map(json.loads, sys.stdin))))')" = "$2"
}
lines() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }
# Takes 80 MB, then waits.
hog='import time; x = b"x" * (80 << 20); time.sleep({})'

# ---- memory: over it a task is ended, its children counted; with retries it comes back with more
farm --name fat --mem 40M "$python -c '$hog'" ::: 100
verify test "$status" = 1
log_has fat failed:memory:1
verify grep -q 'took too much memory' "$err"
farm --name child --mem 40M "sh -c '$python -c \"\$0\"; true' '$hog'" ::: 100
log_has child failed:memory:1
farm --name grow --mem 40M --mem-grow 8 --retries 1 --backoff 0 "$python -c '$hog'" ::: 0.5
verify test "$status" = 0
log_has grow done:exit:2
farm --name still --mem 40M --mem-grow 1 --retries 2 --backoff 0 "$python -c '$hog'" ::: 100
log_has still failed:memory:3

# ---- more than there is: the rest is done, then it is said
printf '%s\n' '{"command": "echo here"}' '{"command": "true", "cpus": 4000}' >tasks
expect 101 here "allot farm: task 2 asks for more processors, memory or tokens than there are*" --name big --tasks tasks
expect 0 1 "" -j2 --cpus 64 echo ::: 1
expect 102 "" "allot farm: --mem-grow 0.5: a number of at least 1*" --mem-grow 0.5 true ::: 1
expect 102 "" "allot farm: --bundle x: a number of arguments*" --bundle x true ::: 1

# ---- bundles
expect 0 "a b
c" "" -k --bundle 2 echo ::: a b c
farm --name many --bundle auto 'printf "%s\n" {} >>got' < <(seq 20000)
verify test "$status" = 0
verify cmp -s <(sort -n got) <(seq 20000)
verify test "$("$ALLOT" log --json many | wc -l)" -lt 4000
# killed while its list is open, resumed with the list given again: each argument once
rm -f got
mkfifo pipe
exec 9<>pipe
"$ALLOT" farm --name cut --bundle auto -j1 'printf "%s\n" {} >>got' <pipe 2>/dev/null & pid=$!
seq 3000 >&9
until_true lines got 3000
kill -KILL $pid
wait $pid 2>/dev/null
exec 9>&-
rm -f pipe
allot resume cut < <(seq 5000)
verify test "$status" = 0
verify cmp -s <(sort -n got) <(seq 5000)

# ---- what a killed controller leaves running is ended before it is run again
"$ALLOT" farm --name left 'echo $$ >>pids; if ! test -e go; then sleep 1000; echo never >>pids; fi; true {}' ::: 1 & pid=$!
until_true test -s pids
kill -KILL $pid
wait $pid 2>/dev/null
touch go
allot resume left
verify test "$status" = 0
verify test "$(wc -l <pids)" = 2
verify test -z "$(ps -eo pgid=,stat= | awk -v group="$(head -n 1 pids)" '$1 == group && $2 !~ /Z/')" # not every init reaps
log_has left done:exit:2

# ---- or left alone, as --on-interrupt says
rm -f go pids
"$ALLOT" farm --name given -j1 'echo $$ >>pids; test -e go || sleep 1000; true {}' ::: 1 2 & pid=$!
until_true test -s pids
kill -KILL $pid
wait $pid 2>/dev/null
touch go
allot resume given --on-interrupt fail
verify test "$status" = 1
verify test "$(wc -l <pids)" = 2
log_has given "done:exit:1 failed:interrupted:1"
allot retry given
verify test "$status" = 0

# ---- more tasks for a run with specs
cat >tasks <<'END'
{"id": "a", "command": "until test -e go2; do sleep 0.02; done; echo a >>order"}
{"id": "b", "command": "echo b >>order", "after": ["a"]}
END
"$ALLOT" farm --detach --name specs --tasks tasks >"$out" 2>/dev/null
allot add specs --json <<'END'
{"id": "c", "command": "echo c >>order", "after": ["b"]}
{"id": "d", "command": "echo d >>order", "after": ["nowhere"]}
END
verify test "$(<"$out")" = '{"run":"specs","added":2,"running":true}'
touch go2
allot wait --json specs
verify test "$status" = 0
verify grep -q '"tasks":3,"succeeded":3' "$out"
echo '{"command": "echo e >>order", "after": ["c"]}' | allot add specs
verify grep -q 'nobody works on run specs' "$err"
allot resume specs
verify test "$(tr '\n' ' ' <order)" = "a b c e "
allot cancel --json specs
verify test "$(<"$out")" = '{"run":"specs","asked":false}'
allot forget --json specs
verify test "$(<"$out")" = '{"run":"specs","forgotten":true}'

# ---- waiting costs nothing, whatever the list comes from
cpu_of() { TIMEFORMAT='%U %S'; { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print ($1 + $2 < 0.4) }'; }
verify test "$(cpu_of "$ALLOT" farm 'sleep {}' < <(echo 1))" = 1
verify test "$(cpu_of "$ALLOT" farm 'sleep {}' :::: <(echo 1))" = 1
verify test "$(cpu_of "$ALLOT" farm 'sleep {}' ::: 1)" = 1
verify test "$(cpu_of "$ALLOT" farm --bundle auto 'sleep' < <(echo 1))" = 1
verify test "$(cpu_of "$ALLOT" farm 'sleep {}' < <(echo 0; sleep 1; echo 0))" = 1
verify test "$(cpu_of "$ALLOT" farm --bundle auto 'sleep' < <(echo 0; sleep 1; echo 0))" = 1
done_testing
