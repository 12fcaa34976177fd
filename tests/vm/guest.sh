#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
#
# What runs inside each virtual machine. Output goes to matrix.py: "@begin NAME", the lines, "@end NAME STATUS".
cd /tmp || exit 1

step() { # name, command...
    name=$1
    shift
    echo "@begin $name"
    "$@"
    status=$?
    echo
    echo "@end $name $status"
}
timed() {
    begin=$(cut -d ' ' -f 1 /proc/uptime)
    "$@"
    status=$?
    echo "# from $begin to $(cut -d ' ' -f 1 /proc/uptime) s after boot"
    return $status
}

# A cgroup whose CPU time is final before anyone samples it.
load() {
    v2=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts)
    mkdir "$v2/vm-load"
    sh -c "echo 0 >'$v2/vm-load/cgroup.procs'; i=0; while [ \$i -lt 20000 ]; do i=\$((i + 1)); done"
    cat "$v2/vm-load/cpu.stat"
}

daemon() {
    echo '{ "sample_interval_ms": 200, "state_dir": "/run/state", "socket": "/run/plimsoll.sock" }' >/tmp/plimsoll.json
    plimsolld --config.file=/tmp/plimsoll.json >/run/daemon.log 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        wget -q -O /run/ready http://127.0.0.1:17546/readyz && wget -q -O /run/metrics http://127.0.0.1:17546/metrics && break
        sleep 0.5
    done
    cat /run/ready
    echo
    grep -E 'vm-load|plimsoll_(rung|source|events|bpf)|capab' /run/metrics
    kill -TERM $pid
    wait $pid
    status=$?
    sed 's/^/log: /' /run/daemon.log
    return $status
}

step load load
step doctor plimsoll doctor
step doctor_json plimsoll doctor -o json
step sample plimsoll sample --cgroup / -o json
step daemon daemon
# The messages of failed cases are on the other stream.
step accounting timed test_accounting 2>&1
