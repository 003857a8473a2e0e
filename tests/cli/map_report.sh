#!/bin/bash
# map_report.sh - --explain, --json, --dry-run, --progress, and complaints about EXPR.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$(dirname "$0")/harness.bash"

# ---- --explain: every line, on standard error; the results are what they are without it
map 'x*x' 0:100000 --explain
verify test "$status" = 0
verify cmp -s "$out" <("$ALLOT" map 'x*x' 0:100000)
for label in machine input types compiled map print decision gain time; do
    verify grep -q "^$label  *[^ ]" "$err"
done
verify grep -q '^input *0:100000: a range, 100000 items$' "$err"
verify grep -q '^types *x is i64, the result i64$' "$err"
verify grep -q '^gain *predicted [0-9.]*x, achieved [0-9.]*x in the loops, [0-9.]*x over the whole run$' "$err"
map x -r mean 0:10 --explain
verify grep -q '^types *x is i64, the expression i64, its mean f64$' "$err"

# ---- --json
seq 50000 >n.txt
report 'x/2' n.txt
verify test "$(field version)/$(field status)/$(field items)/$(field dry_run)" = 1/0/50000/false
verify test "$(field inputs.0.name)/$(field inputs.0.kind)/$(field inputs.0.items)" = n.txt/text/null
verify test "$(field types.x)/$(field types.result)" = f64/f64
verify test "$(field compiled.from_cache)" = false -o "$(field compiled.from_cache)" = true
for loop in load map print; do
    verify test "$(field loops.$loop.threads)" -ge 1 -a "$(field loops.$loop.chunks)" -ge 1
done
verify grep -q '"reason": "[A-Z_]*"' "$err"
verify test "$(field machine.threads)" -ge 1
report x -r sum 0:10
verify test "$(field types.reduced)" = i128 -a "$(<"$out")" = 45
verify test "$(field loops.reduce.blocks)" -ge 1
report 10/x 0:3
verify test "$status" = 136
verify test "$(tail -n +2 "$err" >e2; mv e2 "$err"; field status)" = 136
report 'x*3' 0:10
report 'x*3' 0:10
verify test "$(field compiled.from_cache)" = true

# ---- --dry-run: compiles, maps nothing, writes nothing
map -n 10/x 0:3 -o no.txt
verify test "$status" = 0 -a ! -s "$out" -a ! -e no.txt
verify grep -q '^output *no.txt, text; nothing was mapped (--dry-run)$' "$err"
map -n --json x n.txt
verify test "$(field dry_run)" = true -a "$(field inputs.0.kind)" = text
expect 1 "" "allot map: *" -n 'x +' 0:3

# ---- complaints about EXPR, in one line with --quiet
expect 1 "" "allot map: *power*ipow*" 'x**2' 0:3
verify test "$(grep -c . "$err")" -gt 2
map -q 'x**2' 0:3
verify test "$(grep -c . "$err")" = 1
expect 1 "" "allot map: *y*" 'x + y' 0:3

# ---- --progress: lines where there is no terminal, if asked for; none otherwise
cat >slow.c <<'C'
#include <unistd.h>
long slow(long x) { usleep(50000); return x; }
C
map -f slow.c:slow 0:60 --progress always -j 1
verify grep -q '^ *[0-9]*% [0-9]* items, [0-9.]*/s, [0-9]* s left$' "$err"
map -f slow.c:slow 0:60 -j 1
verify test ! -s "$err"
map -f slow.c:slow 0:60 -j 1 --progress always --quiet
verify test ! -s "$err"
# On a terminal: drawn in place, and removed at the end.
if $python -c 'import pty' 2>/dev/null; then
    on_terminal() { # ARG... - standard error is a terminal of 60 columns; what it was sent goes to $err
        $python - "$err" "$ALLOT" map "$@" <<'PYTHON'
import fcntl, os, pty, struct, subprocess, sys, termios
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=slave)
os.close(slave)
with open(sys.argv[1], "wb") as file:
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        file.write(data)
sys.exit(process.wait())
PYTHON
    }
    on_terminal -f slow.c:slow 0:60 -j 1
    verify grep -q $'\r\\[=* *\\] *[0-9]*% [0-9]* items' "$err"
    verify test "$(tail -c 4 "$err" | od -An -c | tr -d ' ')" = '\r033[K'
    verify test "$(tr '\r' '\n' <"$err" | sed 's/\x1b\[K//' | awk '{ if (length > n) n = length } END { print (n < 60) }')" = 1
    on_terminal -f slow.c:slow 0:60 -j 1 --progress never
    verify test ! -s "$err"
else
    pass_over "progress on a terminal: $python has no pty"
fi
done_testing
