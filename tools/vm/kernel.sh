#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches the cloud kernel of one Debian suite and unpacks it into build/vm/SUITE/, where it stays. Installs nothing and leaves
# the machine's own apt as it is: lists and cache are in that folder, too, and the mirror is the one that the machine uses.
# Prints "version=… kernel=… modules=…", or one line that says why the kernel cannot be had, and ends with 1.
set -euo pipefail
cd "$(dirname "$0")/../.."

PACKAGE=linux-image-cloud-amd64

refuse() {
    echo "$*"
    exit 1
}

[ $# -eq 1 ] || { echo "Usage: tools/vm/kernel.sh SUITE" >&2 && exit 2; }
suite=$1
folder=$PWD/build/vm/$suite

answer() {
    local version
    version=$(cat "$folder/version")
    echo "version=$version kernel=$folder/unpacked/boot/vmlinuz-$version modules=$folder/unpacked"
}
if [ -e "$folder/version" ]; then
    answer
    exit 0
fi

command -v apt-get >/dev/null || refuse "no apt-get on this machine"
[ "$(dpkg --print-architecture)" = amd64 ] || refuse "this machine is $(dpkg --print-architecture), the kernels are for amd64"

# The suite as the machine's own sources have it, with its security updates; else the suite from the same mirror.
sources() {
    # shellcheck disable=SC2016 # apt's own dollars
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
        awk -v suite="$suite" '
            $3 != "main" || $4 != "Debian" { next }
            $2 ~ "^" suite "(-|$)" { own[++n] = "deb " $1 " " $2 " main"; next }
            $2 !~ /-/ && mirror == "" { mirror = $1 }
            END {
                for (i = 1; i <= n; i++) print own[i]
                if (!n && mirror != "") print "deb " mirror " " suite " main"
            }'
}

mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
sources >"$folder/apt/sources.list" 2>"$folder/apt/log" || true
[ -s "$folder/apt/sources.list" ] || refuse "no Debian mirror in this machine's apt sources"
own=(-o "Dir::Etc::sourcelist=$folder/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache"
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o APT::Update::Error-Mode=any)
# apt gives up root for the download where it can; the folder may be out of that user's reach.
[ "$(id -u)" -ne 0 ] || own+=(-o APT::Sandbox::User=root)

apt-get -qq "${own[@]}" update >>"$folder/apt/log" 2>&1 ||
    refuse "apt-get update for $suite failed: $(grep -m 1 '^E:' "$folder/apt/log" || tail -n 1 "$folder/apt/log")"
# The package is empty and depends on the kernel of the day.
image=$(apt-cache "${own[@]}" depends "$PACKAGE" 2>>"$folder/apt/log" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$image" ] || refuse "$suite has no $PACKAGE"
rm -rf "$folder/deb" "$folder/unpacked"
mkdir -p "$folder/deb"
(cd "$folder/deb" && apt-get -qq "${own[@]}" download "$image") >>"$folder/apt/log" 2>&1 ||
    refuse "apt-get download $image failed: $(grep -m 1 '^E:' "$folder/apt/log" || tail -n 1 "$folder/apt/log")"
dpkg -x "$folder"/deb/*.deb "$folder/unpacked"
rm -rf "$folder/deb" "$folder/apt/cache"
# Newer suites keep modules in /usr/lib.
[ -e "$folder/unpacked/lib" ] || ln -s usr/lib "$folder/unpacked/lib"
version=${image#linux-image-}
depmod -b "$folder/unpacked" "$version"
echo "$version" >"$folder/version"
answer
