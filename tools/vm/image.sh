#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes an initial RAM file system of busybox, tools/vm/init.sh, the kernel modules for a disk, and the files named on the
# command line: programs go to /bin with the shared libraries that they need, JOB becomes /job.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)

# Built into some kernels, modules in others.
MODULES='virtio_pci virtio_blk ext4'

[ $# -ge 4 ] || { echo "Usage: tools/vm/image.sh OUT KERNEL_VERSION MODULES_ROOT JOB [PROGRAM]..." >&2 && exit 2; }
out=$1 version=$2 modules=$3 job=$4
shift 4

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,dev,etc,lib,modules,proc,run,sys,tmp,var/tmp}
ln -s bin "$root/sbin"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
cp "$job" "$root/job"
chmod 755 "$root/init" "$root/job"

n=10
# shellcheck disable=SC2086 # a list of words
for file in $(modprobe -d "$modules" -S "$version" -a --show-depends $MODULES | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'); do
    name=$n-$(basename "${file%.xz}")
    case $file in
    *.xz) xz -dc "$file" >"$root/modules/$name" ;;
    *) cp "$file" "$root/modules/$name" ;;
    esac
    n=$((n + 1))
done

for program in "$@"; do
    cp "$program" "$root/bin/"
    # "name => /path (address)", or "/path (address)" for the loader.
    ldd "$program" | sed -nE 's/^\t(.* => )?(\/[^ ]+) \(.*/\2/p'
done | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
(cd "$root" && find . -print0 | cpio --quiet --null -o -H newc -R 0:0) | gzip -1 >"$out"
