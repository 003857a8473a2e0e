#!/bin/bash
# map_stop.sh - what ends a map early: Ctrl-C, SIGTERM, a deadline, a reader that went away; and input that
# comes slowly.
#
# Nothing here measures how long anything takes: each check waits for what it needs to see, and the time limits
# are those of a machine that hangs.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"
cat >stuck.c <<'C'
#include <unistd.h>
static int marked;
/* Never comes back from item 70; says so first. */
long stuck(long x) { if (x == 70) { if (write(2, "stuck\n", 6)) marked = 1; for (;;) pause(); } return x; }
/* Comes back, but would take for ever. */
long slow(long x) { usleep(1000); return x; }
C

# start ARG... - start allot map in the background; its process is in $pid. bash ignores SIGINT in what it starts
# that way, and allot leaves alone what is ignored, so the signal is given back first.
start() {
    $python -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$ALLOT" map "$@" >"$out" 2>"$err" &
    pid=$!
}
# stopped STATUS - wait for it, and compare.
stopped() {
    status=0
    wait $pid 2>/dev/null || status=$?
    nchecks=$((nchecks + 1))
    [ $status = "$1" ] || depth=1 fail "status $status, expected $1; errors: $(<"$err")"
}
has_temporary() { compgen -G '.allot-*' >/dev/null; }

# ---- Ctrl-C and SIGTERM: work that can be asked to end
echo good >kept.txt
for signal in INT:130 TERM:143 HUP:129; do
    start -f stuck.c:slow -o kept.txt 0:1e12
    until_true has_temporary
    kill -"${signal%:*}" $pid
    stopped "${signal#*:}"
    verify test "$(<kept.txt)" = good
    no_leftovers
done
verify grep -q '^allot map: the terminal hung up: .* of 1000000000000 items were done; the output file was left as it was$' "$err"
start -f stuck.c:slow 0:1e12
until_true test -s "$out"
kill -INT $pid
stopped 130
# What was written is whole, and the message says where to go on.
n=$(wc -l <"$out")
verify cmp -s "$out" <(seq 0 $((n - 1)))
verify grep -q "^allot map: interrupted: .* of 1000000000000 items were done; the results of the first $n were written, $n:1e12 is left to do$" "$err"

# ---- Ctrl-C: an item that never comes back; one signal is enough, and so are two
start -f stuck.c:stuck -o kept.txt 0:100
until_true grep -q stuck "$err"
kill -INT $pid
stopped 130
verify grep -q '^allot map: interrupted: .*an item did not come back when it was told to stop: near item .*EXPR may never end' "$err"
verify test "$(<kept.txt)" = good
no_leftovers
start -f stuck.c:stuck -o kept.txt 0:100 -j 2 --chunk 1
until_true grep -q stuck "$err"
kill -INT $pid
sleep 0.1
kill -INT $pid
stopped 130
no_leftovers

# ---- a signal that whoever started us ignores stays ignored
(trap '' INT; exec "$ALLOT" map -f stuck.c:slow 0:300 >"$out" 2>"$err") &
pid=$!
until_true test -s "$out"
kill -INT $pid
stopped 0
verify test "$(wc -l <"$out")" = 300

# ---- --timeout
expect 124 "" "allot map: the 0.3 s of --timeout are up: * of 1000000000000 items were done; nothing was written" \
    -f stuck.c:slow -r sum 0:1e12 --timeout 0.3
map -n -f stuck.c:stuck -r sum 0:100 # so that no time is spent on compiling
expect 124 "" "stuck?allot map: the 2 s of --timeout are up: *an item did not come back*" \
    -f stuck.c:stuck -r sum 0:100 --timeout 2
expect 0 "3" "" x -r sum 0:3 --timeout 1h
# An output that nobody reads.
mkfifo full.fifo
exec 7<>full.fifo
expect 124 "" "allot map: the 1 s of --timeout are up: *; full.fifo does not take what is written to it; *" \
    x -o full.fifo 0:1e9 --timeout 1
exec 7>&-
mkfifo quiet.fifo
exec 5<>quiet.fifo
expect 124 "" "allot map: standard input gave nothing to read in the time allowed; see --timeout" x - --timeout 0.2 <quiet.fifo
echo 1 >&5
expect 124 "1" "allot map: the 0.5 s of --timeout are up: 1 items were done; the results of the first 1 were written" \
    x - --timeout 0.5 <quiet.fifo
exec 5>&-

# ---- | head: as cat, silently
for how in "0:1e12" "-"; do
    yes 1 2>/dev/null | { status=0; "$ALLOT" map x "$how" 2>"$err" || status=$?; echo $status >status; } | head -n 3 >"$out"
    verify test "$(wc -l <"$out")" = 3 -a "$(<status)" = 141 -a ! -s "$err"
done

# The report is still there, and says what happened.
{ "$ALLOT" map --json x 0:1e12 2>"$err" || true; } | head -n 1 >"$out"
verify test "$(field status)" = 141

# ---- input that comes line by line is answered line by line
mkfifo in.fifo
"$ALLOT" map 'x*x' - <in.fifo >"$out" 2>"$err" &
pid=$!
exec 6>in.fifo
for k in 3 4 5; do
    echo $k >&6
    until_true grep -qx $((k * k)) "$out"
    nchecks=$((nchecks + 1))
done
printf 6 >&6
exec 6>&-
stopped 0
verify test "$(<"$out")" = "$(lines 9 16 25 36)"

no_leftovers
done_testing
