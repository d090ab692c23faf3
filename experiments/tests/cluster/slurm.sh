#!/usr/bin/env bash
# A Slurm cluster on one machine, for the test in cluster.rs: a controller and N nodes of one core. Each node
# has a PID namespace of its own, so killing one process is like cutting its power. All files are below DIR, and
# all programs listen on loopback. Needs root and the packages slurmctld, slurmd, slurm-client and munge.
#
#   slurm.sh up DIR N | down DIR | kill-node DIR K | start-node DIR K | freeze-node DIR K | thaw-node DIR K
#            | kill-controller DIR | restart-controller DIR | attend DIR
set -euo pipefail

PORT=${SLURM_TEST_PORT:-16917}

start() { # NAME COMMAND...: in the background, with its pid in run/NAME.pid
    local name=$1
    shift
    setsid "$@" </dev/null >>"$D/log/$name.console" 2>&1 &
    echo $! >"$D/run/$name.pid"
}

start_node() {
    # bash is the first process of the namespace, so it reaps the processes that slurmd leaves.
    start "n$1" unshare --pid --fork --kill-child=KILL --mount-proc \
        bash -c 'slurmd -D -N "$0" -f "$1" & wait' "n$1" "$D/slurm.conf"
}

start_controller() { start slurmctld slurmctld -D -f "$D/slurm.conf"; }

# After a restart the controller believes that tasks are running which ended while it was dead, until the nodes
# register again. Without help they do so only minutes later.
restart_controller() {
    start_controller
    for _ in $(seq 100); do scontrol ping 2>/dev/null | grep -q "is UP" && break; sleep 0.1; done
    scontrol reconfigure
}

configure() { # N
    local host
    host=$(hostname -s)
    cat >"$D/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# The expiry of a credential also delays a task that is queued again.
AuthInfo=socket=$D/run/munge.socket,cred_expire=5
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool/%n
SlurmctldPidFile=$D/run/slurmctld.inner
SlurmdPidFile=$D/run/slurmd-%n.inner
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$D/log/jobcomp.txt
MpiDefault=none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=2,sched_min_interval=100000,batch_sched_delay=0
JobRequeue=1
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=2
MinJobAge=300
SlurmdParameters=config_overrides
NodeName=n[1-$1] NodeHostname=$host NodeAddr=127.0.0.1 Port=$((PORT + 10))-$((PORT + 9 + $1)) CPUs=1 RealMemory=1024 State=UNKNOWN
PartitionName=main Nodes=n[1-$1] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
}

up() { # N
    mkdir -p "$D"/{run,log,state,spool}
    configure "$1"
    (umask 077; head -c 1024 /dev/urandom >"$D/munge.key")
    start munged munged --foreground --force --num-threads=2 --key-file="$D/munge.key" \
        --socket="$D/run/munge.socket" --pid-file="$D/run/munged.inner" \
        --seed-file="$D/run/munge.seed" --log-file="$D/log/munged.log"
    for _ in $(seq 100); do [ -S "$D/run/munge.socket" ] && break; sleep 0.1; done
    start_controller
    for node in $(seq "$1"); do start_node "$node"; done
    for _ in $(seq 300); do
        [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" = "$1" ] && return
        sleep 0.1
    done
    tail -n 20 "$D"/log/*.log >&2
    echo "the nodes did not become idle in 30 s" >&2
    exit 1
}

processes() { # PIDs in the namespace of node K
    local first space
    first=$(pgrep -P "$(cat "$D/run/n$1.pid")" | head -n 1)
    space=$(readlink "/proc/$first/ns/pid")
    for it in /proc/[0-9]*; do
        [ "$(readlink "$it/ns/pid" 2>/dev/null)" = "$space" ] && echo "${it#/proc/}"
    done
    return 0
}

# Does what an administrator would do after the controller died. When it restarts, it may start a task a second time
# on the node that still runs it: Slurm then drains the node ("Duplicate jobid") and holds the task. Why it
# is held has several names: "JobHeldAdmin", "launch failed requeued held".
attend() {
    for node in $(sinfo -h -N -t drain -o %N); do
        scontrol update nodename="$node" state=resume && echo "resumed $node" >>"$D/log/attended"
    done
    squeue -h -t PENDING -o '%r|%A' | sed -n 's/^.*[Hh]eld.*|//p' | while read -r job; do
        scontrol release "$job" && echo "released $job" >>"$D/log/attended"
    done
}

stop() { # NAME
    local pid
    pid=$(cat "$D/run/$1.pid" 2>/dev/null) || return 0
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$D/run/$1.pid"
}

D=$(mkdir -p "$2" && cd "$2" && pwd -P)
export SLURM_CONF=$D/slurm.conf
case $1 in
    up) up "$3" ;;
    start-node) start_node "$3" ;;
    kill-node) stop "n$3" ;;
    freeze-node) kill -STOP $(processes "$3") ;;
    thaw-node) kill -CONT $(processes "$3") ;;
    restart-controller) restart_controller ;;
    kill-controller) stop slurmctld ;;
    attend) attend ;;
    down) for it in "$D"/run/*.pid; do [ -e "$it" ] && stop "$(basename "$it" .pid)"; done ;;
    *) sed -n '2,8p' "$0"; exit 2 ;;
esac
