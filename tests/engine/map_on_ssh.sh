#!/bin/bash
# map_on_ssh.sh - a map on a host that is reached by real ssh, and on one with a link that is slow and is cut.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/sshd.bash
. "$ALLOT_SOURCE/tests/engine/sshd.bash"
# shellcheck source=tests/engine/map_on.bash
. "$ALLOT_SOURCE/tests/engine/map_on.bash"
start_sshd
mkdir -p "$remote_home/tmp"
"$ALLOT" map -f heavy.c:plain_f64 -t f64 0:1500 >want
work() { map --ssh "$ssh" "$@" -j1 -f heavy.c:work_f64 -t f64 0:1500; }

work --json --on here*10
verify cmp -s want "$out"
verify shared
verify test "$(field engines.engines.0.launcher)" = ssh
# The program went over once.
work --json --on here*10
verify shared
verify test "$(field engines.engines.0.sent_bytes)" -lt 300000
work --on nowhere.invalid
verify cmp -s want "$out"
verify grep -q 'engine nowhere.invalid: .*Could not resolve hostname.*; the work goes on without it' "$err"
remote_clean() { ! compgen -G "$remote_home/tmp/allot-*" >/dev/null && ! pgrep -f "$remote_home/.cache/allot/agent-" >/dev/null; }
until_true remote_clean

if unshare --mount true 2>/dev/null && unshare --net true 2>/dev/null; then
    start_host far
    slow_link far 50ms 1% || pass_over "a slow link: tc netem is not there"
    work --json --on far*10
    verify cmp -s want "$out"
    verify shared
    # The cable is cut: nothing waits for it.
    "$ALLOT" map --ssh "$ssh" --on far*10 -j1 -f heavy.c:work_f64 -t f64 0:1500 >"$out" 2>"$err" &
    mapper=$!
    sleep 1.5
    ip link set "$(link_of far)" down
    wait $mapper
    verify test $? = 0
    verify cmp -s want "$out"
else
    pass_over "hosts of their own: namespaces may not be made here"
fi
done_testing
