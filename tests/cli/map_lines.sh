#!/bin/bash
# map_lines.sh - allot map --lines: copies of programs that answer lines, well and badly.
#
# Programs hold answers back in every way that programs do; what is compared is what the program alone writes.
# Nothing here measures how long anything takes.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
# shellcheck disable=SC2016 # programs for awk and bash
. "$(dirname "$0")/harness.bash"

# A program that answers each line at once, unless a line tells it to die, to sleep, or to wait for ever.
cat >worker.sh <<'SH'
while IFS= read -r line; do
    case $line in
    die) kill -9 $$ ;;
    exit) exit 7 ;;
    once) [ -e once.seen ] || { touch once.seen; kill -9 $$; } ;;
    hang) sleep 1000 ;;
    nap) sleep 0.02 ;;
    late) sleep 0.4 ;;
    late-die) sleep 0.4 && kill -9 $$ ;;
    esac
    printf '<%s>\n' "$line"
done
SH
# same INPUT COMMAND... - what the copies write is what the program alone writes.
same() {
    local input=$1 copies
    shift
    "$@" <"$input" >alone.txt
    for copies in 1 3; do
        map --lines -j $copies -- "$@" <"$input"
        nchecks=$((nchecks + 1))
        if [ $status != 0 ] || ! cmp -s alone.txt "$out"; then depth=1 fail "-j $copies -- $*: status $status; $(<"$err")"; fi
    done
}

# ---- programs as they are: full buffers, small ones, none, all of it at the end
seq 10000 >numbers.txt
same numbers.txt awk '{print $1*$1}'
same numbers.txt awk '{print $1*$1; fflush()}'
same numbers.txt sed 's/1/one/g'
same numbers.txt sed -u 's/1/one/'
same numbers.txt tr 0-9 a-j
same numbers.txt cat
same numbers.txt $python -c 'import sys
for line in sys.stdin: print(int(line) ** 2)'
same numbers.txt $python -c 'import sys
for line in sys.stdin.readlines(): print(int(line) + 1)'
head -n 300 numbers.txt >few.txt
same few.txt bash worker.sh
same few.txt awk '{print NF, length($0)}'
# One that waits a while at random, and so comes back in any order.
same few.txt awk '{ if (rand() < 0.1) system("sleep 0.01"); print $1 + 1; if (rand() < 0.5) fflush() }'
# One that answers nothing before its input ends, and more than it may have at a time.
$python -c 'for k in range(400000): print(k, "x" * 100)' >long.txt
same long.txt $python -c 'import sys
lines = sys.stdin.readlines()
for line in lines: print(line[:6])'
map --lines -j 2 --json -- $python -c 'import sys
lines = sys.stdin.readlines()
for line in lines: print(line[:6])' <long.txt
verify test "$(field copies.refreshed)" -gt 0
verify test "$(field memory_bytes)" -lt 100000000
verify test "$(field items)" = 400000
map --lines -j 2 --explain -- tac <few.txt
verify test "$(sort -n "$out" | md5sum)" = "$(md5sum <few.txt)"

# ---- ends and sizes
expect 0 "" "" --lines -- cat </dev/null
expect 0 "" "" --lines -- false </dev/null # not even started
printf 'a\n\n\nb' >ends.txt
expect 0 "$(lines '<a>' '<>' '<>' '<b>')" "" --lines -j 2 -- bash worker.sh <ends.txt
map --lines -- cat <ends.txt
verify cmp -s "$out" <(printf 'a\n\n\nb\n')
expect 0 "$(lines 1 1)" "" --lines -j 1 --chunk 2 -- awk '{printf "%s1", sep; sep = "\n"}' < <(lines a b) # answers without a last newline
$python -c 'for k in range(5): print(chr(97 + k) * (10000000 + k))' >huge.txt
same huge.txt cat
same huge.txt $python -c 'import sys
for line in sys.stdin: print(len(line))'

# ---- records
printf 'a\nb\0c\0\0d' >nul.txt
map --lines -0 -j 2 -- sed -z 's/$/!/' <nul.txt
verify cmp -s "$out" <(printf 'a\nb!\0c!\0!\0d!\0')
printf 'a\n1\n--\nb\n--\nc' >sep.txt
map --lines -j 2 --recsep '\n--\n' -- sed 's/^\(.\)$/(\1)/' <sep.txt
verify cmp -s "$out" <(printf '(a)\n(1)\n--\n(b)\n--\n(c)\n--\n')
map --lines --recsep '\x3b' -- tr a-z A-Z <<<'ab;cd'
verify cmp -s "$out" <(printf 'AB;CD\n;')
expect 2 "" "allot map: --recsep '\\\\q': after *" --lines --recsep '\q' -- cat
expect 2 "" "allot map: --null and --recsep say the same*" --lines -0 --recsep x -- cat
expect 2 "" "allot map: --recsep: the text is empty*" --lines --recsep '' -- cat

# ---- the contract broken
map --lines -j 1 --chunk 100 -- head -n 10 < <(seq 100)
verify test "$status" = 1
verify grep -q '^allot map: head wrote fewer lines than it was given: 10 for 100; ' "$err"
map --lines -j 3 -- grep 7 <numbers.txt
verify test "$status" = 1
verify grep -Eq '^allot map: grep wrote fewer lines than it was given: [0-9]+ for [0-9]+; ' "$err"
map --lines -j 3 -- sed p <numbers.txt
verify test "$status" = 1
verify grep -Eq '^allot map: sed wrote more lines than it was given: [0-9]+ for [0-9]+; ' "$err"
expect 1 "" "allot map: sed wrote more lines than it was given: 4 for 2; *" --lines -j 1 --chunk 2 -- sed -n 'p;p' < <(lines a b)
expect 1 "" "allot map: true wrote fewer lines than it was given: 0 for 5; *" --lines -j 1 --chunk 5 -- true < <(seq 5)
# One that ends early, having answered: the next goes on.
expect 0 "$(seq 100)" "" --lines -j 2 --chunk 7 -- bash -c 'for k in 1 2 3; do read -r x && echo "$x" || exit 0; done' < <(seq 100)

# ---- copies that die
# At random lines: each copy by itself, so that none of the lines is to blame.
cat >mortal.py <<'PY'
import os, random, sys
left = random.randint(2, 60)
for line in sys.stdin:
    if left == 0:
        os._exit(3) # what was not written is lost
    left -= 1
    print(int(line) * 3)
    if random.random() < 0.3:
        sys.stdout.flush()
PY
for copies in 1 3; do
    map --lines -j $copies --json -- $python mortal.py < <(seq 200)
    verify test "$status" = 0
    verify cmp -s "$out" <(seq 3 3 600)
    verify test "$(field copies.died)" -gt 1
done
# An item that kills, in the company of others, for a program that answers at once and for one that does not.
expect 1 "$(lines '<a>' '<b>')" "allot map: line 3 ('die'): bash did not survive it, twice: ended by signal 9 (Killed)" \
    --lines -j 2 -- bash worker.sh < <(lines a b die c)
# It ends the run there, whichever copy comes to its items first: those before it are answered, and if one of them kills,
# too, it is that one.
expect 1 "$(lines '<a>' '<late>')" "allot map: line 3 ('die'): bash did not survive it, twice: ended by signal 9 (Killed)" \
    --lines -j 2 --chunk 1 -- bash worker.sh < <(lines a late die c)
expect 1 "<a>" "allot map: line 2 ('late-die'): bash did not survive it, twice: ended by signal 9 (Killed)" \
    --lines -j 2 --chunk 1 -- bash worker.sh < <(lines a late-die die c)
expect 0 "$(lines '<a>' '<b>' '<c>')" "allot map: line 3 ('exit'): bash did not survive it, twice: ended with status 7; skipped" \
    --lines -j 2 --on-error skip -- bash worker.sh < <(lines a b exit c)
expect 0 "$(lines '<a>' '' '<c>')" "allot map: line 2 ('die'): *; its answer is empty" \
    --lines -j 2 --on-error empty -- bash worker.sh < <(lines a die c)
# One death is none: it may have been something else.
expect 0 "$(lines '<a>' '<once>' '<c>')" "" --lines -j 1 --chunk 1 -- bash worker.sh < <(lines a once c)
verify test -e once.seen
seq 3000 | sed -e '17s/.*/die/' -e '2000s/.*/die/' -e '2001s/.*/die/' >killers.txt
for copies in 1 4; do
    map --lines -j $copies --on-error skip -- awk '/die/ { exit 9 } { print $1 + 1 }' <killers.txt
    verify cmp -s "$out" <(grep -v die killers.txt | awk '{print $1 + 1}')
    verify test "$(grep -c 'skipped$' "$err")" = 3
    verify grep -q "^allot map: line 17 ('die')" "$err"
    verify grep -q "^allot map: line 2001 ('die')" "$err"
done
# One that never works is not tried on everything.
expect 1 "" "allot map: line 1 ('1'): false did not survive it, twice: ended with status 1; no copy has answered anything yet*" \
    --lines -j 1 -- false <numbers.txt
map --lines --on-error skip -- false <numbers.txt
verify test "$status" = 1 -a "$(wc -l <"$err")" = 3
expect 1 "" "allot map: cannot find nonesuch: No such file or directory" --lines -- nonesuch <few.txt
# One that fails in the end, after it has answered everything.
expect 0 "$(seq 300)" "allot map: a copy of awk answered everything, and ended with status 4" --lines -j 1 -- awk '{print} END {exit 4}' <few.txt

# ---- --timeout
expect 124 "$(lines '<a>' '<b>')" "allot map: line 3 ('hang'): bash did not survive it, twice: it took longer than the 1.5 s of --timeout" \
    --lines -j 2 --timeout 1.5 -- bash worker.sh < <(lines a b hang c)
expect 0 "$(lines '<a>' '' '<c>')" "allot map: line 2 ('hang'): *; its answer is empty" \
    --lines -j 1 --timeout 1.5 --on-error empty -- bash worker.sh < <(lines a hang c)
# Items together may take as long as they like; so may one that waits for more to fill its buffer.
expect 0 "$(seq 40)" "" --lines -j 1 --timeout 5 -- awk '{system("sleep 0.02"); print}' < <(seq 40)

# ---- input that comes line by line is answered line by line, by what answers so
mkfifo in.fifo
"$ALLOT" map --lines -j 2 -- bash worker.sh <in.fifo >"$out" 2>"$err" &
pid=$!
exec 6>in.fifo
for k in 3 4 5; do
    echo $k >&6
    until_true grep -qx "<$k>" "$out"
    nchecks=$((nchecks + 1))
done
exec 6>&-
wait $pid
verify test "$(<"$out")" = "$(lines '<3>' '<4>' '<5>')"

# ---- a slow reader, one that goes away, Ctrl-C, an output that cannot be written
"$ALLOT" map --lines -j 2 -- cat <long.txt 2>"$err" | { sleep 0.3; md5sum; } >"$out"
verify test "$(<"$out")" = "$(md5sum <long.txt)"
{ status=0; "$ALLOT" map --lines -j 2 -- cat <long.txt 2>"$err" || status=$?; echo $status >status; } | head -n 3 >"$out"
verify test "$(wc -l <"$out")" = 3 -a "$(<status)" = 141 -a ! -s "$err"
expect 1 "" "allot map: /dev/full cannot be written*" --lines -o /dev/full -- cat <few.txt
for signal in INT:130 TERM:143; do
    echo good >kept.txt
    $python -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$ALLOT" map --lines -j 2 -o kept.txt -- bash -c 'echo $$ >>pids; while read -r x; do sleep 0.2; echo $x; done' <numbers.txt >"$out" 2>"$err" &
    pid=$!
    until_true test -s pids
    kill -"${signal%:*}" $pid
    status=0
    wait $pid 2>/dev/null || status=$?
    verify test "$status" = "${signal#*:}"
    verify test "$(<kept.txt)" = good
    verify grep -Eq '^allot map: (interrupted|terminated): the answers to [0-9]+ lines were written$' "$err"
    while read -r one; do verify test ! -e "/proc/$one"; done <pids
    rm pids
    no_leftovers
done

# ---- -o, --chunk, the report
map --lines -j 2 --chunk 10 -o squares.txt --json -- awk '{print $1*$1}' <few.txt
verify cmp -s squares.txt <(awk '{print $1*$1}' few.txt)
verify test "$(field batches)" = 30 -a "$(field batch_most)" = 10 -a "$(field items)" = 300 -a "$(field status)" = 0
map --lines -j 2 --explain -- awk '{print}' <few.txt
verify grep -Eq '^copies    [12] of awk at a time, of 2 allowed; [12] started' "$err"
verify grep -Eq '^batches   [0-9]+, the largest of [0-9]+ lines; an item takes ' "$err"
map --lines -j 2 --progress always -- bash -c 'while read -r x; do sleep 0.3; echo $x; done' < <(seq 16)
verify grep -q 'items' "$err"
expect 0 "" "at most 3 copies of 'awk' would be started; nothing was mapped (--dry-run)" --lines -j 3 -n -- awk 1

# ---- what does not go together
expect 2 "" "allot map: --lines needs a command; *" --lines
expect 2 "" "allot map: --lines: put -- before COMMAND, *" --lines cat
expect 2 "" "allot map: --type is for expressions; *" --lines --type i32 -- cat
expect 2 "" "allot map: --null, --recsep and --on-error go with --lines*" -0 x 0:3
expect 0 "$(lines -0.5 0 0.5)" "" x -0.5:1:0.5 # still a number, not -0

no_leftovers
done_testing
