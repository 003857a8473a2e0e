# map_on.bash - what the tests of `allot map --on` share. Sourced, after harness.bash; not a test.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
export TMPDIR=$work/remote-tmp
mkdir -p "$TMPDIR"

# heavy.c: work_TYPE takes 2 ms and a value that plain_TYPE has at once; work_thin 2 ms for each hundred.
{
    echo '#include <math.h>'
    echo '#include <unistd.h>'
    while read -r name ctype; do
        echo "$ctype plain_$name($ctype x, long i) { return x * 3 - ($ctype)i + ($ctype)(100 * fabs(sin((double)x))); }"
        echo "$ctype work_$name($ctype x, long i) { usleep(2000); return plain_$name(x, i); }"
    done <<'END'
i32 int
i64 long
u64 unsigned long
i128 __int128
f32 float
f64 double
END
    echo 'double plain_thin(double x, long i) { return plain_f64(x, i); }'
    echo 'double work_thin(double x, long i) { if (i % 100 == 0) usleep(2000); return plain_f64(x, i); }'
    echo 'double dies_f64(double x, long i) { usleep(2000); if (x == 1990) __builtin_trap(); return plain_f64(x, i); }'
    echo 'double dies_there_f64(double x, long i) { usleep(2000); if (access("map", X_OK) == 0) __builtin_trap(); return plain_f64(x, i); }'
} >heavy.c

no_agents() { ! pgrep -f "$XDG_CACHE_HOME/allot/agent-" >/dev/null; }
nothing_behind() { ! compgen -G "$TMPDIR/allot-*" >/dev/null; }
# shared - the report says that engines did some of it.
shared() { [ "$(field engines.items)" -gt 0 ] || { field engines >&2; false; }; }
