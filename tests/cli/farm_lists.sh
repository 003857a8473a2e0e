#!/bin/bash
# farm_lists.sh - a run that was killed before its list was read to the end; lists that were edited; odd arguments.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"
verb=farm
# seen WORD... - these lines, in any order, were written to the file `seen`.
seen() { [ "$(sort seen 2>/dev/null | tr '\n' ' ')" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ]; }
# kill_when COMMAND... - kill the run at $pid once the command succeeds.
kill_when() { until_true "$@"; kill -KILL $pid; wait $pid 2>/dev/null; }

# ---- standard input: what was read is done; the rest has to be given again
mkfifo pipe
exec 9<>pipe
"$ALLOT" farm --name fed 'echo {} >>seen' <pipe 2>/dev/null & pid=$!
printf '%s\n' 1 2 3 >&9
kill_when seen 1 2 3
exec 9>&-
allot resume fed </dev/null
verify test "$status" = 101
verify grep -q 'give it again: allot resume fed <LIST' "$err"
verify seen 1 2 3
allot resume fed < <(seq 5)
verify test "$status" = 0
verify seen 1 2 3 4 5
verify test "$(state fed input_complete)" = True -a "$(state fed succeeded)" = 5
allot resume fed </dev/null
verify test "$status" = 0

# ---- a list that was edited: a task is known by its arguments
allot resume fed ::: 5 first 3 3
verify test "$status" = 0
verify seen 1 2 3 3 4 5 first
verify test "$(state fed tasks)" = 7
expect 101 "" "allot farm: there is a run called fed already*" --name fed true ::: 1
allot resume fed what
verify test "$status" = 102
verify grep -q "after the run's name comes a list" "$err"

# ---- a list in a pipe that has a name, edited between
rm -f seen
mkfifo list
exec 9<>list
"$ALLOT" farm --name file 'echo {} >>seen' :::: list & pid=$!
printf '%s\n' a b c >&9
kill_when seen a b c
exec 9>&-
rm list
printf '%s\n' new c a >list
allot resume file
verify test "$status" = 0
verify seen a b c new

# ---- killed before the run was there: the name is free
mkdir -p "$XDG_STATE_HOME/allot/runs/half"
: >"$XDG_STATE_HOME/allot/runs/half/run.db.new"
allot status half
verify test "$status" = 1
expect 0 "1" "" --name half echo ::: 1

# ---- bytes that are no text, in the list and in the template
rm -f seen
word=$'\xff\xfe '$'\n''"x'
"$ALLOT" farm --name bytes -j1 'printf %s {} '$'\xe9'' >>seen; until test -e go; do sleep 0.02; done' ::: "$word" b & pid=$!
kill_when test -s seen
touch go
allot resume bytes
verify test "$status" = 0
verify test "$(<seen)" = "$word"$'\xe9'"$word"$'\xe9'"b"$'\xe9'

# ---- --workdir and a job log in the folder the command was given in, also when resumed
mkdir there
rm -f go
"$ALLOT" farm --name apart --workdir there --joblog log -j1 'pwd >>where; test {} = 1 || until test -e ../go; do sleep 0.02; done' ::: 1 2 & pid=$!
kill_when grep -qs '^1' log
touch go
allot resume apart
verify test "$status" = 0
verify test "$(sort -u there/where)" = "$PWD/there"
verify test -s log -a ! -e there/log
done_testing
