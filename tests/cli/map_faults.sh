#!/bin/bash
# map_faults.sh - bad input, failing items, crashes, and outputs that cannot be written: what is said, what the
# status is, and that a good file is never harmed.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"

# ---- text that is no number: the lowest line, whatever the threads; what comes before it is written
printf '1\n2\nabc\n4\n' >bad.txt
expect 1 "$(lines 1 2)" \
    "allot map: bad.txt:3:1: 'abc' is not a number (f64); remove the line, or choose a column with --column" x bad.txt
expect 1 "" "allot map: bad.txt:3:1: 'abc'*" x -r sum bad.txt
printf 'x\n2\n' >head.txt
expect 1 "" "allot map: head.txt:1:1: 'x' is not a number (f64); skip a header with --header, or choose*" x head.txt
expect 1 "$(lines 1 2)" "allot map: standard input:3:1: 'abc'*" x - <bad.txt
echo 1.5 >t.txt
expect 1 "" "allot map: t.txt:1:1: '1.5' is not a number (i64); use --type f64" x -t i64 t.txt
echo 99999999999 >t.txt
expect 1 "" "allot map: t.txt:1:1: '99999999999' does not fit i32; use --type i64" x -t i32 t.txt
echo 1e999 >t.txt
expect 1 "" "allot map: t.txt:1:1: '1e999' does not fit f64; correct it" x t.txt
printf '1,2\n3\n' >t.csv
expect 1 "2" "allot map: t.csv:2: there is no column 2 in '3'; is --delimiter right[?]" x -c 2 t.csv
printf '1,\n' >t.csv
expect 1 "" "allot map: t.csv:1:3: there is no number in column 2; fill it in (nan is one), or remove the line" \
    x -c 2 t.csv
printf '1,"2\n' >t.csv
expect 1 "" "allot map: t.csv:1:3: the quote that begins here does not end on its line" x -c 2 t.csv
seq 900000 | sed -e '654321s/.*/one/' -e '700001s/.*/two/' >late.txt # some blocks later
for j in 1 2 3; do
    map x late.txt -j $j
    verify cmp -s "$out" <(seq 654320)
    verify test "$status" = 1 -a "$(<"$err")" = \
        "allot map: late.txt:654321:1: 'one' is not a number (f64); remove the line, or choose a column with --column"
done
# Lines are counted anew in each file, and blank ones count.
printf '\n\n1\n' >blank.txt
expect 1 "$(lines 1 1 2)" "allot map: bad.txt:3:1:*" x blank.txt bad.txt
head -c 70000000 /dev/zero | tr '\0' 1 >endless.txt
expect 1 "" "allot map: endless.txt:1: the line is longer than 64 MB*" x endless.txt
rm endless.txt
expect 1 "" "allot map: 'nofile.txt' is neither a file nor a range A:B or A:B:STEP" x nofile.txt
expect 1 "" "allot map: . is a folder; name the files in it" x .

# ---- a stream that ends too early
if $has_numpy; then
    $python -c 'import numpy as np; np.save("a.npy", np.arange(100000.))'
    head -c 400000 a.npy >cut.npy
    expect 1 "" "allot map: cut.npy*" x cut.npy
    map x -r sum < <(cat cut.npy)
    verify grep -q '^allot map: standard input was cut short: it ends after 49984 of the 100000 items' "$err"
    verify test "$status" = 1
else
    pass_over "arrays cut short: $python has no numpy"
fi

# ---- results out of range
expect 1 "$($python -c 'for x in range(70, 79): print(x**10)')" \
    "allot map: item 9 (x = 79): ipow() left the range of its type; use --type i128 or --type f64" 'ipow(x,10)' 70:90
for j in 1 2; do
    map 'ipow(x,10)' 0:3000 -j $j
    verify test "$(<"$err")" = \
        "allot map: item 79 (x = 79): ipow() left the range of its type; use --type i128 or --type f64"
    verify test "$status" = 1 -a "$(wc -l <"$out")" = 79
done
expect 1 "" "allot map: item 79 (x = 79): ipow() left*" 'ipow(x,10)' 0:3000 -r sum
expect 1 "$(lines 1 2)" "allot map: item 2 (x = 3000000000): the result does not fit into i32; choose a wider type with --out-type" \
    x --out-type i32 - < <(lines 1 2 3e9)

# ---- expressions that crash: the lowest item, by convention 128 and the signal
expect 136 "$(lines -3 -5 -10)" \
    "allot map: item 3 (x = 0) crashed: integer division by zero*SIGFPE*; leave such items out, or guard them*" \
    10/x -- -3:3
for j in 1 2 3; do
    expect 136 "" "allot map: item 5000 (x = 0) crashed:*" '10/x' -r sum -j $j -- -5000:100000
    map '10/x' -j $j -- -5000:100000
    verify test "$status" = 136 -a "$(wc -l <"$out")" = 5000
done
expect 136 "" "allot map: item 10 (x = 90) crashed*" '(100/(90-x)) + (100/(95-x))' 80:200 -r count
expect 136 "" "allot map: --reduce 'b/a' crashed near item *SIGFPE*; guard it with *" x -r b/a 0:3
expect 136 "" "allot map: --reduce 'a/(a-b)' crashed near item *SIGFPE*" x -r 'a/(a-b)' 0:30000
expect 136 "" "allot map: --reduce 'a/(b-6)' crashed near item *SIGFPE*" x -r 'a/(b-6)' 0:3000 -j 1
expect 136 "" "allot map: --reduce 'a/(b-600)' crashed near item 600: *SIGFPE*" x -r 'a/(b-600)' 0:3000 -j 1
cat >crash.c <<'C'
#include <math.h>
#include <stdlib.h>
#include <unistd.h>
int null(int x) { return x == 70 ? *(volatile int *)0 : x; }
static volatile int sink;
int deep(int x) { volatile char frame[4096]; frame[x & 4095] = 1; sink = frame[0]; return x < 70 ? x : deep(x + 1) + frame[1]; }
int give_up(int x) { if (x == 70) abort(); return x; }
int trap(int x) { if (x == 70) __builtin_trap(); return x; }
int leave(int x) { if (x == 70) exit(3); return x; }
C
expect 139 "$(seq 0 69)" "allot map: item 70 (x = 70) crashed: memory was touched that is not there (SIGSEGV); mend*" \
    -f crash.c:null 0:100
expect 139 "" "allot map: item 70 (x = 70) crashed: the stack overflowed (SIGSEGV); *" -f crash.c:deep -r sum 0:100
expect 139 "" "allot map: item 70 (x = 70) crashed: the stack overflowed (SIGSEGV); *" -f crash.c:deep -r sum 0:100 -j 2 --chunk 1
expect 134 "" "allot map: item 70 (x = 70) crashed: abort() was called (SIGABRT); *" -f crash.c:give_up -r sum 0:100
expect 132 "" "allot map: item 70 (x = 70) crashed: *SIGILL*" -f crash.c:trap -r sum 0:100
# A program that ends itself ends; nothing half written stays.
echo good >kept.txt
map -f crash.c:leave -o kept.txt 0:100
verify test "$status" = 3 -a "$(<kept.txt)" = good

# ---- an input that becomes shorter while it is mapped
if $has_numpy; then
    cat >cut.c <<'C'
#include <stdint.h>
#include <unistd.h>
double cut(double x, int64_t i) { if (i == 10) { if (truncate("shrinks.npy", 4096)) return -1; } return x; }
C
    for how in "-r sum" "-o r.npy"; do
        cp a.npy shrinks.npy
        # shellcheck disable=SC2086 # two words
        expect 1 "" "allot map: shrinks.npy was cut short while it was read; *" -f cut.c:cut shrinks.npy $how
    done
    verify test ! -e r.npy
fi

# ---- outputs: whole or not at all
echo good >kept.txt
expect 1 "" "allot map: bad.txt:3:1: *" x bad.txt -o kept.txt
verify test "$(<kept.txt)" = good
expect 136 "" "allot map: item 3*" 10/x -o kept.txt -- -3:3
verify test "$(<kept.txt)" = good
expect 1 "" "*" 'x +' -o kept.txt 0:3
verify test "$(<kept.txt)" = good
expect 0 "" "" x -o kept.txt 0:3
verify test "$(<kept.txt)" = "$(seq 0 2)"
chmod 640 kept.txt
ln -s kept.txt link.txt
expect 0 "" "" x -o link.txt 0:2
verify test -L link.txt -a "$(<kept.txt)" = "$(seq 0 1)" -a "$(stat -c %a kept.txt)" = 640
expect 0 "" "" x kept.txt -o kept.txt
verify test "$(<kept.txt)" = "$(seq 0 1)"
(umask 027 && "$ALLOT" map x -o new.txt 0:2)
verify test "$(stat -c %a new.txt)" = 640
expect 0 "" "" x -o /dev/null 0:3
expect 0 "$(seq 0 2)" "" x -o /dev/stdout 0:3
{ echo before; "$ALLOT" map x -o /dev/stdout 0:2; "$ALLOT" map x -o /dev/fd/1 2:3; echo after; } >appended.txt
verify test "$(<appended.txt)" = "$(lines before 0 1 2 after)"
expect 1 "" "allot map: /dev/fd/77 cannot be written: Bad file descriptor" x -o /dev/fd/77 0:3
mkfifo pipe
cat pipe >piped.txt &
expect 0 "" "" x -o pipe 0:3
wait
verify test "$(<piped.txt)" = "$(seq 0 2)" -a -p pipe
expect 1 "" "allot map: nofolder/x.txt cannot be made: No such file or directory" x -o nofolder/x.txt 0:3
mkdir folder
expect 1 "" "allot map: folder cannot be written: Is a directory" x -o folder 0:3
status=0
"$ALLOT" map x 0:3 2>"$err" >&- || status=$?
verify test "$status" = 1 -a "$(<"$err")" = "allot map: standard output cannot be written: Bad file descriptor"

status=0
"$ALLOT" map x - 2>"$err" <&- || status=$?
verify test "$status" = 1 -a "$(<"$err")" = "allot map: standard input cannot be read: Bad file descriptor"

# ---- no permission (a file, and a folder), as somebody who is not root
as_nobody=()
if [ "$(id -u)" = 0 ]; then as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_CACHE_HOME="$work/nobody" HOME="$work/nobody"); fi
if [ "$(id -u)" != 0 ] || { command -v setpriv >/dev/null && mkdir "$work/nobody" && chown 65534 "$work/nobody" &&
    chmod 755 "$work" && "${as_nobody[@]}" test -x "$ALLOT"; }; then
    mkdir -m 777 open && echo good >open/mine.txt && chmod 444 open/mine.txt
    mkdir -m 755 shut && echo good >shut/theirs.txt && chmod 666 shut/theirs.txt
    [ "$(id -u)" = 0 ] || chmod 555 shut
    for file in open/mine.txt shut/theirs.txt; do
        status=0
        "${as_nobody[@]+"${as_nobody[@]}"}" "$ALLOT" map x -o $file 0:3 2>"$err" || status=$?
        verify test "$status" = 1 -a "$(<$file)" = good
        verify grep -q "^allot map: $file.*: Permission denied$" "$err"
    done
    chmod 755 shut
else
    pass_over "permissions: nobody cannot run $ALLOT"
fi

# ---- no room; where the size is known, that is found before any item is mapped
cat >touch.c <<'C'
#include <fcntl.h>
long touch(long x) { return x + 0 * open("touched", O_CREAT | O_WRONLY, 0600); }
C
expect 0 "0" "" -f touch.c:touch 0:1
verify test -e touched
rm touched
status=0
"$ALLOT" map x 0:10000 2>"$err" >/dev/full || status=$?
verify test "$status" = 1
verify grep -q '^allot map: standard output cannot be written (make room.*: No space left on device$' "$err"
map x -o /dev/full 0:10000
verify test "$status" = 1
verify grep -q '^allot map: /dev/full cannot be written (make room.*: No space left on device$' "$err"
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=256k tmpfs small 2>/dev/null; then
    at_end+=("umount '$PWD/small'")
    echo good >small/kept.txt
    expect 1 "" "allot map: small/kept.txt cannot be written (make room*: No space left on device" x -o small/kept.txt 0:1000000
    verify test "$(<small/kept.txt)" = good
    expect 1 "" "allot map: small/x.npy cannot be written (make room*: No space left on device" \
        -f touch.c:touch -o small/x.npy 0:1000000
    verify test ! -e touched
    verify test "$(ls -A small)" = kept.txt
else
    pass_over "a full disk: no small file system can be mounted here"
fi
(
    ulimit -f 64
    trap '' XFSZ
    exec "$ALLOT" map x -o kept.txt 0:1000000 2>"$err"
)
verify test $? = 1
verify grep -q '^allot map: kept.txt cannot be written: File too large$' "$err"
verify test "$(<kept.txt)" = "$(seq 0 1)"
(
    ulimit -f 64
    trap '' XFSZ
    exec "$ALLOT" map -f touch.c:touch -o x.npy 0:1000000 2>"$err"
)
verify test $? = 1
verify grep -q '^allot map: x.npy cannot be written: File too large$' "$err"
case $(stat -f -c %T .) in
ext* | xfs | btrfs) verify test ! -e touched ;;
*) pass_over "a file too large, found early: $(stat -f -c %T .) may not claim space" ;;
esac

# ---- no compiler, no home, a home that cannot be written
mkdir empty
status=0
XDG_CACHE_HOME=$work/none PATH=$work/empty CC=nothere "$ALLOT" map 'x+123456' 0:3 2>"$err" >"$out" || status=$?
verify test $status = 1
verify grep -qi "^allot map: .*no C compiler.*install" "$err"
mkdir -m 500 locked
# Modes do not bind root; this does, where the file system has it.
if [ "$(id -u)" = 0 ] && chattr +i locked 2>/dev/null; then at_end+=("chattr -i '$PWD/locked'"); fi
verify test "$(XDG_CACHE_HOME='' HOME=$PWD/locked "$ALLOT" map 'x+124' 0:1)" = 124
verify test "$(env -u HOME -u XDG_CACHE_HOME "$ALLOT" map 'x+125' 0:1)" = 125
verify test "$(XDG_CACHE_HOME='' HOME=/dev/null/none "$ALLOT" map 'x+126' 0:1)" = 126

no_leftovers
done_testing
