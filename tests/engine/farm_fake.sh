#!/bin/bash
# farm_fake.sh - engines that go wrong on demand: nothing is lost, nothing is kept twice, nothing stays behind.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
verb=farm
export TMPDIR=$work/remote-tmp
mkdir -p "$TMPDIR"

# engine_of RUN NAME KEY - what `allot engines` says.
engine_of() {
    "$ALLOT" engines --json "$1" |
        $python -c 'import json,sys; print(next(e[sys.argv[2]] for e in json.load(sys.stdin) if e["name"] == sys.argv[1]))' "$2" "$3"
}
nothing_behind() { ! compgen -G "$TMPDIR/allot-*" >/dev/null; }

# ---- an engine, as if it were this process ----------------------------------------------------------
expect 0 $'a b\nc' '' --on fake -k 'echo {}' ::: 'a b' c
expect 0 $'x\n\'"$' '' --on fake -k "printf '%s\n' {}" ::: x "'\"\$"
expect 3 $'1\n2\n3' '*3 failed*' --on fake -k 'echo {}; exit {}' ::: 1 2 3
verify nothing_behind

expect 0 here '' --on fake --env GREETING=here -N0 'echo $GREETING' ::: 1
# Long output, exactly; and live.
seq 100000 >want
farm --on fake -N0 'seq 100000' ::: 1
verify cmp -s want "$out"
farm --on fake --line-buffer -N0 'seq 100000' ::: 1
verify cmp -s want "$out"
head -c 3000000 /dev/urandom >noise
farm --on fake:apart=1 --send noise -u -N0 'cat noise' ::: 1
verify cmp -s noise "$out"

# Exit statuses, signals, times, memory.
expect 1 '' '*ended by SIGKILL*' --on fake -N0 'kill -9 $$' ::: 1
expect 1 '' '*took too long*' --on fake --timeout 0.3 -N0 'sleep 20' ::: 1
expect 1 '' '*not found*' --on fake --shell never '{}' ::: /nowhere/no-such-program
expect 1 '' '*memory*' --on fake --mem 60M -N0 "$python -c 'x = bytearray(200 << 20); import time; time.sleep(20)'" ::: 1

# ---- files --------------------------------------------------------------------------------------------
mkdir -p in deep/er
for k in 1 2 3 4 5; do echo "content $k" >in/$k.txt; done
echo base >base.txt
echo leaf >deep/er/leaf
head -c 20000000 /dev/urandom >large
expect 0 '' '' --on fake:apart=1 --send {} --fetch out/{/.}.up --shared base.txt --shared deep --shared large \
    'mkdir out; cat base.txt deep/er/leaf >/dev/null && cmp large large && tr a-z A-Z <{} >out/{/.}.up' ::: in/*.txt
for k in 1 2 3 4 5; do verify test "$(cat out/$k.up)" = "CONTENT $k"; done
verify nothing_behind
# Once an engine: the second run finds the large file there.
expect 0 '' '' --name again --on fake:apart=1 --shared large 'test -s large; true' ::: 1 2 3
verify test "$(engine_of again fake1 sent_bytes)" -lt 1000000
# A folder with a link in it comes home as one; one that leads out of it does not.
expect 0 '' '' --on fake:apart=1 --fetch tree -N0 'mkdir -p tree/a; echo x >tree/a/f; ln -s f tree/a/l; chmod 750 tree/a/f' ::: 1
verify test "$(readlink tree/a/l)" = f
verify test "$(stat -c %a tree/a/f)" = 750
farm --on fake:apart=1 --fetch evil -N0 'mkdir evil; ln -s /etc evil/etc' ::: 1
verify test "$status" = 1
verify test ! -e evil/etc
# A result that is not there, an input that is not there, one that cannot be sent.
expect 1 '' '*said that it makes this file, and did not*' --on fake:apart=1 --fetch gone -N0 true ::: 1
expect 1 '' '*No such file*' --on fake:apart=1 --send {} true ::: nowhere
expect 1 '' '*below the current folder*' --on fake:apart=1 --send {} true ::: /etc/passwd
expect 1 '' '*below the current folder*' --on fake:apart=1 --fetch ../x true ::: 1
# Where the file system is shared nothing is copied, and a declared result is looked for all the same.
expect 0 '' '' --on fake --send {} --fetch {}.n 'wc -l <{} >{}.n' ::: in/1.txt
verify test "$(cat in/1.txt.n)" = 1
expect 1 '' '*did not*' --on fake --fetch gone -N0 true ::: 1
# Specs say it themselves.
cat >specs <<'END'
{"id":"a","command":"tr a-z A-Z <in/1.txt >up","in":["in/1.txt"],"out":["up"]}
{"id":"b","command":"cat up up >upup; cat","in":["up"],"out":["upup"],"stdin":"said\n"}
END
expect 0 said '' --on fake:apart=1 --tasks specs
verify test "$(cat upup)" = $'CONTENT 1\nCONTENT 1'

# ---- a bad day ----------------------------------------------------------------------------------------
# once COUNT - each task ran to its end at least once, and has one result.
once() { [ "$(sort -u ran | wc -l)" = "$1" ] && [ "$("$ALLOT" status --json | $python -c 'import json,sys; print(json.load(sys.stdin)["succeeded"])')" = "$1" ]; }
rm -f ran
farm --on fake:die=0.7,count=2 --on local*1 'sleep 0.03; echo {} >>ran' ::: $(seq 120)
verify test "$status" = 0
verify once 120
rm -f ran
farm --on fake:corrupt=600,local*1 'sleep 0.02; echo {} >>ran' ::: $(seq 150)
verify test "$status" = 0
verify once 150
verify grep -q 'engine fake1: it sent' "$err"
rm -f ran
farm --lost-after 1s --on fake:freeze=0.5,local*1 'sleep 0.02; echo {} >>ran' ::: $(seq 150)
verify test "$status" = 0
verify once 150
verify grep -q 'nothing was heard of it for 1 s' "$err"
expect 0 x '' --on fake:banner=1 -N0 'echo x' ::: 1
expect 0 x '' --on fake:late=1 -N0 'echo x' ::: 1
expect 101 '' '*connection refused*no engine is left*allot resume*' --on fake:refuse=1 true ::: 1 2
expect 0 '' '*given up*' --on fake:refuse=1,local 'sleep 0.1; true' ::: $(seq 80)
# A task that three engines die of is set aside.
expect 1 '' '*lost*' --on fake -j1 -N0 'kill -9 $PPID; sleep 5' ::: 1

# ---- an end before the end ---------------------------------------------------------------------------
rm -f ran
"$ALLOT" farm --name cut --on fake -j2 'echo {} >>ran; sleep 0.05' ::: $(seq 60) >/dev/null 2>&1 &
controller=$!
until_true test -s ran
kill -9 $controller
wait $controller 2>/dev/null
allot resume cut
verify test "$status" = 0
verify test "$(sort -u ran | wc -l)" = 60
verify test "$(wc -l <ran)" -le 64
# The agents end with their controller.
no_agents() { ! pgrep -f "$XDG_CACHE_HOME/allot/agent-" >/dev/null; }
until_true no_agents
# First Ctrl-C: what waits at engines comes back.
"$ALLOT" farm --name stop --on fake -j2 'sleep 0.2; true' ::: $(seq 50) >/dev/null 2>"$err" &
controller=$!
sleep 1
kill -INT $controller
wait $controller
verify test "$?" = 130
verify test "$(state stop failed)" = 0
verify test "$(state stop left)" -gt 20

# ---- the command line ---------------------------------------------------------------------------------
expect 102 '' '*named twice*' --on a,b,a true ::: 1
expect 102 '' '*number of tasks*' --on 'a*0' true ::: 1
printf '# ours\nfake*2 # two\nlo cal\n' >hosts
expect 102 '' '*hosts:3: *no name of an engine*' --on @hosts true ::: 1
printf '# ours\n2/fake\n' >hosts
expect 0 x '' -S @hosts -N0 'echo x' ::: 1
expect 102 '' '*it takes count*' --on fake:explode=1 true ::: 1
expect 102 '' '*KEY=VALUE*' --on slurm:nodes true ::: 1
farm --on fake --joblog log -N0 true ::: 1
verify test "$(awk -F'\t' 'NR == 2 { print $2 }' log)" = fake1
done_testing
