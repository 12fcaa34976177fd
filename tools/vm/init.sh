#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
#
# The first process of the virtual machine (tools/vm/image.sh): file systems, cgroups as the kernel's command line wants
# them, then /job with its output on the second serial port, then the end. `plm.cgroups=` v2 (default) or hybrid.
/bin/busybox mkdir -p /bin /sbin /proc /sys
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ LANG=C.UTF-8

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs trace /sys/kernel/tracing
mount -t tmpfs tmp /run
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
for module in /modules/*.ko; do
    [ -e "$module" ] && insmod "$module"
done
# A file cache to measure needs files on a disk.
mount -t ext4 /dev/vda /var/tmp || echo "init: no disk" >&2
ip link set lo up

case $(cat /proc/cmdline) in
*plm.cgroups=hybrid*)
    mount -t tmpfs cgroup /sys/fs/cgroup
    mkdir /sys/fs/cgroup/unified && mount -t cgroup2 cgroup /sys/fs/cgroup/unified
    for controllers in memory pids cpu,cpuacct; do
        mkdir "/sys/fs/cgroup/$controllers"
        mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
    done
    ;;
*)
    mount -t cgroup2 cgroup /sys/fs/cgroup
    for controller in cpu memory pids io; do # as systemd does
        echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
    done
    ;;
esac

stty -F /dev/ttyS1 raw 2>/dev/null
/job >/dev/ttyS1
echo "@done $?" >/dev/ttyS1
sync
reboot -f # qemu -no-reboot ends
