#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Boots a kernel with an initial RAM file system and an empty disk, and waits for its end. FOLDER gets console.log (what
# the kernel says) and job.log (what /job prints). Ends with 124 when the time is up. PLM_VM_ACCEL: tcg (default) needs
# nothing of the machine; kvm is faster where there is one.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

MEMORY_MIB=1024
CPUS=2
DISK_MIB=256

[ $# -ge 4 ] || { echo "Usage: tools/vm/boot.sh FOLDER SECONDS KERNEL INITRAMFS [KERNEL ARGUMENT]..." >&2 && exit 2; }
folder=$1 seconds=$2 kernel=$3 initramfs=$4
shift 4

disk=$folder/disk.img
trap 'rm -f "$disk"' EXIT
rm -f "$disk" "$folder/console.log" "$folder/job.log"
truncate -s "${DISK_MIB}M" "$disk"
mkfs.ext4 -q -F "$disk"
timeout -k 5 "$seconds" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35 \
    -accel "${PLM_VM_ACCEL:-tcg}" -cpu max -smp "$CPUS" -m "$MEMORY_MIB" -kernel "$kernel" -initrd "$initramfs" \
    -append "console=ttyS0 loglevel=4 panic=-1 $*" \
    -drive "file=$disk,format=raw,if=virtio,cache=unsafe" \
    -serial "file:$folder/console.log" -serial "file:$folder/job.log" </dev/null
