#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `make install` and `make uninstall`: one list of files for both, so that what the first puts there the second removes, and no more.
# Folders come from the environment (Makefile): DESTDIR BINDIR SBINDIR DATADIR UNITDIR SYSCONFDIR.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=$1
build=$2
root=${DESTDIR:-}

# mode  source  target
list() {
    echo "755 $build/plimsoll $BINDIR/plimsoll"
    echo "755 $build/plimsolld $SBINDIR/plimsolld"
    echo "644 tools/systemd/plimsolld.service $UNITDIR/plimsolld.service"
    echo "644 tools/systemd/hardened.conf $DATADIR/systemd/hardened.conf"
    echo "644 LICENSE $DATADIR/LICENSE"
    find policies -type f 2>/dev/null | sort | while read -r f; do echo "644 $f $DATADIR/$f"; done
    # Last: the one that people change.
    echo "644 tools/systemd/plimsoll.json $SYSCONFDIR/plimsoll/plimsoll.json"
}

# The unit names where the daemon and its configuration are.
content() {
    case $1 in
    *.service) sed -e "s|/usr/sbin/plimsolld|$SBINDIR/plimsolld|" -e "s|/etc/|$SYSCONFDIR/|" "$1" ;;
    *) cat "$1" ;;
    esac
}

is_config() { [ "$1" = "$SYSCONFDIR/plimsoll/plimsoll.json" ]; }

put() {
    while read -r bits source target; do
        if is_config "$target" && [ -e "$root$target" ]; then
            echo "kept     $root$target"
            continue
        fi
        mkdir -p "$(dirname "$root$target")"
        content "$source" >"$root$target.new"
        chmod "$bits" "$root$target.new"
        mv "$root$target.new" "$root$target"
        echo "installed $root$target"
    done < <(list)
    mkdir -p "$root$SYSCONFDIR/plimsoll/policies.d" "$root$SYSCONFDIR/plimsoll/plimsoll.d"
}

take_away() {
    while read -r _ source target; do
        [ -e "$root$target" ] || continue
        if is_config "$target" && ! cmp -s "$source" "$root$target"; then
            echo "kept     $root$target (changed since the installation)"
            continue
        fi
        rm -f "$root$target"
        echo "removed  $root$target"
    done < <(list)
    # Folders that are ours by name, when nothing is left in them; the deepest first.
    local folders=()
    mapfile -t folders < <(find "$root$DATADIR" -depth -type d 2>/dev/null || true)
    folders+=("$root$SYSCONFDIR/plimsoll/policies.d" "$root$SYSCONFDIR/plimsoll/plimsoll.d" "$root$SYSCONFDIR/plimsoll")
    for folder in "${folders[@]}"; do
        rmdir "$folder" 2>/dev/null || true
    done
}

case $mode in
install) put ;;
uninstall) take_away ;;
*) echo "usage: tools/install.sh install|uninstall BUILD" >&2 && exit 2 ;;
esac
