# slurm.bash - a real Slurm for tests: slurmctld, munged and four slurmd on this host. Sourced; not a test.
#
# Everything of theirs is below $work/slurm. Processes end with the test.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# shellcheck source=tests/engine/ports.bash
. "${BASH_SOURCE[0]%/*}/ports.bash"
slurm=$work/slurm slurm_port=$(free_ports 5) # slurmctld's, then those of n1 to n4
export SLURM_CONF=$slurm/slurm.conf

end_slurm() {
    local n
    scancel --me 2>/dev/null
    for n in n1 n2 n3 n4; do
        kill_steps "SLURMD_NODENAME=$n"
        pkill -F "$slurm/slurmd.$n.pid" 2>/dev/null
    done
    pkill -F "$slurm/slurmctld.pid" 2>/dev/null
    for n in 1 2 3 4 5 6 7 8 9 10; do [ ! -e "$slurm/slurmctld.pid" ] || sleep 0.1; done # it writes its state
    pkill -F "$slurm/munged.pid" 2>/dev/null
    for n in $(pgrep -f '^slurmstepd: '); do
        ! grep -qzxF "SLURM_CONF=$SLURM_CONF" "/proc/$n/environ" 2>/dev/null || kill -KILL "$n"
    done
    true
}

slurm_conf() {
    local here=${HOSTNAME:-$(uname -n)} k
    here=${here%%.*}
    cat <<END
ClusterName=allot
SlurmctldHost=$here(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$slurm_port
AuthType=auth/munge
AuthInfo=socket=$slurm/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool.%n
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.%n.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MessageTimeout=5
InactiveLimit=0
MaxJobCount=1000
SlurmdParameters=config_overrides
END
    for k in 1 2 3 4; do
        echo "NodeName=n$k NodeHostname=$here NodeAddr=127.0.0.1 Port=$((slurm_port + k)) CPUs=2 RealMemory=1000 State=UNKNOWN"
    done
    echo "PartitionName=all Nodes=n[1-4] Default=YES MaxTime=1:00:00 State=UP"
    echo "PartitionName=closed Nodes=n1 State=DOWN"
    echo "PartitionName=apart Nodes=n4 MaxTime=1:00:00 State=UP"
}

start_slurmd() { slurmd -N "$1" -f "$SLURM_CONF" >>"$slurm/slurmd.$1.log" 2>&1; }
start_slurmctld() { slurmctld -f "$SLURM_CONF" >>"$slurm/slurmctld.log" 2>&1; }
end_slurmctld() {
    pkill -F "$slurm/slurmctld.pid"
    until_true test ! -e "$slurm/slurmctld.pid"
}
# most_jobs N - how many jobs slurmctld takes, ended ones that it still knows among them.
most_jobs() {
    sed -i "s/^MaxJobCount=.*/MaxJobCount=$1/" "$SLURM_CONF"
    end_slurmctld
    start_slurmctld
    until_true sinfo -h >/dev/null 2>&1
}
# hide_from NODE FOLDER - its daemon comes back where the folder is another, empty one.
hide_from() {
    pkill -F "$slurm/slurmd.$1.pid"
    until_true test ! -e "$slurm/slurmd.$1.pid"
    unshare -m sh -c "mount -t tmpfs none '$2' && exec slurmd -N '$1' -f '$SLURM_CONF'" >>"$slurm/slurmd.$1.log" 2>&1
}
# kill_steps VARIABLE - all processes of this Slurm's jobs with VARIABLE=VALUE in their environment, and the
# slurmstepd above each.
kill_steps() {
    local path pid parent
    for path in /proc/[0-9]*; do
        pid=${path#/proc/}
        if grep -qzxF "$1" "$path/environ" 2>/dev/null && grep -qzxF "SLURM_CONF=$SLURM_CONF" "$path/environ"; then
            parent=$(ps -o ppid= -p "$pid" | tr -d ' ')
            [[ $(ps -o args= -p "${parent:-1}") != slurmstepd:* ]] || kill -KILL "$parent" 2>/dev/null
            kill -KILL "$pid" 2>/dev/null
        fi
    done
    true
}
# kill_node NODE - its daemon, and everything that it had started, as if the power was off.
kill_node() {
    pkill -KILL -F "$slurm/slurmd.$1.pid"
    kill_steps "SLURMD_NODENAME=$1"
}
idle_nodes() { [ "$(sinfo -h -p all -t idle -o %D 2>/dev/null)" = "$1" ]; }

start_slurm() {
    local n
    for n in slurmctld slurmd srun munged; do
        if ! command -v $n >/dev/null; then
            pass_over "Slurm: $n is not installed (slurm-wlm, munge)"
            exit 77
        fi
    done
    if [ "$(id -u)" != 0 ]; then
        pass_over "Slurm: its daemons run as root"
        exit 77
    fi
    mkdir -p "$slurm/state" && chmod 755 "$work" "$slurm"
    for n in n1 n2 n3 n4; do mkdir -p "$slurm/spool.$n"; done
    head -c 1024 /dev/urandom >"$slurm/munge.key" && chmod 600 "$slurm/munge.key"
    munged --force --key-file="$slurm/munge.key" --socket="$slurm/munge.socket" --pid-file="$slurm/munged.pid" \
        --log-file="$slurm/munged.log" --seed-file="$slurm/munge.seed" --num-threads=2 || exit 1
    slurm_conf >"$SLURM_CONF"
    at_end+=(end_slurm)
    start_slurmctld || { cat "$slurm/slurmctld.log" >&2; exit 1; }
    for n in n1 n2 n3 n4; do start_slurmd $n || { cat "$slurm/slurmd.$n.log" >&2; exit 1; }; done
    until_true idle_nodes 4 || { tail -n 5 "$slurm"/*.log >&2; sinfo >&2; exit 1; }
}
