#!/bin/bash
# farm_runs.sh - runs that are kept: runs, status, log, resume, retry, wait, cancel, add, forget.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"
verb=farm
# seen N - N lines were written to the file `seen`; has RUN KEY VALUE - what status says of it.
seen() { [ "$(cat seen 2>/dev/null | wc -l)" = "$1" ]; }
has() { [ "$(state "$1" "$2")" = "$3" ]; }

allot runs
verify test "$status" = 0
allot status
verify test "$status" = 1
verify grep -q 'there is no run yet' "$err"

# ---- names
farm --name first 'echo {}; test {} != b' ::: a b c
verify test "$status" = 1
expect 102 "" "allot farm: --name*" --name a/b true ::: 1
expect 101 "" "allot farm: there is a run called first already*" --name first true ::: 1
farm true ::: 1
farm true ::: 1
allot runs --json
verify test "$($python -c 'import json,sys; print(sorted(r["run"] for r in json.load(open(sys.argv[1]))))' "$out")" = \
    "['first', 'true-1', 'true-2']"
verify test "$(state first state)" = failed -a "$(state first succeeded)" = 2 -a "$(state true-1 state)" = succeeded
allot status fist
verify grep -q 'did you mean first' "$err"

# ---- what tasks wrote
allot log first 3
verify test "$(<"$out")" = c
allot log first --failed
verify test "$(awk '{print $1, $2, $3, $4}' "$out")" = "2 failed exit 1"
allot log first 9
verify test "$status" = 1
allot log --json first
verify test "$(wc -l <"$out")" = 3

# ---- retry: the failed one only
farm --name again 'echo {} >>tried; test -e ok || test {} != 2' ::: 1 2 3
verify test "$status" = 1
touch ok
allot retry again
verify test "$status" = 0 -a "$(sort tried | tr '\n' ' ')" = "1 2 2 3 "

# ---- Ctrl-C once: what runs is waited for, the rest is left; resume goes on
farm_pid() { $python -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$ALLOT" farm "$@" >"$out" 2>"$err" & pid=$!; }
farm_pid --name stop -j1 'echo {} >>seen; until test -e go{}; do sleep 0.02; done' ::: 1 2 3
until_true test -e seen
kill -INT $pid
until_true grep -q 'Ctrl-C again' "$err"
touch go1
wait $pid
verify test $? = 130
verify grep -q 'allot resume stop' "$err"
verify test "$(<seen)" = 1 -a "$(state stop state)" = stopped -a "$(state stop left)" = 2
touch go2 go3
allot resume stop
verify test "$status" = 0 -a "$(tr '\n' ' ' <seen)" = "1 2 3 "

# ---- twice: what runs is ended, and run again later
rm -f go* seen
farm_pid --name twice -j2 'echo {} >>seen; until test -e go{}; do sleep 0.02; done' ::: 1 2
until_true seen 2
kill -INT $pid
until_true grep -q 'Ctrl-C again' "$err"
kill -INT $pid
wait $pid
verify test $? = 130
touch go1 go2
allot resume
verify test "$status" = 0 -a "$(sort seen | tr '\n' ' ')" = "1 1 2 2 "

# ---- killed: resume finishes it, what was reported is not run again; a second controller is refused
rm -f go* seen
farm_pid --name killed -j1 'echo {} >>seen; test {} -lt 3 || until test -e go; do sleep 0.02; done' ::: 1 2 3 4
until_true seen 3
allot resume killed
verify test "$status" = 101
verify grep -q "process $pid" "$err"
until_true has killed succeeded 2
kill -KILL $pid
wait $pid 2>/dev/null
touch go
allot resume killed
verify test "$status" = 0
verify test "$(sort seen | tr '\n' ' ')" = "1 2 3 3 4 "

# ---- a run that goes on by itself: add, wait, cancel
rm -f go* seen
name=$("$ALLOT" farm --detach --name alone -j1 'echo {} >>seen; until test -e go; do sleep 0.02; done' ::: 1 2 2>/dev/null)
verify test "$name" = alone
until_true test -e seen
verify test "$(state alone state)" = running
allot add alone ::: 3
verify test "$status" = 0
until_true has alone tasks 3
allot wait --timeout 0.1 alone
verify test "$status" = 124
touch go
allot wait alone
verify test "$status" = 0 -a "$(tr '\n' ' ' <seen)" = "1 2 3 "
rm -f go seen
"$ALLOT" farm --detach --name doomed -j1 'echo {} >>seen; sleep 1000' ::: 1 2 >/dev/null 2>&1
until_true test -e seen
allot forget doomed
verify test "$status" = 1
allot cancel doomed
allot wait doomed
verify test "$(state doomed state)" = canceled -a "$(state doomed canceled)" = 2
allot forget doomed
verify test "$status" = 0
allot status doomed
verify test "$status" = 1
done_testing
