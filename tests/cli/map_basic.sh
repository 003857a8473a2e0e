#!/bin/bash
# map_basic.sh - what allot map computes: ranges, texts, arrays, streams; types; formats; reductions.
# shellcheck disable=SC2002 # where there is a cat, a pipe is meant
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"

# ---- ranges, as Python's
expect 0 "$(lines 0 1 4 9)" "" 'x*x' 0:4
expect 0 "$(lines 10 7 4)" "" x 10:1:-3
expect 0 "$(lines -2 -1)" "" x -2:0
expect 0 "$(lines 0 0.25 0.5 0.75)" "" x 0:1:0.25
expect 0 "$(lines 0 1 2)" "" x 0:2.5
expect 0 "$(lines 16 17)" "" x 0x10:0x12
expect 0 "" "" x 5:5
expect 0 "" "" x 5:1
expect 0 "7" "" x 7:8
expect 0 "$(lines 18446744073709551614 18446744073709551615)" "" x -t u64 18446744073709551614:18446744073709551616
expect 0 "$(lines 3 2 1)" "" x -t u64 3:0:-1
expect 0 "$(lines 170141183460469231731687303715884105726)" "" x -t i128 \
    170141183460469231731687303715884105726:170141183460469231731687303715884105727
expect 0 "$(lines -9223372036854775808)" "" x -- -9223372036854775808:-9223372036854775807
expect 0 "999999" "" x -r count 1:1e6:1
expect 0 "499999500000" "" x -r sum 0:1e6
expect 0 "1.5" "" x/2 3:4 -t f32

# ---- types
expect 0 "$(lines 59049 9765625)" "" 'ipow(x,10)' 3:6:2
expect 0 "58852464982713028781006760404970001" "" 'ipow(x,10)' -t i128 2999:3000
verify test "$("$ALLOT" map 'ipow(x,10)' 0:3000 -t i128 | $python -c '
import sys
print([int(line) for line in sys.stdin] == [x**10 for x in range(3000)])')" = True
expect 0 "$(lines 0.5 1)" "" 'x/2' -t f64 1:3
expect 0 "$(lines 0 1)" "" 'x/2' 1:3
expect 0 "$(lines 1 2)" "" 'x' 1.5:3.5 --out-type i64
expect 1 "" "allot map: the range 0:5e9 has items that do not fit i32; use --type i64" x 0:5e9 -t i32

# ---- the number of an item runs on from input to input
printf '10\n20\n' >a.txt
printf '30\n' >b.txt
expect 0 "$(lines 10 21 32)" "" 'x+i' a.txt b.txt
expect 0 "$(lines 5 7 12 23 34 10 12)" "" 'x+i' 5:7 a.txt b.txt 5:7
expect 0 "$(lines 0.5 2.5 2.5 2.5)" "" 'x+i' 0.5:2 0.5:-1:-1 -t f64
expect 0 "$(lines 10 20 40 30)" "" x a.txt - b.txt < <(printf '40\n')

# ---- text
printf '# a comment\n\n 1 \r\n\t2\n+3\n4e2' >odd.txt
expect 0 "$(lines 1 2 3 400)" "" x odd.txt
printf 'nan\ninf\n-Inf\n-0\n1e-320\n' >special.txt
expect 0 "$(lines nan inf -inf -0 1e-320)" "" x special.txt
expect 0 "$(lines 0.1 0.30000000000000004)" "" x+0.0 - < <(printf '0.1\n0.30000000000000004\n')
printf '\xef\xbb\xbfprice,"the name",n\n1.5,"a,b",3\n2.5,"c",4\n' >t.csv
expect 0 "$(lines 1.5 2.5)" "" x -c 1 --header t.csv
expect 0 "$(lines 3 4)" "" x -c n --header t.csv
expect 0 "$(lines 1.5 2.5)" "" x -c price --header t.csv
expect 1 "" "allot map: t.csv:2:6: 'a,b' is not a number (f64); remove the line, or choose another column" \
    x -c 'the name' --header t.csv
expect 1 "" "allot map: t.csv:1: no column is called 'cost'*price*" x -c cost --header t.csv
printf '1\t2\n3\t4\n' >t.tsv
expect 0 "$(lines 2 4)" "" x -c 2 t.tsv
printf 'a  1   x\nb 2 y\n' >t.txt
expect 0 "$(lines 1 2)" "" x -c 2 t.txt
printf 'a;1\nb;2\n' >t.dat
expect 0 "$(lines 1 2)" "" x -c 2 -d ';' t.dat
printf 'h\n1\n' >h1.txt
expect 0 "$(lines 1 1)" "" x --header h1.txt h1.txt
printf 'h' >h0.txt
expect 0 "" "" x --header h0.txt
expect 0 "" "" x /dev/null
expect 0 "" "" x - </dev/null
expect 0 "7" "" x - < <(printf 7)

# Long text, in many blocks: every line once and in order.
seq 1 700000 >long.txt
verify cmp -s <("$ALLOT" map x long.txt) long.txt
verify cmp -s <(cat long.txt | "$ALLOT" map x -t i64) long.txt
verify cmp -s <("$ALLOT" map x long.txt -j 3 --chunk 7 -t i32) long.txt
verify cmp -s <("$ALLOT" map i long.txt) <(seq 0 699999)
verify cmp -s <("$ALLOT" map x 1:700001) long.txt
awk 'NR % 3 == 0 { print ""; print "# " NR } { print }' long.txt >gaps.txt
verify cmp -s <("$ALLOT" map x gaps.txt) long.txt
# One line longer than a block.
{ printf '%3000000s' ''; echo 5; echo 6; } >wide.txt
expect 0 "$(lines 5 6)" "" x wide.txt

# ---- arrays
if $has_numpy; then
    $python - <<'PYTHON'
import numpy as np
np.save("f8.npy", np.arange(300000) / 8)
np.save("i4.npy", np.array([[1, 2, 3], [4, 5, 6]], dtype="<i4"))
np.save("f.npy", np.asfortranarray(np.array([[1., 2.], [3., 4.]])))
np.save("u8.npy", np.array([2**64 - 1, 5], dtype="<u8"))
np.save("zero.npy", np.zeros((0, 3)))
np.save("scalar.npy", np.array(2.5))
np.save("big.npy", np.array([1., 2.], dtype=">f8"))
PYTHON
    check_npy() { # EXPRESSION-OF-a-AND-b
        verify $python -c "
import numpy as np, sys
a, b = np.load('$1'), np.load('$2')
sys.exit(0 if ($3) else 1)"
    }
    expect 0 "" "" 'x*2+1' f8.npy -o r.npy
    check_npy f8.npy r.npy 'np.array_equal(b, a*2+1) and b.dtype == np.float64'
    expect 0 "" "" 'x*x' i4.npy -o r.npy
    check_npy i4.npy r.npy 'np.array_equal(b, a*a) and b.dtype == np.int32 and b.shape == (2, 3)'
    expect 0 "" "" x f.npy -o r.npy
    check_npy f.npy r.npy 'np.array_equal(a, b) and b.flags.f_contiguous'
    expect 0 "$(lines 18446744073709551615 5)" "" x u8.npy
    expect 0 "$(lines 18446744073709551616 6)" "" x+1 u8.npy -t i128
    expect 0 "$(lines 0.5 1 1.5 2 2.5 3)" "" x/2 i4.npy -t f64
    expect 0 "$(lines 1 2 3 4 5 6 1 2)" "" x i4.npy 1:3
    expect 0 "" "" x zero.npy -o r.npy
    check_npy zero.npy r.npy 'b.shape == (0, 3)'
    expect 0 "2.5" "" x scalar.npy
    expect 0 "" "" x scalar.npy -o r.npy
    check_npy scalar.npy r.npy 'b.shape == () and b == 2.5'
    expect 0 "" "" x -o r.npy long.txt
    check_npy r.npy r.npy 'np.array_equal(a, np.arange(1, 700001)) and a.dtype == np.float64'
    expect 0 "" "" x -o r.npy 0:1000000 --out-type f32
    check_npy r.npy r.npy 'np.array_equal(a, np.arange(1000000)) and a.dtype == np.float32'
    expect 0 "" "" x -r sum -o r.npy 0.5:4
    check_npy r.npy r.npy 'a.shape == () and a == 8'
    "$ALLOT" map 'x*2+1' <f8.npy --format npy | cat >r.npy
    check_npy f8.npy r.npy 'np.array_equal(b, a*2+1)'
    cat f8.npy | "$ALLOT" map 'x*2+1' --format npy >r.npy
    check_npy f8.npy r.npy 'np.array_equal(b, a*2+1)'
    cat f8.npy | "$ALLOT" map x -t f64 >r.txt
    verify cmp -s r.txt <("$ALLOT" map x f8.npy)
    expect 0 "$(lines 1 2 3 4 5 6)" "" x -t i64 < <(cat i4.npy)
    # The output may be the input.
    cp f8.npy same.npy
    expect 0 "" "" 'x*2+1' same.npy -o same.npy
    check_npy f8.npy same.npy 'np.array_equal(b, a*2+1)'
    expect 1 "" "allot map: f8.npy holds f64, which need not fit i64*astype('int64')*" x f8.npy -t i64
    expect 1 "" "allot map: big.npy*big-endian*astype*" x big.npy
    expect 1 "" "allot map: f8.npy holds f64 and i4.npy holds i32; say which type x is to have with --type" \
        x f8.npy i4.npy
    expect 0 "300006" "" 1 -r count f8.npy i4.npy -t f64
else
    pass_over "arrays: $python has no numpy"
fi
printf '\x93NUMPY\x01\x00' >short.npy
expect 1 "" "allot map: short.npy*" x short.npy
expect 1 "" "allot map: standard input*" x - <short.npy
printf 'text' >liar.npy
expect 1 "" "allot map: liar.npy*" x liar.npy
expect 1 "" "allot map: the results are i128, which .npy has no type for; use --out-type f64, or --format text" \
    'x' -t i128 0:3 -o r.npy
status=$("$ALLOT" map x --format npy a.txt 2>"$err" | cat >"$out"; echo "${PIPESTATUS[0]}")
verify test "$status" = 1 -a ! -s "$out"
verify grep -q '^allot map: standard output cannot be rewound.*--format text' "$err"

# ---- reductions
expect 0 "45" "" x -r sum 0:10
expect 0 "4.5" "" x -r mean 0:10
expect 0 "-3" "" 'x' -r min -- -3:10
expect 0 "9" "" 'x' -r max -- -3:10
expect 0 "5" "" 'x % 2' -r count 0:10
expect 0 "3628800" "" x -r 'a*b' 1:11
expect 0 "0" "" x -r sum 5:5
expect 0 "0" "" x -r count - </dev/null
for how in min max mean 'a+b'; do
    expect 1 "" "allot map: --reduce $how of no items has no value; the input is empty" x -r "$how" 5:5
done
expect 0 "27670116110564327421" "" x -r sum -t u64 9223372036854775806:9223372036854775809
expect 0 "18446744073709551614" "" x -r sum -t i64 < <(printf '9223372036854775807\n9223372036854775807\n')
expect 1 "" "allot map: --reduce sum:*" x -r sum -t i128 170141183460469231731687303715884105725:170141183460469231731687303715884105727

# ---- functions
cat >work.c <<'C'
#include "scale.h"
static double half(double x) { return x / SCALE; }
long place(long x, long i) { return 100 * i + x; }
C
echo '#define SCALE 2' >scale.h
expect 0 "$(lines 0 0.5 1)" "" -f work.c:half 0:3
expect 0 "$(lines 5 106)" "" -f work.c:place 5:7
expect 1 "" "allot map: *nothere*" -f work.c:nothere 0:3

# ---- threads
for j in 1 2 5; do
    expect 0 "$(seq 0 9)" "" x 0:10 -j $j
done
expect 0 "$(seq 0 9)" "" x 0:10 --pin --chunk 1

# ---- the command line
expect 2 "" "allot map: no expression; for example: allot map 'x\*x' 0:10*"
expect 2 "" "allot map: --column 'n' is a name*--header*" x -c n t.csv
expect 2 "" "allot map: --column 0: columns are counted from 1*" x -c 0 t.csv
expect 2 "" "allot map: --delimiter , needs --column*" x -d , t.csv
expect 2 "" "allot map: --delimiter ',,': one character is wanted*" x -c 1 -d ,, t.csv
expect 2 "" "allot map: --function 'work.c': FILE:FUNCTION is wanted*" -f work.c
expect 2 "" "*--explain and --json*" x --explain --json 0:3
expect 1 "" "allot map: '0:3x' is neither a file nor a range A:B or A:B:STEP" x 0:3x
expect 1 "" "allot map: the range 0:3:0 never ends: its step is 0" x 0:3:0
expect 1 "" "allot map: the range 0:inf: 'inf' is not a finite number" x 0:inf
expect 1 "" "allot map: the range 0:0.5: '0.5' is not an integer of type i64; use --type f64" x 0:0.5 -t i64
expect 1 "" "allot map: the range 0:1e38 has more than*" x 0:1e38 -t i128
expect 1 "" "allot map: standard input (-) can be read only once" x - - </dev/null
expect 1 "" "allot map: . is a folder; name the files in it" x .
no_leftovers
done_testing
