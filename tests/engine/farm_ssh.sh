#!/bin/bash
# farm_ssh.sh - engines by real ssh: sshd on loopback, and hosts made of network and mount namespaces with a link
# between them that is slow, loses packets and is cut.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/sshd.bash
. "$ALLOT_SOURCE/tests/engine/sshd.bash"
verb=farm
start_sshd

# ---- a host on loopback -------------------------------------------------------------------------------
expect 0 $'1\n2\n3' '' --ssh "$ssh" --on here -k 'echo {}' ::: 1 2 3
verify test "$(UNASKED=1 "$ALLOT" farm --ssh "$ssh" --on here -N0 'echo ${UNASKED-none}' ::: 1)" = none
verify test "$(ASKED=yes "$ALLOT" farm --ssh "$ssh" --env ASKED --on here -N0 'echo $ASKED' ::: 1)" = yes
seq 3000 >want
farm --ssh "$ssh" --on here -k 'echo {}' :::: want
verify cmp -s want "$out"
# The agent went over once: the second time it is there.
agents=("$remote_home"/.cache/allot/agent-*)
verify test ${#agents[@]} = 1
before=$(stat -c %Y.%i "${agents[0]}")
expect 0 x '' --ssh "$ssh" --on here -N0 'echo x' ::: 1
verify test "$(stat -c %Y.%i "${agents[0]}")" = "$before"
# One that was tampered with is found out.
printf 'x' | dd of="${agents[0]}" bs=1 seek=4000 conv=notrunc status=none
farm --ssh "$ssh" --on here -N0 'echo x' ::: 1
verify test "$status" = 0
verify grep -q x "$out"
# A login shell that talks; what it says is not taken for ours.
echo 'echo "Welcome"; echo "@nothing of note"; echo "to you" >&2' >"$remote_home/.bashrc"
expect 0 x '' --ssh "$ssh" --on here -N0 'echo x' ::: 1
rm "$remote_home/.bashrc"

# ---- refusals -----------------------------------------------------------------------------------------
expect 101 '' '*Could not resolve hostname*' --ssh "$ssh" --on nowhere.invalid true ::: 1
ssh-keygen -q -t ed25519 -N '' -f other
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 other.pub)" >changed_hosts
expect 101 '' '*verification failed*' --ssh "$ssh -oUserKnownHostsFile=$PWD/changed_hosts -oStrictHostKeyChecking=yes" \
    --on here true ::: 1
sed "s,IdentityFile .*,IdentityFile $PWD/other," "$keys/config" >stranger
expect 101 '' '*Permission denied*' --ssh "ssh -F $PWD/stranger" --on here true ::: 1
expect 101 '' '*/nowhere/ssh: this program is needed*' --ssh /nowhere/ssh --on here true ::: 1

# ---- another file system: a mount namespace with its own home, temporary folder and cwd ---------------
if ! unshare --mount true 2>/dev/null || ! unshare --net true 2>/dev/null; then
    pass_over "hosts of their own: namespaces may not be made here"
    done_testing
    exit
fi
start_host far
mkdir -p in
for k in $(seq 40); do echo "content $k" >"in/$k"; done
head -c 4000000 /dev/urandom >base
expect 0 '' '' --ssh "$ssh" --on far -j4 --send {} --fetch {}.up --shared base \
    'test ! -e want && test -s base && tr a-z A-Z <{} >{}.up' ::: in/[0-9]*
verify test "$(cat in/7.up)" = 'CONTENT 7'
verify test "$(find in -name '*.up' | wc -l)" = 40
# Its disk is full: said, and the work is done elsewhere.
head -c 60000000 /dev/zero >big
farm --ssh "$ssh" --on 'far*1,local*1' --send big 'sleep 0.7; test -s big; true' ::: 1 2 3 4
verify test "$status" = 0
verify grep -q 'its disk is full' "$err"
rm big
# A home without execution.
start_host noexec noexec
expect 0 x '' --ssh "$ssh" --on noexec -N0 'echo x' ::: 1

# ---- a link that is slow, loses packets, and is cut --------------------------------------------------
if slow_link far 50ms 1%; then
    farm --ssh "$ssh" --on far -j2 'true' ::: $(seq 2000)
    verify test "$status" = 0
else
    pass_over "a slow link: tc cannot be used here"
fi
rm -f ran
cut_link() { ip link set "$(link_of far)" down; }
mend_link() { ip link set "$(link_of far)" up; }
"$ALLOT" farm --name cut --ssh "$ssh" --on far*2,local*1 --lost-after 2s --fetch got.{} \
    'sleep 0.05; echo {} >got.{}' ::: $(seq 150) >"$out" 2>"$err" &
controller=$!
sleep 1
cut_link
sleep 4
mend_link
wait $controller
verify test "$?" = 0
verify grep -q 'engine far.*nothing was heard of it for 2 s' "$err"
verify test "$(state cut succeeded)" = 150
verify test "$(cat got.* | sort -un | wc -l)" = 150
done_testing
