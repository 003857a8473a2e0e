# sshd.bash - real sshd for tests: one on loopback, and hosts in namespaces of their own. Sourced; not a test.
#
# Everything of theirs is below $work: keys, configuration, homes. `$ssh` is the command that reaches them.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# shellcheck source=tests/engine/ports.bash
. "${BASH_SOURCE[0]%/*}/ports.bash"
port=$(free_ports 2)
keys=$work/keys remote_home=$work/remote-home ssh="ssh -F $work/keys/config"
host_number=0
hosts_made=()

end_hosts() {
    local name
    pkill -F "$keys/pid" 2>/dev/null
    for name in ${hosts_made[@]+"${hosts_made[@]}"}; do
        pkill -F "$keys/pid.$name" 2>/dev/null
        [ ! -e "$keys/link.$name" ] || ip link del "$(link_of "$name")" 2>/dev/null
        ip netns del "allot$$-$name" 2>/dev/null
    done
}

# sshd_config PORT ADDRESS PIDFILE - and $host_sshd, lines of its own.
sshd_config() {
    printf '%s\n' "Port $1" "ListenAddress $2" "PidFile $3" "HostKey $keys/host" "${host_keys:-AuthorizedKeysFile $keys/authorized}" \
        'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' 'PrintMotd no' 'Subsystem sftp internal-sftp' \
        "${host_env-SetEnv HOME=$remote_home XDG_CACHE_HOME=$remote_home/.cache TMPDIR=$remote_home/tmp}" ${host_sshd:+"$host_sshd"}
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

# start_narrow - a second one on loopback that lets in two at a time, for names like narrow3.
start_narrow() {
    host_sshd='MaxStartups 2:100:2' sshd_config "$((port + 1))" 127.0.0.1 "$keys/pid.narrow" >"$keys/sshd.narrow"
    /usr/sbin/sshd -f "$keys/sshd.narrow" -E "$keys/log.narrow" || { cat "$keys/log.narrow" >&2; exit 1; }
    hosts_made+=(narrow)
    know_host 'Host narrow*' '  HostName 127.0.0.1' "  Port $((port + 1))"
    until_true test -s "$keys/pid.narrow"
}

# link_of NAME - our end of the link to a host.
link_of() { cat "$keys/link.$1"; }

# make_space NAME - a network of a host's own, with a link to it; its name is in $space, its address in $address.
make_space() {
    local name=$1 link="al$((RANDOM % 10000))x$host_number" net=10.$((200 + RANDOM % 50)).$((RANDOM % 250))
    space="allot$$-$name" address=$net.2
    host_number=$((host_number + 1))
    echo "$link" >"$keys/link.$name"
    ip netns add "$space" && ip link add "$link" type veth peer name eth0 netns "$space" &&
        ip addr add "$net.1/30" dev "$link" && ip link set "$link" up &&
        ip -n "$space" addr add "$net.2/30" dev eth0 && ip -n "$space" link set eth0 up &&
        ip -n "$space" link set lo up || { echo "no namespace for $name" >&2; exit 1; }
    hosts_made+=("$name")
}

# know_host LINE ... - the beginning of ssh's configuration.
know_host() {
    printf '%s\n' "$@" | cat - "$keys/config" >"$keys/config.new"
    mv "$keys/config.new" "$keys/config"
}

# start_host NAME [noexec] - a host with a network, a home, a file system ($host_size, 48 MB) of its own: our folder
# is not there.
start_host() {
    local name=$1 option=${2:-exec} space address
    make_space "$name"
    sshd_config 22 "$address" "$keys/pid.$name" >"$keys/sshd.$name"
    ip netns exec "$space" unshare --mount sh -c "
        mount --make-rprivate / && mkdir -p '$remote_home' &&
        mount -t tmpfs -o size=${host_size:-48m},mode=700,$option tmpfs '$remote_home' && mkdir '$remote_home/tmp' &&
        mkdir -p -m 700 /tmp/allot-$(id -u) && mount -t tmpfs -o size=8m,mode=700 tmpfs /tmp/allot-$(id -u) &&
        mount -t tmpfs -o size=1m tmpfs '$PWD' &&
        exec /usr/sbin/sshd -f '$keys/sshd.$name' -E '$keys/log.$name'" || exit 1
    know_host "Host $name" "  HostName $address" "  Port 22"
    until_true test -s "$keys/pid.$name"
}

# start_strangers NAME USER=SHELL ... - a host whose users are others than us: numbers, homes, shells of their own, which
# only that host knows (but who is called root-something is root). They may not look into our folder. The first is who logs in where nobody is named.
start_strangers() {
    local name=$1 uid=$((61000 + RANDOM % 3000)) space address one
    shift
    make_space "$name"
    cp /etc/passwd "$keys/passwd" && cp /etc/shadow "$keys/shadow"
    echo 'mount --make-rprivate / && mount -t tmpfs -o size=48m,mode=755 tmpfs /home' >"$keys/homes"
    for one in "$@"; do
        uid=$((uid + 1))
        [[ $one != root* ]] || uid=0
        echo "${one%%=*}:x:$uid:$uid::/home/${one%%=*}:${one#*=}" >>"$keys/passwd"
        echo "${one%%=*}:*:19000:0:99999:7:::" >>"$keys/shadow"
        echo "mkdir -p /home/${one%%=*}/.ssh && cp '$keys/authorized' /home/${one%%=*}/.ssh/ && chown -R $uid:$uid /home/${one%%=*}" >>"$keys/homes"
    done
    host_env='' host_keys='AuthorizedKeysFile .ssh/authorized' sshd_config 22 "$address" "$keys/pid.$name" >"$keys/sshd.$name"
    ip netns exec "$space" unshare --mount sh -e -c ". '$keys/homes'
        mount --bind '$keys/passwd' /etc/passwd
        mount --bind '$keys/shadow' /etc/shadow
        exec /usr/sbin/sshd -f '$keys/sshd.$name' -E '$keys/log.$name'" || exit 1
    know_host "Host $name" "  HostName $address" "  Port 22" "  User ${1%%=*}" '  ProxyJump here'
    until_true test -s "$keys/pid.$name"
}

# slow_link NAME DELAY LOSS
slow_link() { tc qdisc add dev "$(link_of "$1")" root netem delay "$2" loss "$3" 2>/dev/null; }

# cut_link NAME, mend_link NAME - at the host's end: with ours down there would be no route, and packets would leave by
# another way.
cut_link() { ip -n "allot$$-$1" link set eth0 down; }
mend_link() { ip -n "allot$$-$1" link set eth0 up; }
