#!/bin/bash
# farm_ssh.sh - engines by real ssh: sshd on loopback, and hosts made of network and mount namespaces with a link
# between them that is slow, loses packets and is cut.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/sshd.bash
. "$ALLOT_SOURCE/tests/engine/sshd.bash"
# shellcheck source=tests/engine/conform.bash
. "$ALLOT_SOURCE/tests/engine/conform.bash"
verb=farm
start_sshd

# ---- the conformance suite, beside what follows ---------------------------------------------------------
# Somebody else's account: another number, home and login shell, behind another host; and it may not see our files.
strangers=() shells=()
for shell in dash bash tcsh ksh93 zsh fish; do
    if path=$(command -v $shell); then
        strangers+=("al$shell=$path") shells+=("al$shell")
    elif [ $shell = tcsh ]; then
        pass_over "a login shell that is no Bourne shell: tcsh is not installed"
    fi
done
has_spaces=false has_strangers=false
if unshare --mount true 2>/dev/null && unshare --net true 2>/dev/null; then has_spaces=true; fi
if $has_spaces && [ "$(id -u)" = 0 ]; then
    has_strangers=true
    # What shells think that the time is may differ by hours, and so may our clock and an agent's.
    printf '%s\n' '#!/bin/sh' 'exec unshare --time --monotonic 90000 --boottime 90000 /bin/sh "$@"' >"$keys/skewed" && chmod 755 "$keys/skewed"
    start_strangers strange "${strangers[@]}" rootskewed="$keys/skewed"
    sees_files=false clean_env=true conform_beside strange --ssh "$ssh" --on strange
else
    pass_over "another user's account: only root can make one, in a namespace"
fi
sees_files=true clean_env=true conform_beside here --ssh "$ssh" --on here

# ---- refusals -----------------------------------------------------------------------------------------
# All of them at once: each is said in ssh's own words, and nothing is asked for.
ssh-keygen -q -t ed25519 -N '' -f other
ssh-keygen -q -t ed25519 -N secret -f locked
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 other.pub)" >changed_hosts
know_host 'Host changed stranger locked unseen' '  HostName 127.0.0.1' "  Port $port" '  IdentitiesOnly yes' \
    'Host changed' "  UserKnownHostsFile $PWD/changed_hosts" '  StrictHostKeyChecking yes' \
    'Host unseen' '  UserKnownHostsFile /dev/null' '  StrictHostKeyChecking ask' \
    'Host stranger' "  IdentityFile $PWD/other" 'Host locked' "  IdentityFile $PWD/locked"
sed "/^  IdentityFile .*keys.user/d" "$keys/config" >refused_config
printf '%s\n' 'Host changed unseen' "  IdentityFile $keys/user" >>refused_config
expect 101 '' '*no engine is left*' --ssh "ssh -F $PWD/refused_config" --on nowhere.invalid,changed,unseen,stranger,locked true ::: 1 \
    </dev/null
for said in 'nowhere.invalid: .*Could not resolve hostname' 'changed: .*verification failed' 'unseen: .*verification failed' \
    'stranger: .*Permission denied' 'locked: .*Permission denied'; do
    verify grep -q "engine $said.*given up after 3 tries" "$err"
done
expect 101 '' '*/nowhere/ssh: this program is needed*' --ssh /nowhere/ssh --on here true ::: 1

# ---- somebody else's account ----------------------------------------------------------------------------
if $has_strangers; then
    verify test "$("$ALLOT" farm --ssh "$ssh" --on strange -N0 'id -un; pwd; echo $HOME' ::: 1 | tr '\n' ' ' | sed 's,/tmp/allot-[^ ]*,SCRATCH,')" = \
        "${shells[0]} SCRATCH /home/${shells[0]} "
    for one in "${shells[@]}"; do
        expect 0 "$one" '' --ssh "$ssh" --on "$one@strange" -N0 'id -un' ::: 1
    done
    # faketime is preloaded, which programs with a sanitizer do not bear.
    if unshare --time --monotonic 90000 true 2>/dev/null && faketime -f -5h "$ALLOT" --version >/dev/null 2>&1; then
        printf '%s\n' '#!/bin/sh' "exec faketime -f -5h '$ALLOT' \"\$@\"" >early && chmod 755 early
        echo content >late
        ALLOT=$PWD/early farm --ssh "$ssh" --on rootskewed@strange --lost-after 2s --timeout 20 --send late --fetch got.{} \
            'sleep 0.7; cut -d. -f1 /proc/uptime >got.{}; date +%s >>got.{}; cat late' ::: 1 2 3 4 5 6 7 8
        verify test "$status" = 0
        verify test "$(sort -u "$out")" = content
        verify test ! -s "$err"
        # Both clocks were as far off as we meant them to be.
        verify test "$(head -n 1 got.8)" -gt $(($(cut -d. -f1 /proc/uptime) + 80000))
        verify test "$(tail -n 1 got.8)" -gt $(($(faketime -f -5h date +%s) + 17000))
    else
        pass_over "clocks that differ: unshare --time or faketime cannot be used here"
    fi
fi
conform_wait

# ---- a host on loopback -------------------------------------------------------------------------------
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
# Two may log in at a time, and twelve want to: who is turned away tries again.
start_narrow
farm --ssh "$ssh" --name narrow --on "$(seq -s, -f 'narrow%g*1' 12)" 'sleep 0.2; true' ::: $(seq 160)
verify test "$status" = 0
verify test "$("$ALLOT" engines --json narrow | grep -o '"host":"[^"]' | wc -l)" -ge 6


# ---- another file system: a mount namespace with its own home, temporary folder and cwd ---------------
if ! $has_spaces; then
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
kill_agent() { pkill -9 -f "^$remote_home/.cache/allot/agent-"; }
"$ALLOT" farm --name cut --ssh "$ssh" --on far*2,local*1 --lost-after 2s --fetch got.{} \
    'sleep 0.05; echo {} >got.{}; echo {}' ::: $(seq 500) >"$out" 2>"$err" &
controller=$!
until_true kill_agent
sleep 2.5 # it is back
cut_link far
sleep 4
mend_link far
until_true kill_agent
wait $controller
verify test "$?" = 0
verify grep -q 'engine far.*nothing was heard of it for 2 s' "$err"
verify test "$(state cut succeeded)" = 500
verify test "$(sort -n "$out" | md5sum)" = "$(seq 500 | md5sum)" # each once
verify test "$(cat got.* | sort -un | wc -l)" = 500
done_testing
