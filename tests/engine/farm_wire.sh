#!/bin/bash
# farm_wire.sh - files on their way to engines and back: compressed or not, kept there for as long as they may be, and
# what is told of how fast they moved.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
verb=farm
export TMPDIR=$work/remote-tmp XDG_CACHE_HOME=$work/cache
mkdir -p "$TMPDIR" "$XDG_CACHE_HOME"
files=$XDG_CACHE_HOME/allot/files

not() { ! "$@"; }

# engine_of RUN KEY - what `allot engines` says of its first engine elsewhere.
engine_of() {
    "$ALLOT" engines --json "$1" | $python -c 'import json,sys; print(json.load(sys.stdin)[1].get(sys.argv[1], "-"))' "$2"
}

# ---- compressed, both ways ------------------------------------------------------------------------------
# What can become shorter does, and all of it arrives as it was. An agent that was built without zstd gets it as it is.
seq 400000 >text
head -c 700000 /dev/urandom | cat text - >mixed
packed() { # NAME - text and mixed (6.1 MB) go there and come back
    expect 0 '' '' --name "$1" --on fake:apart=1 --shared text --send mixed --fetch back -N0 'cat text mixed >back' ::: 1
    verify cmp -s <(cat text mixed) back
    rm -f back
    printf x >>text
}
ALLOT_ZSTD=never packed plain
ALLOT_ZSTD=always packed short
verify test "$(engine_of plain sent_bytes)" -gt 6077000
verify test "$(engine_of short sent_bytes)" -lt 4500000
verify test "$(engine_of short sent_bytes)" -gt 700000
verify test "$(engine_of plain received_bytes)" -gt 6077000
verify test "$(engine_of short received_bytes)" -lt 4500000
ALLOT_ZSTD=always ALLOT_AGENTS=$ALLOT_BUILD/tests/without-zstd packed without
verify test "$(engine_of without sent_bytes)" -gt 6077000
verify test "$(engine_of without received_bytes)" -gt 6077000
# Unasked, a pipe within this machine is too fast for it to pay (but for moments when the machine is another's).
head -c 30000000 /dev/zero >zeros
expect 0 '' '' --name unasked --on fake:apart=1 --send zeros -N0 'test -s zeros' ::: 1
verify test "$(engine_of unasked sent_bytes)" -gt 10000000 # of 30 million, which would be a few thousand

# ---- how fast, and how much -----------------------------------------------------------------------------
verify test "$(engine_of unasked sent_bytes_per_s)" -gt 1000000
verify test "$(engine_of plain received_bytes_per_s)" -gt 1000000
"$ALLOT" engines unasked >table
verify grep -q 'BANDWIDTH' table
verify grep -Eq 'fake1 .* [0-9.]+ MB/s ' table
expect 0 '' '' --name few --on fake:apart=1 true ::: 1
verify test "$(engine_of few sent_bytes_per_s)" = 0
verify test "$("$ALLOT" engines few | awk '/fake1/ { print $9 }')" = -
# What went over a connection that was lost is counted as well.
ALLOT_ZSTD=never farm --name twice --on fake:apart=1 -j1 --send zeros -N0 "test -e $PWD/mark || { touch $PWD/mark; kill -9 \$PPID; sleep 9; }" ::: 1 2
verify test "$status" = 0
verify test "$(engine_of twice sent_bytes)" -gt $((3 * 30000000))

# ---- the cache's bounds ---------------------------------------------------------------------------------
is_kept() { # FILE - whether the cache holds it
    local one
    for one in "$files"/*; do cmp -s "$one" "$1" && return; done
    return 1
}
for name in a b c d e; do head -c 18000000 /dev/urandom >$name; done
ask() { expect 0 '' '' --on fake:apart=1 --shared "$1" -N0 "test -s $1" ::: 1; }
rm -f "$files"/*
export ALLOT_CACHE_BYTES=40000000
ask a
ask b
verify is_kept a
ask a # wanted last of the two
ask c
ask a # an agent's start is when it is seen to
verify is_kept a
verify not is_kept b
verify is_kept c
verify test "$(du -sb "$files" | cut -f1)" -lt 40010000
# What an agent that lives was sent, or has told of, stays, whatever others want meanwhile.
"$ALLOT" farm --name long --on fake:apart=1 -j1 --shared a -N0 'touch '"$PWD"'/on; until test -e '"$PWD"'/go; do sleep 0.05; done; cmp a '"$PWD"'/a' ::: 1 2 >/dev/null 2>"$err" &
controller=$!
until_true test -e on
ask d
ask e
verify is_kept a
verify is_kept e
touch go
wait $controller
verify test "$?" = 0
# It is gone with its agent's end; a file that is larger than all may be is kept for who wants it.
ALLOT_CACHE_BYTES=1000 ask b
verify is_kept b
verify not is_kept a
verify not is_kept e
# A killed agent's files are nobody's.
"$ALLOT" farm --name killed --on fake:apart=1 --lost-after 1s --shared c -N0 'sleep 60' ::: 1 >/dev/null 2>&1 &
controller=$!
until_true is_kept c
kill -9 $controller
wait $controller 2>/dev/null
until_true not pgrep -f "$XDG_CACHE_HOME/allot/agent-"
ALLOT_CACHE_BYTES=1000 ask d
verify not is_kept c
done_testing
