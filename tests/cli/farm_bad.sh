#!/bin/bash
# farm_bad.sh - bad input and badly behaved tasks: one clear message, the right status, nothing hangs.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"
verb=farm
# The thread sanitizer makes vfork() a fork(): why a program could not be executed does not come back then.
says_why=true
! grep -q __tsan_init "$ALLOT" || says_why=false

# ---- templates and lists
expect 102 "" "allot farm: *{0}*" 'echo {0}' ::: a
expect 102 "" "allot farm: *{nmae}; did you mean {name}*" --header : -C , 'echo {nmae}' ::: name,x a,b
expect 102 "" "allot farm: *unbalanced*" "echo 'a {}" ::: b
expect 1 "" "*task 1 has 1 argument: there is none for {2}*" 'echo {2}' ::: a
expect 102 "" "allot farm: *colsep*" -C '(((' echo ::: a
expect 101 "" "allot farm: nothing.txt: No such file or directory" echo :::: nothing.txt
expect 102 "" "allot farm: :::: names no file*" echo ::::
printf 'a\nb\0c\n' >nul
expect 101 "" "allot farm: nul:2: there is a NUL in this line*-0*" -k echo :::: nul
expect 101 "" "allot farm: */tmp: Is a directory" echo :::: "$work/tmp"
# An argument list that no system call takes: that task fails, the others do not.
head -c 3000000 /dev/zero | tr '\0' x >long
printf '\nshort\n' >>long
farm -k 'echo {}' :::: long
verify test "$status" = 1 -a "$(<"$out")" = short
if $says_why; then verify grep -q 'Argument list too long' "$err"; fi
# A hundred megabytes of them.
head -c 100000000 /dev/zero | tr '\0' '\n' | sed 's/$/argument/' | head -c 100000000 >many
farm -q -X 'echo {} | wc -w' :::: many
verify test "$status" = 0 -a "$(awk '{ n += $1 } END { print n }' "$out")" = "$(grep -c '' many)"
rm many

# ---- lines of JSON
try_tasks() { # WANT-ERROR LINE...
    local want=$1
    shift
    printf '%s\n' "$@" >tasks
    expect 101 "" "$want" --tasks tasks
}
try_tasks "allot farm: tasks:2: *'comand'*did you mean 'command'*" '{"command": "true"}' '{"comand": "x"}'
try_tasks "allot farm: tasks:1: *" 'true'
try_tasks "allot farm: tasks:2: *" '{"command": "true"}' '{"command": "true"'
try_tasks "allot farm: tasks:2: the id 'a' is another task's already, at tasks:1" '{"id": "a", "command": "x"}' '{"id": "a", "command": "x"}'
try_tasks "allot farm: tasks:1: 'after': no task has the id 'bb'; did you mean 'b'*" '{"command": "x", "after": "bb"}' '{"id": "b", "command": "x"}'
try_tasks "allot farm: *a*b*a*" '{"id": "a", "command": "x", "after": "b"}' '{"id": "b", "command": "x", "after": "a"}'
try_tasks "allot farm: tasks:1: 'in': */missing is not there*" '{"command": "x", "in": "missing"}'
try_tasks "allot farm: tasks:1: *" '{"command": "a\u0000b"}'
try_tasks "allot farm: tasks:1: *" '{"command": "a", "argv": ["a"]}'
try_tasks "allot farm: tasks:1: there is no token 'licence'; say how many there are: --token licence=N" '{"command": "x", "tokens": {"licence": 1}}'
try_tasks "allot farm: tasks:1: *'mem'*" '{"command": "x", "mem": "lots"}'
verify test -z "$(ls "$XDG_STATE_HOME/allot/runs" | grep run-)" # no run was made of them

# ---- tasks that behave badly
expect 0 "" "" -N0 'exec >&- 2>&-; sleep 0.3; echo lived >lived' ::: 1
verify test -s lived
expect 1 "" "*took too long*" --timeout 0.3 --kill-after 0.3s -N0 'kill -STOP $$' ::: 1
expect 1 "" "*took too long*" --timeout 0.3 --kill-after 0.3s -N0 'trap "" TERM; while :; do kill -STOP $$; done' ::: 1
farm -N0 'setsid sh -c "sleep 1234" >/dev/null 2>&1 & echo left' ::: 1
verify test "$(<"$out")" = left
verify test -z "$(pgrep -f '^sleep 1234$')"
farm -N0 'setsid sleep 1235 & echo held' ::: 1 # holds the output, too
verify test "$(<"$out")" = held
verify test -z "$(pgrep -f '^sleep 1235$')"
if $says_why; then
    expect 2 "" "*Permission denied*" --shell never './nul' ::: 1 2
    expect 1 "" "*this/is/not/there*" --tasks <(echo '{"argv": ["/this/is/not/there"]}')
    expect 1 "" "*chdir*" --tasks <(echo '{"command": "true", "cwd": "/not/there"}')
else
    pass_over 'programs that cannot be executed: under the thread sanitizer'
fi

# ---- our own output
status=0
"$ALLOT" farm echo ::: 1 2 >&- 2>"$err" || status=$?
verify test "$status" = 101
verify grep -q 'standard output' "$err"
status=0
"$ALLOT" farm echo ::: 1 2 >/dev/full 2>"$err" || status=$?
verify test "$status" = 101
verify grep -q 'No space left on device' "$err"
{ "$ALLOT" farm 'echo {}; sleep 0.01' ::: {1..5000} 2>"$err"; echo $? >rc; } | head -n 1 >/dev/null
verify test "$(<rc)" = 141
expect 101 "" "*--joblog /not/there/log: *" --joblog /not/there/log true ::: 1
expect 102 "" "*--workdir /not/there: there is no such folder" --workdir /not/there true ::: 1
expect 101 "" "*" --results /proc/no true ::: 1

# ---- runs
allot resume nothing
verify test "$status" = 101
verify grep -q 'no run' "$err"
farm --name whole true ::: 1
printf 'garbage' | dd of="$XDG_STATE_HOME/allot/runs/whole/run.db" bs=1 seek=20 conv=notrunc 2>/dev/null
cp "$XDG_STATE_HOME/allot/runs/whole/run.db" before.db
allot resume whole
verify test "$status" = 101
verify grep -q 'is damaged; nothing was changed' "$err"
verify cmp -s before.db "$XDG_STATE_HOME/allot/runs/whole/run.db"
done_testing
