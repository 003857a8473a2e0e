#!/bin/busybox sh
# inside.sh - the first process of the machine that tests/vm/run boots. Farms commands in control groups; each check
# is a line PASS or FAIL on the console.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
/bin/busybox --install -s /bin
export PATH=/bin:/allot ALLOT_AGENTS=/allot XDG_STATE_HOME=/run/state TMPDIR=/tmp HOME=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o mode=1777 tmpfs /run
mkdir -m 777 /run/state
top=/sys/fs/cgroup
mount -t cgroup2 cgroup2 $top
echo

npassed=0 nfailed=0
# check NAME CONDITION-COMMAND...
check() {
    name=$1
    shift
    if "$@"; then
        npassed=$((npassed + 1))
        echo "PASS $name"
    else
        nfailed=$((nfailed + 1))
        echo "FAIL $name: $*"
        sed 's/^/  /' /run/out
    fi
}
farm() {
    allot farm "$@" >/run/out 2>&1
    status=$?
}
# ended RUN STATE CAUSE ATTEMPT - its only task ended so.
ended() {
    allot log --json "$1" >/run/log
    cat /run/log >>/run/out
    grep -q "\"state\":\"$2\",\"cause\":\"$3\",\"attempt\":$4," /run/log
}
# The kernel says so when it ends somebody for the memory of a group.
nkilled() { dmesg | grep -c 'Memory cgroup out of memory'; }
by_kernel() { [ "$(nkilled)" -gt "$nbefore" ]; }
not_by_kernel() { [ "$(nkilled)" = "$nbefore" ]; }
nothing_left() { ! ls -d "$1"/allot-* >/dev/null 2>&1; }
until_true() {
    for _ in $(seq 200); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}
hog='dd if=/dev/zero of=/dev/null bs=120M count=1; true {}' # takes it and goes on
slow='dd if=/dev/zero bs=80M count=1 | sleep 20; true {}'   # takes it and keeps it

# ---- at the top of the tree, as root
farm --name where --mem 40M -N0 'cat /proc/self/cgroup' ::: 1
check "a task is in a group of its own" grep -q '^0::/allot-[0-9]*/1\.0$' /run/out
check "and gone afterwards" nothing_left $top
farm --name free -N0 'cat /proc/self/cgroup' ::: 1
check "without a limit there is no group" grep -q '^0::/$' /run/out
nbefore=$(nkilled)
farm --name fat --mem 40M "$hog" ::: 1
check "a task over its memory is ended" ended fat failed memory 1
check "by the kernel" by_kernel
farm --name fits --mem 160M "$hog" ::: 1
check "one that fits is not" ended fits done exit 1
farm --name child --mem 40M "sh -c 'dd if=/dev/zero of=/dev/null bs=120M count=1; true; true {}'; true" ::: 1
check "a task is ended as a whole" ended child failed memory 1
farm --name grow --mem 40M --mem-grow 4 --retries 1 --backoff 0 "$hog" ::: 1
check "it comes back with more" ended grow done exit 2
farm --name killed --mem 40M -N0 'kill -9 $$' ::: 1
check "another's SIGKILL is told apart" ended killed failed signal 1
farm --name absent --mem 40M -N0 /run/script ::: 1
check "what cannot be executed is said" grep -q 'command not found' /run/out
printf 'cat /proc/self/cgroup\n' >/run/script
chmod +x /run/script
farm --name script --mem 40M -N0 /run/script ::: 1
check "a script without #! is in its group, too" grep -q '^0::/allot-' /run/out
farm --name many --mem 40M -j4 'grep -q "/$ALLOT_SLOT\.0$" /proc/self/cgroup; test $? = 0 -a {}' ::: $(seq 100)
check "groups are used again" [ "$status" = 0 ]
check "and removed" nothing_left $top

# ---- what a task leaves behind is not its successor's
farm --name files --mem 60M -j1 <<'end'
dd if=/dev/zero of=/run/left bs=1M count=40
dd if=/dev/zero of=/dev/null bs=40M count=1
end
check "files in memory" [ "$status" = 0 ]
rm -f /run/left
farm --name stray --mem 60M -j1 <<'end'
setsid sh -c 'dd if=/dev/zero bs=40M count=1 2>/dev/null | sleep 4' >/dev/null 2>&1 & sleep 1
dd if=/dev/zero of=/dev/null bs=40M count=1
end
check "processes" [ "$status" = 0 ]
check "groups that they were in are removed" nothing_left $top

# ---- a controller that was killed
allot farm --name dead --mem 40M -N0 'echo started >/run/started; sleep 100' ::: 1 >/run/out 2>&1 &
until_true test -s /run/started
kill -9 $!
wait $! 2>/dev/null
sleep 0.5
check "a controller that is killed leaves its group" [ -d "$(echo $top/allot-*)" ]
allot farm --name live --mem 40M -N0 'sleep 5' ::: 1 >/run/out 2>&1 &
until_true test -d "$top/allot-$!/1.0"
farm --name after --mem 40M -N0 true ::: 1
check "the next one removes it, and not that of a live one" [ "$(echo $top/allot-*)" = "$top/allot-$!" ]
wait $!
check "which removes its own" nothing_left $top

# ---- a user's, delegated
mkdir $top/user
echo +memory >$top/cgroup.subtree_control
chown 1000:1000 $top/user $top/user/cgroup.procs $top/user/cgroup.subtree_control
# as_user COMMAND-LINE - in place of a shell in the user's group.
as_user() {
    COMMAND=$1 sh -c "echo \$\$ >$top/user/cgroup.procs && exec su user -c 'eval \"\$COMMAND\"'" >/run/out 2>&1
}
export XDG_STATE_HOME=/run/state/user
as_user "exec allot farm --name mine --mem 40M -N0 'cat /proc/self/cgroup' ::: 1"
check "a user's task is in a group below the user's" grep -q '^0::/user/allot-[0-9]*/1\.0$' /run/out
nbefore=$(nkilled)
as_user "exec allot farm --name mine2 --mem 40M '$hog' ::: 1"
check "and is ended by the kernel" by_kernel
check "and reported" ended mine2 failed memory 1
check "all is as before" nothing_left $top/user
check "also the controllers" [ -z "$(cat $top/user/cgroup.subtree_control)" ]
nbefore=$(nkilled)
as_user "allot farm --name beside --mem 40M -N0 'cat /proc/self/cgroup' ::: 1; true"
check "where others are, there is none" grep -q '^0::/user$' /run/out
as_user "allot farm --name beside2 --mem 40M '$slow' ::: 1; true"
check "and memory is watched" ended beside2 failed memory 1
su user -c "exec allot farm --name none --mem 40M '$slow' ::: 1" >/run/out 2>&1
check "so it is where nothing is delegated" ended none failed memory 1
check "the kernel ended none of them" not_by_kernel
export XDG_STATE_HOME=/run/state

# ---- an agent's tasks
farm --name far --mem 40M --on fake -N0 'cat /proc/self/cgroup' ::: 1
check "an agent's task is in a group" grep -q '^0::/allot-[0-9]*/1\.0$' /run/out
nbefore=$(nkilled)
farm --name far2 --mem 40M --on fake "$hog" ::: 1
check "and is ended by the kernel" by_kernel
check "and reported" ended far2 failed memory 1
check "the agent leaves nothing" until_true nothing_left $top

# ---- groups that may only be looked at
mount -o remount,ro $top
nbefore=$(nkilled)
farm --name fixed --mem 40M "$slow" ::: 1
check "where they are read-only, memory is watched" ended fixed failed memory 1
check "and the kernel did nothing" not_by_kernel

[ $nfailed = 0 ] && echo "vm: all of $npassed passed" || echo "vm: $nfailed failed, $npassed passed"
poweroff -f
