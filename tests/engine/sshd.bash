# sshd.bash - real sshd for tests: one on loopback, and hosts in namespaces of their own. Sourced; not a test.
#
# Everything of theirs is below $work: keys, configuration, homes. `$ssh` is the command that reaches them.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
port=$((20000 + RANDOM % 20000))
keys=$work/keys remote_home=$work/remote-home ssh="ssh -F $work/keys/config"
host_number=0
hosts_made=()

end_hosts() {
    local name
    pkill -F "$keys/pid" 2>/dev/null
    for name in ${hosts_made[@]+"${hosts_made[@]}"}; do
        pkill -F "$keys/pid.$name" 2>/dev/null
        ip link del "$(link_of "$name")" 2>/dev/null
        ip netns del "allot$$-$name" 2>/dev/null
    done
}

# sshd_config PORT ADDRESS PIDFILE
sshd_config() {
    printf '%s\n' "Port $1" "ListenAddress $2" "PidFile $3" "HostKey $keys/host" \
        "AuthorizedKeysFile $keys/authorized" 'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' \
        "SetEnv HOME=$remote_home XDG_CACHE_HOME=$remote_home/.cache TMPDIR=$remote_home/tmp" 'PrintMotd no' 'Subsystem sftp internal-sftp'
}

start_sshd() {
    if ! [ -x /usr/sbin/sshd ] || ! command -v ssh >/dev/null; then
        pass_over "sshd: it is not installed (openssh-server)"
        echo "0 checks" && exit 77
    fi
    mkdir -p "$keys" "$remote_home"
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$keys/host"
    ssh-keygen -q -t ed25519 -N '' -f "$keys/user"
    cp "$keys/user.pub" "$keys/authorized"
    sshd_config "$port" 127.0.0.1 "$keys/pid" >"$keys/sshd"
    /usr/sbin/sshd -f "$keys/sshd" -E "$keys/log" || { cat "$keys/log" >&2; exit 1; }
    at_end+=(end_hosts)
    printf '%s\n' 'Host *' "  User $(id -un)" "  IdentityFile $keys/user" '  IdentitiesOnly yes' \
        "  UserKnownHostsFile $keys/known" '  StrictHostKeyChecking accept-new' >"$keys/defaults"
    printf '%s\n' 'Host here' '  HostName 127.0.0.1' "  Port $port" | cat - "$keys/defaults" >"$keys/config"
    until_true test -s "$keys/pid"
}

# link_of NAME - our end of the link to a host.
link_of() { cat "$keys/link.$1"; }

# start_host NAME [noexec] - a host with a network, a home, a file system ($host_size, 48 MB) of its own: our folder
# is not there.
start_host() {
    local name=$1 option=${2:-exec} space="allot$$-$1" link="al$((RANDOM % 10000))x$host_number"
    host_number=$((host_number + 1))
    local net=10.$((200 + RANDOM % 50)).$((RANDOM % 250))
    echo "$link" >"$keys/link.$name"
    ip netns add "$space" && ip link add "$link" type veth peer name eth0 netns "$space" &&
        ip addr add "$net.1/30" dev "$link" && ip link set "$link" up &&
        ip -n "$space" addr add "$net.2/30" dev eth0 && ip -n "$space" link set eth0 up &&
        ip -n "$space" link set lo up || { echo "no namespace for $name" >&2; exit 1; }
    hosts_made+=("$name")
    sshd_config 22 "$net.2" "$keys/pid.$name" >"$keys/sshd.$name"
    ip netns exec "$space" unshare --mount sh -c "
        mount --make-rprivate / && mkdir -p '$remote_home' &&
        mount -t tmpfs -o size=${host_size:-48m},mode=700,$option tmpfs '$remote_home' && mkdir '$remote_home/tmp' &&
        mkdir -p -m 700 /tmp/allot-$(id -u) && mount -t tmpfs -o size=8m,mode=700 tmpfs /tmp/allot-$(id -u) &&
        mount -t tmpfs -o size=1m tmpfs '$PWD' &&
        exec /usr/sbin/sshd -f '$keys/sshd.$name' -E '$keys/log.$name'" || exit 1
    printf '%s\n' "Host $name" "  HostName $net.2" "  Port 22" | cat - "$keys/config" >"$keys/config.new"
    mv "$keys/config.new" "$keys/config"
    until_true test -s "$keys/pid.$name"
}

# slow_link NAME DELAY LOSS
slow_link() { tc qdisc add dev "$(link_of "$1")" root netem delay "$2" loss "$3" 2>/dev/null; }
