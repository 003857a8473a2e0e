#!/bin/bash
# map_same.sh - the same bits on any number of threads, for any cut, and however the numbers arrive.
# shellcheck disable=SC2002 # where there is a cat, a pipe is meant
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"

# Numbers whose sum depends on the order of adding: 17 digits, and magnitudes 32 powers of ten apart.
$python - <<'PYTHON'
import random
random.seed(1)
with open("numbers.txt", "w") as file:
    for k in range(150000):
        file.write(repr(random.uniform(-1, 1) * 10 ** random.randint(-16, 16)) + "\n")
PYTHON
sort -g numbers.txt >sorted.txt

for how in sum mean 'a + b' 'a - b / 3'; do
    expected=$("$ALLOT" map 'x*1.1' -r "$how" numbers.txt -j 1)
    # The test can fail: another order gives another sum.
    verify test "$expected" != "$("$ALLOT" map 'x*1.1' -r "$how" sorted.txt -j 1)"
    for j in 2 3 8; do
        verify test "$expected" = "$("$ALLOT" map 'x*1.1' -r "$how" numbers.txt -j $j)"
        verify test "$expected" = "$("$ALLOT" map 'x*1.1' -r "$how" numbers.txt -j $j --chunk 3)"
    done
    verify test "$expected" = "$(cat numbers.txt | "$ALLOT" map 'x*1.1' -r "$how")"
    # A stream is cut into blocks by what happens to have come: often enough to see several cuts.
    for _ in 1 2 3 4 5 6; do
        verify test "$expected" = "$("$ALLOT" map 'x*1.1' -r "$how" numbers.txt)"
    done
    # In parts, by several inputs, and slowly.
    split -l 33333 numbers.txt part.
    verify test "$expected" = "$("$ALLOT" map 'x*1.1' -r "$how" part.*)"
    verify test "$expected" = "$(for part in part.*; do cat "$part"; sleep 0.05; done | "$ALLOT" map 'x*1.1' -r "$how")"
    rm part.*
    if $has_numpy; then
        $python -c '
import numpy as np
a = np.array([float(line) for line in open("numbers.txt")])
np.save("numbers.npy", a)
np.save("one.npy", a[:70001])
np.save("two.npy", a[70001:])'
        for j in 1 2 3 8; do
            verify test "$expected" = "$("$ALLOT" map 'x*1.1' -r "$how" numbers.npy -j $j)"
        done
        verify test "$expected" = "$("$ALLOT" map 'x*1.1' -r "$how" one.npy two.npy)"
        verify test "$expected" = "$(cat numbers.npy | "$ALLOT" map 'x*1.1' -r "$how")"
    fi
done
$has_numpy || pass_over "arrays: $python has no numpy"

# A range, whole and in parts, and as text.
expected=$("$ALLOT" map 'sqrt(x)' -r sum -t f64 0:1234567 -j 1)
verify test "$expected" != "$("$ALLOT" map 'sqrt(x)' -r sum -t f64 1234566:-1:-1)"
for j in 1 2 3 8; do
    verify test "$expected" = "$("$ALLOT" map 'sqrt(x)' -r sum -t f64 0:1234567 -j $j)"
done
verify test "$expected" = "$("$ALLOT" map 'sqrt(x)' -r sum -t f64 0:1000 1000:600001 600001:1234567)"
verify test "$expected" = "$("$ALLOT" map x -t f64 0:1234567 | "$ALLOT" map 'sqrt(x)' -r sum)"
done_testing
