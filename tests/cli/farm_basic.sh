#!/bin/bash
# farm_basic.sh - templates, arguments, output and statuses of `allot farm`.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"
verb=farm

# ---- arguments
expect 0 "$(lines a b c)" "" -k echo ::: a b c
expect 0 "$(lines a b c)" "" -k echo {} ::: a b c
expect 0 "$(lines x-a-y x-b-y)" "" -k echo x-{}-y ::: a b
expect 0 "$(lines "1 3" "1 4" "2 3" "2 4")" "" -k echo {1} {2} ::: 1 2 ::: 3 4
expect 0 "$(lines "1 3" "2 4")" "" -k echo ::: 1 2 :::+ 3 4
expect 0 "$(lines "/a/b/c c.txt /a/b c")" "" -k echo {.} {/} {//} {/.} ::: /a/b/c.txt
expect 0 "$(lines "1 a" "2 b")" "" -k echo {#} {} ::: a b
expect 0 "$(lines 1 1 1)" "" -j1 echo {%} ::: a b c
expect 0 "$(lines "b a")" "" echo {2} {1} ::: a ::: b
expect 0 "$(lines "1 2" "3")" "" -k -N2 echo ::: 1 2 3
expect 0 "$(lines "2-1" "-3")" "" -k -N2 echo {2}-{1} ::: 1 2 3
expect 0 "$(lines x x)" "" -N0 echo x ::: 1 2
expect 0 "$(lines "2 1" "4 3")" "" -k -C , echo {2} {1} ::: 1,2 3,4
expect 0 "$(lines "2-1" "4-3")" "" -k -C , --header : 'echo {b}-{a}' ::: a,b 1,2 3,4
lines x y >list.txt
expect 0 "$(lines x y)" "" -k echo :::: list.txt
expect 0 "$(lines x y)" "" -k -a list.txt echo
expect 0 "$(lines x y)" "" -k echo < list.txt
expect 0 "$(lines x y)" "" -k -0 echo < <(printf 'x\0y\0')
expect 0 "$(lines "1 x" "1 y" "2 x" "2 y")" "" -k echo ::: 1 2 :::: list.txt
expect 0 "$(lines hello "a b")" "" -k < <(lines 'echo hello' 'echo "a   b" | tr -s " "')
expect 0 "$(lines one two)" "" -k ::: 'echo one' 'echo two'
expect 0 "" "" echo ::: # no arguments, no tasks
expect 0 "" "" echo < /dev/null

# ---- any byte but NUL stays what it is
# shellcheck disable=SC2016
strange=("a b" "it's" 'say "x"' '$HOME' '`id`' '*' '\' ';' '&' $'new\nline' '-n' '' '#' '~' '{}' '!' $'\t' $'\xff\xfe')
for value in "${strange[@]}"; do
    expect 0 "<$value>" "" printf '<%s>' {} ::: "$value"
    expect 0 "<$value>" "" 'printf "<%s>" {} | cat' ::: "$value"
    expect 0 "<$value>" "" 'printf "<%s>" "{}" | cat' ::: "$value"
    expect 0 "<$value>" "" "printf '<%s>' '{}' | cat" ::: "$value"
done

# ---- a shell only where it is needed
expect 0 '$HOME x' "" --shell never echo '$HOME' ::: x
expect 0 "$(lines 3)" "" 'echo $((1+{}))' ::: 2
expect 0 "$(lines "a")" "" "awk '{print \$1}' {}" ::: <(echo "a b")

# ---- dry run
expect 0 "$(lines "echo a" "echo 'b c'")" "" --dry-run echo {} ::: a 'b c'

# ---- output
expect 0 "$(lines "a"$'\t'"a" "b"$'\t'"b")" "" -k --tag echo ::: a b
expect 0 "$(lines "n1:"$'\t'"a")" "" -k --tagstring 'n{#}:' echo ::: a
farm -j4 -k 'sleep 0.{}; echo {}' ::: 4 3 2 1
verify test "$(<"$out")" = "$(lines 4 3 2 1)"
farm -k 'echo out{}; echo err{} >&2' ::: 1 2
verify test "$(<"$out")" = "$(lines out1 out2)" -a "$(<"$err")" = "$(lines err1 err2)"
farm -j3 'for k in 1 2 3; do echo {}$k; sleep 0.02; done' ::: a b c
verify test "$(tr -d 123 <"$out" | uniq | wc -l)" = 3 # never mixed
farm -j2 --line-buffer 'printf {}; sleep 0.1; echo {}' ::: a b
verify test "$(sort "$out")" = "$(lines aa bb)"
farm -u 'printf {}' ::: a
verify test "$(<"$out")" = a
head -c 3000000 /dev/urandom >big
farm -k 'cat big; echo {}' ::: 1 2
verify cmp -s "$out" <(cat big; echo 1; cat big; echo 2)
farm -k --tag 'head -c 100000 /dev/zero | tr "\0" x; echo; echo {}' ::: 1
verify test "$(wc -c <"$out")" = $((100000 + 2 + 1 + 4))

# ---- statuses
expect 3 "" "allot farm: run exit-*: 1 of 4 tasks succeeded*3 failed*exit status 7*" 'exit {}' ::: 0 7 7 7
farm 'exit 1' ::: {1..150}
verify test "$status" = 100
expect 0 "" "" -q true ::: 1
expect 1 "" "" -q 'exit {}' ::: 1
expect 101 "" "allot farm: no-such-program: *not*" no-such-program ::: {1..1000}
verify test "$(wc -l <"$err")" = 1
expect 1 "" "*no-such-program: command not found*" -q '{}' ::: no-such-program
expect 1 "" "*ended by SIGKILL*" 'kill -9 $$' ::: 1
expect 102 "" "allot farm: --jobs x:*" -j x true ::: 1
expect 102 "" "allot farm: unknown option '--jops'; did you mean '--jobs'[?]*" --jops 3 true ::: 1
expect 102 "" "allot farm: --halt x:*" --halt x true ::: 1
expect 102 "" "*unbalanced*" "echo 'a" ::: 1

# ---- each in a process group of its own, without our standard input; where there is a terminal, in a session
expect 0 "" "" -N0 'cat; echo' ::: 1 < <(sleep 0.1; echo secret)
farm -N0 'ps -o pgid= -p $$ | tr -d " "; echo $$' ::: 1
verify test "$(sed -n 1p "$out")" = "$(sed -n 2p "$out")"
$python - "$ALLOT" >"$out" 2>"$err" <<'END'
import os, pty, sys
pty.spawn([sys.argv[1], "farm", "-q", "-N0", "ps -o sid= -p $$; echo $$; tty </dev/tty || echo none", ":::", "1"])
END
verify test "$(tr -d ' \r' <"$out" | sed -n 1p)" = "$(tr -d ' \r' <"$out" | sed -n 2p)"
verify grep -q none "$out"

# ---- what is left behind: nothing that holds the output is waited for long
farm -N0 'sleep 1000 & echo done' ::: 1
verify test "$(<"$out")" = done
verify test -z "$(pgrep -f '^sleep 1000$')"

# ---- timeouts, retries, halt
expect 1 "" "*took too long*" --timeout 0.2 'sleep 100' ::: 1
expect 1 "" "*took too long*" --timeout 0.2 --kill-after 0.2s -N0 'trap "" TERM; while :; do sleep 0.05; done' ::: 1
farm --retries 2 --backoff 10ms -N0 'echo x >>tries; exit 1' ::: 1
verify test "$status" = 1 -a "$(wc -l <tries)" = 3
rm tries
farm --retries 5 --backoff 10ms -N0 'echo x >>tries; test $(wc -l <tries) = 3' ::: 1
verify test "$status" = 0 -a "$(wc -l <tries)" = 3
rm tries
farm --retries 5 --backoff 10ms --retry-on 7 -N0 'echo x >>tries; exit 1' ::: 1
verify test "$status" = 1 -a "$(wc -l <tries)" = 1
farm -j1 --halt now,fail=1 'exit {}' ::: 0 1 0 0
verify test "$status" = 1
verify grep -q "2 left" "$err"
farm -j1 --halt soon,success=1 'exit {}' ::: 0 1 0 0
verify test "$status" = 0

# ---- where and with what
mkdir there
expect 0 "$work/tmp/there" "" -N0 --workdir there pwd ::: 1
expect 0 "7" "" -N0 --env SEVEN=7 'echo $SEVEN' ::: 1
expect 0 "$(lines "1 1" "2 2")" "" -k -N0 'echo $ALLOT_TASK $PARALLEL_SEQ' ::: a b

# ---- job log and results
farm -j1 --joblog log 'exit {}' ::: 0 3
verify test "$(head -n 1 log)" = $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand'
verify test "$(tail -n 1 log | cut -f1,2,7,8,9)" = $'2\t:\t3\t0\texit 3'
farm --results res 'echo {}; echo err >&2' ::: a b
verify test "$(<res/1/a/stdout)" = a -a "$(<res/1/b/stdout)" = b -a "$(<res/1/a/stderr)" = err

# ---- many of them (fewer where a sanitizer makes every fork slow: .ci/run)
many=${ALLOT_TEST_MANY:-20000}
farm -j4 true ::: {1..500}
verify test "$status" = 0
farm -k echo < <(seq "$many")
verify cmp -s "$out" <(seq "$many")
verify test "$status" = 0
done_testing
