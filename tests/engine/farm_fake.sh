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

# ---- what the conformance suite (tests/engine/conform) does not try -----------------------------------
head -c 20000000 /dev/urandom >large
# Once an engine: the second run finds the large file there.
expect 0 '' '' --on fake:apart=1 --shared large 'test -s large; true' ::: 1 2 3
expect 0 '' '' --name again --on fake:apart=1 --shared large 'test -s large; true' ::: 1 2 3
verify test "$(engine_of again fake1 sent_bytes)" -lt 1000000
verify nothing_behind
# Tasks that wait for each other's files, which come home in between.
mkdir in && echo 'content 1' >in/1.txt
cat >specs <<'END'
{"id":"a","command":"tr a-z A-Z <in/1.txt >up","in":["in/1.txt"],"out":["up"]}
{"id":"b","command":"cat up up >upup; cat","in":["up"],"out":["upup"],"stdin":"said\n"}
END
expect 0 said '' --on fake:apart=1 --tasks specs
verify test "$(cat upup)" = $'CONTENT 1\nCONTENT 1'
# As many tasks at a time as -j says, by the engine's own processors.
slots() { farm --name "jobs$1" --on "$2" ${1:+-j "$1"} -N0 true ::: 1 && engine_of "jobs$1" "${2%%[:*]*}1" slots; }
ncpus=$(slots '' fake)
verify test "$(slots 200% fake)" = $((2 * ncpus))
verify test "$(slots 1% fake)" = 1
verify test "$(slots +3 fake)" = $((ncpus + 3))
verify test "$(slots -1000 fake)" = 1
verify test "$(slots 7 fake)" = 7
verify test "$(slots 0 fake)" -gt 100
verify test "$(slots 50% 'fake*5')" = 5
# Tasks wait there, so that the way costs nothing; but for those that ask for the number of their place.
expect 0 '' '*fake1 *and [1-9]* waiting there*' --on fake:latency=30ms --explain 'true {#}' ::: $(seq 60)
expect 0 '' '*fake1 *and 0 waiting there*' --on fake:latency=3ms --explain 'true {%}' ::: $(seq 20)
# A long and narrow way: 300 kB take a third of a second over 1 MB/s, and an answer a tenth there and back.
farm --name far --on fake:latency=50ms,rate=1M,apart=1 -u -N0 'head -c 300000 /dev/zero' ::: 1
verify test "$(wc -c <"$out")" = 300000
verify test "$(engine_of far fake1 latency_ms | cut -d. -f1)" -ge 100
verify test "$("$ALLOT" status --json far | $python -c 'import json,sys; print(json.load(sys.stdin)["succeeded"])')" = 1

# ---- engines that run nothing -------------------------------------------------------------------------
rm -f ran
expect 0 '' '*nothing was run*60 of 60 tasks*engines    3 of 3 came up*dryrun1 *8 at a time*dryrun3*' \
    --on dryrun:count=3,slots=8,task=300ms --explain --joblog log --results outs 'touch ran; echo {}' ::: $(seq 60)
verify test ! -e ran -a ! -e log -a ! -e outs
# Files are looked at, but go nowhere; nothing is kept, so that nobody takes it for done.
expect 0 '' '*2 of 2 tasks*' --on dryrun --send {} --fetch {}.out true ::: in/1.txt specs
expect 1 '' '*1 could not*No such file*' --on dryrun --send {} true ::: nowhere
expect 1 '' '*below the current folder*' --on dryrun --fetch {} true ::: /etc/made
expect 1 '' '*took too long*' --on dryrun:task=1m --timeout 0.2 true ::: 1
expect 0 '' '*2 of 2 tasks*' --on dryrun --tasks specs
verify nothing_behind
verify test "$("$ALLOT" runs --json | grep -c dryrun)" = 0
expect 102 '' '*runs nothing*' --on dryrun,fake true ::: 1
expect 102 '' '*--detach*' --detach --on dryrun true ::: 1
allot resume far --on dryrun
verify test "$status" = 102
# One whose controller is killed cannot be gone on with elsewhere.
"$ALLOT" farm --on dryrun:task=1m true ::: 1 2 3 2>/dev/null &
controller=$!
until_true compgen -G "$TMPDIR/allot-dryrun-*/run.db" >/dev/null
kill -9 $controller
wait $controller 2>/dev/null
allot resume "$(echo "$TMPDIR"/allot-dryrun-*)" --on local
verify test "$status" = 102
verify grep -q 'was dry' "$err"
rm -r "$TMPDIR"/allot-dryrun-*

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
expect 102 '' '*a time is wanted*' --on fake:die=soon true ::: 1
expect 102 '' '*it takes count*slots*' --on dryrun:latency=1s,die=1 true ::: 1
expect 102 '' '*KEY=VALUE*' --on slurm:nodes true ::: 1
farm --on fake --joblog log -N0 true ::: 1
verify test "$(awk -F'\t' 'NR == 2 { print $2 }' log)" = fake1
done_testing
