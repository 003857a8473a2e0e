# slurm.bash - a real Slurm for tests: slurmctld, munged and four slurmd on this host. Sourced; not a test.
#
# Everything of theirs is below $work/slurm. Processes end with the test.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
slurm=$work/slurm slurm_port=$((20000 + RANDOM % 20000))
export SLURM_CONF=$slurm/slurm.conf

end_slurm() {
    local n
    scancel --me 2>/dev/null
    for n in n1 n2 n3 n4; do pkill -F "$slurm/slurmd.$n.pid" 2>/dev/null; done
    pkill -F "$slurm/slurmctld.pid" 2>/dev/null
    pkill -F "$slurm/munged.pid" 2>/dev/null
    pkill -KILL -f "slurmstepd: \[.*$slurm" 2>/dev/null
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
AuthInfo=socket=$slurm/munge.socket
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
InactiveLimit=0
MaxJobCount=50
SlurmdParameters=config_overrides
END
    for k in 1 2 3 4; do
        echo "NodeName=n$k NodeHostname=$here NodeAddr=127.0.0.1 Port=$((slurm_port + k)) CPUs=2 RealMemory=1000 State=UNKNOWN"
    done
    echo "PartitionName=all Nodes=n[1-4] Default=YES MaxTime=1:00:00 State=UP"
    echo "PartitionName=closed Nodes=n1 State=DOWN"
}

start_slurmd() { slurmd -N "$1" -f "$SLURM_CONF" >>"$slurm/slurmd.$1.log" 2>&1; }
start_slurmctld() { slurmctld -f "$SLURM_CONF" >>"$slurm/slurmctld.log" 2>&1; }
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
