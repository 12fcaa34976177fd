#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that building, testing and linting Plimsoll need, and nothing when all are there.
# What is missing is told by looking for the thing itself (program, library, module), so a self-built one counts too.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin

# group  package  how to tell that it is there (cmd:program, pc:pkg-config module, py:Python module, path:file, rt: libFuzzer)
TABLE='
build  make                      cmd:make
build  gcc                       cmd:cc
build  pkg-config                cmd:pkg-config
build  clang                     cmd:clang
build  llvm                      cmd:llvm-strip
build  bpftool                   cmd:bpftool
build  libbpf-dev                pc:libbpf
build  libelf-dev                pc:libelf
build  zlib1g-dev                pc:zlib
build  libmicrohttpd-dev         pc:libmicrohttpd
build  libcjson-dev              pc:libcjson
build  libcurl4-openssl-dev      pc:libcurl
build  libsqlite3-dev            pc:sqlite3
build  libncurses-dev            pc:ncursesw
build  libcap-dev                pc:libcap
test   libcmocka-dev             pc:cmocka
test   libclang-rt-14-dev        rt:
test   prometheus                cmd:promtool
test   python3                   path:/usr/bin/python3
test   python3-prometheus-client py:prometheus_client
test   curl                      cmd:curl
test   sqlite3                   cmd:sqlite3
test   tmux                      cmd:tmux
test   procps                    cmd:ps
test   tzdata                    path:/usr/share/zoneinfo/Europe/Berlin
lint   clang-tidy                cmd:clang-tidy
lint   clang-format              cmd:clang-format
lint   cppcheck                  cmd:cppcheck
lint   shellcheck                cmd:shellcheck
vm     qemu-system-x86           cmd:qemu-system-x86_64
vm     busybox-static            cmd:busybox
vm     kmod                      cmd:depmod
vm     cpio                      cmd:cpio
vm     e2fsprogs                 cmd:mkfs.ext4
vm     xz-utils                  cmd:xz
'
GROUPS_ALL='build test lint'

usage() {
    cat <<END
Usage: tools/setup.sh [--check] [build] [test] [lint] [vm]
Installs what is missing on Debian 12 (or a relative of it); without a group: build, test and lint. A group includes those
before it, but vm, which includes build and test.

      --check  installs nothing: lists what is missing and ends with 1, or ends with 0
  -h, --help
END
}

installed() { # package
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

present() { # package probe
    case $2 in
    cmd:*) command -v "${2#cmd:}" >/dev/null ;;
    # Without pkg-config only the package database can tell.
    pc:*) if command -v pkg-config >/dev/null; then pkg-config --exists "${2#pc:}"; else installed "$1"; fi ;;
    # The distribution's Python: another one that comes first in PATH would not see the package.
    py:*) [ -x /usr/bin/python3 ] && /usr/bin/python3 -c "import ${2#py:}" 2>/dev/null ;;
    path:*) [ -e "${2#path:}" ] ;;
    rt:)
        command -v clang >/dev/null &&
            compgen -G "$(clang -print-resource-dir)/lib/*/libclang_rt.fuzzer*.a" >/dev/null
        ;;
    esac
}

# Packages of the wanted groups that are not there, one per line.
missing() {
    local group package probe
    while read -r group package probe; do
        case " $wanted " in *" $group "*) ;; *) continue ;; esac
        present "$package" "$probe" || echo "$package"
    done < <(grep . <<<"$TABLE")
}

# Debian starts the services of new packages (prometheus is here for promtool only): a policy-rc.d that forbids it stands
# in during the installation.
POLICY=/usr/sbin/policy-rc.d
guard_services() {
    if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
        mv "$POLICY" "$POLICY.plimsoll-saved"
    fi
    trap unguard_services EXIT
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
}
unguard_services() {
    rm -f "$POLICY"
    if [ -e "$POLICY.plimsoll-saved" ] || [ -L "$POLICY.plimsoll-saved" ]; then
        mv "$POLICY.plimsoll-saved" "$POLICY"
    fi
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    local apt=(apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    echo "setup: apt-get update"
    "${apt[@]}" update </dev/null || echo "setup: apt-get update failed, trying with the package lists at hand" >&2
    echo "setup: apt-get install --no-install-recommends $*"
    guard_services
    "${apt[@]}" install --yes --no-install-recommends "$@" </dev/null >/dev/null
    unguard_services
    trap - EXIT
    # It must not start at the next boot either.
    case " $* " in
    *" prometheus "*)
        if command -v deb-systemd-helper >/dev/null; then
            DPKG_MAINTSCRIPT_PACKAGE=prometheus deb-systemd-helper disable prometheus.service >/dev/null 2>&1 ||
                echo "setup: could not disable prometheus.service" >&2
        fi
        ;;
    esac
}

is_check=0
wanted=
for arg in "$@"; do
    case $arg in
    --check) is_check=1 ;;
    build) wanted+=" build" ;;
    test) wanted+=" build test" ;;
    lint) wanted+=" build test lint" ;;
    vm) wanted+=" build test vm" ;;
    -h | --help) usage && exit 0 ;;
    *) echo "setup: unknown argument '$arg'" >&2 && usage >&2 && exit 2 ;;
    esac
done
wanted=${wanted:-$GROUPS_ALL}

mapfile -t packages < <(missing)
if [ ${#packages[@]} -eq 0 ]; then
    [ $is_check -eq 1 ] || echo "setup: everything for${wanted:+ $wanted} is installed" | tr -s ' '
    exit 0
fi
if [ $is_check -eq 1 ]; then
    {
        echo "missing (Debian package names): ${packages[*]}"
        echo "install them as root with: tools/setup.sh"
    } >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "setup: no apt-get here; install these by the names your distribution gives them: ${packages[*]}" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "setup: not root; run: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
    exit 1
fi
install_packages "${packages[@]}"
mapfile -t packages < <(missing)
if [ ${#packages[@]} -ne 0 ]; then
    echo "setup: still missing after the installation: ${packages[*]}" >&2
    exit 1
fi
echo "setup: done"
