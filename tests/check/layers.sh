#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may include whom (the tree's direction), and that the pure core calls no clock, file, socket, libbpf or curl: by its includes and,
# where objects are built, by the symbols they need. Each rule is also shown to fail on a copy of the tree that breaks it.
set -u
cd "$(dirname "$0")/../.." || exit 1

PURE='aggregate scaling identity placement cost'

# Folders whose headers a folder may include, besides its own.
may_include() {
    case $1 in
    base) echo "" ;;
    model) echo "base" ;;
    aggregate | scaling | placement | cost | identity) echo "base model" ;;
    kernel | backends | exports | api) echo "base model" ;;
    # The command line runs parts of the daemon's work without it: doctor and sample, policy check, simulate.
    cli) echo "base model kernel scaling aggregate" ;;
    daemon) echo "base model identity aggregate scaling placement cost kernel backends exports api" ;;
    *) return 1 ;;
    esac
}

# Headers that the pure core may not include: the outside world by name.
PURE_FORBIDDEN='^(time\.h|sys/time\.h|unistd\.h|fcntl\.h|dirent\.h|sys/(socket|stat|mman|epoll|timerfd|ioctl)\.h|netinet/.*|arpa/.*|netdb\.h|pthread\.h|bpf/.*|linux/bpf\.h|curl/.*|sqlite3\.h|microhttpd\.h|base/(log|fs|http|db|loop)\.h)$'
# Functions that the pure core may not need at link time (same idea, below any header).
PURE_SYMBOLS='^(time|gettimeofday|clock_.*|nanosleep|sleep|usleep|(__)?open(at)?(64)?(_2)?|f?open(64)?|popen|opendir|(__)?p?read(64)?(_chk)?|p?write(64)?|socket|connect|send.*|recv.*|poll|select|epoll_.*|fork|exec.*|system|getenv|secure_getenv|(v|f)?printf|__(v|f)?printf_chk|puts|fputs|syslog|plm_clock_.*|plm_log.*|plm_fs_.*|plm_http_.*|plm_db_.*|plm_loop_.*|curl_.*|sqlite3_.*|bpf_.*|libbpf_.*|MHD_.*)$'

# Prints one line per offence in the tree at $1.
offences() {
    local file mark header folder target allowed
    (
        cd "$1" || exit 1
        grep -rE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' userspace |
            sed -E 's/^([^:]*):[^<"]*([<"])([^>"]*)[>"].*/\1 \2 \3/' | while read -r file mark header; do
            folder=${file#userspace/}
            folder=${folder%%/*}
            allowed=$(may_include "$folder") || { echo "$file: the folder has no rule" && continue; }
            [[ " $PURE " != *" $folder "* || ! $header =~ $PURE_FORBIDDEN ]] || echo "$file: pure, but includes $header"
            [ "$mark" = '"' ] || continue
            case $header in
            *.skel.h | plm_abi.h)
                [ "$folder" = kernel ] || echo "$file: $header is for userspace/kernel only"
                continue
                ;;
            */*) target=${header%%/*} ;;
            *) continue ;; # its own folder
            esac
            if [ "$target" = .. ]; then
                echo "$file: include $header by its path from userspace/"
            elif [ ! -d "userspace/$target" ]; then
                [ -e "$(dirname "$file")/$header" ] || echo "$file: includes $header, which is in no folder of userspace/"
            elif [[ $target != "$folder" && " $allowed " != *" $target "* ]]; then
                echo "$file: $folder may not include $header"
            fi
        done
        for folder in $PURE; do
            [ -d "userspace/$folder" ] || continue
            grep -nE '\bplm_clock_[a-z]+ *\(' -r "userspace/$folder" | sed 's/^/pure, but calls the clock: /'
        done
    )
}

# Prints one line per forbidden symbol that the objects below $1 need.
needed_symbols() {
    for folder in $PURE; do
        find "$1/userspace/$folder" -name '*.o' 2>/dev/null | sort | while read -r object; do
            nm -u "$object" | awk '{ sub(/@.*/, "", $NF); print $NF }' | grep -E "$PURE_SYMBOLS" | sed "s|^|${object#"$1"/} needs |"
        done
    done
}

n=0
result() { # text, offences
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' <<<"$2"
    fi
}

result "layers__this_tree__no_offence" "$(offences .)"

objects=${PLM_BUILD:-build/release}
if [ -n "$(find "$objects/userspace/aggregate" -name '*.o' 2>/dev/null)" ]; then
    result "pure_core__symbols_needed__none_of_the_outside_world" "$(needed_symbols "$objects")"
else
    n=$((n + 1))
    echo "ok $n - pure_core__symbols_needed__none_of_the_outside_world # SKIP no objects in $objects"
fi

# The test must be able to fail: a copy with one line too many, each of another kind.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
catches() { # name, file, line that breaks the rule
    rm -rf "$copy/userspace"
    cp -r userspace "$copy/"
    mkdir -p "$(dirname "$copy/$2")"
    echo "$3" >>"$copy/$2"
    result "$1" "$([ -n "$(offences "$copy")" ] || echo "not noticed: '$3' in $2")"
}
catches layers__base_includes_model__noticed userspace/base/num.h '#include "model/sample.h"'
catches layers__edge_includes_edge__noticed userspace/exports/exports.h '#include "backends/backend.h"'
catches layers__core_includes_edge__noticed userspace/aggregate/aggregate.c '#include "kernel/source.h"'
catches layers__core_includes_other_core__noticed userspace/aggregate/aggregate.h '#include "identity/identity.h"'
catches layers__daemon_includes_cli__noticed userspace/daemon/config.c '#include "cli/cli.h"'
catches layers__core_includes_time__noticed userspace/scaling/scaling.h '#include <time.h>'
catches layers__core_includes_log__noticed userspace/identity/identity.c '#include "base/log.h"'
catches layers__core_calls_clock__noticed userspace/aggregate/aggregate.c 'static plm_ns t(void) { return plm_clock_mono(); }'
catches layers__abi_outside_kernel__noticed userspace/model/sample.h '#include "plm_abi.h"'
catches layers__folder_without_rule__noticed userspace/misc/x.h '#include "base/err.h"'

printf '#include <time.h>\nlong t(void);\nlong t(void) { return time(0); }\n' >"$copy/t.c"
mkdir -p "$copy/userspace/cost"
if ${CC:-cc} -c "$copy/t.c" -o "$copy/userspace/cost/t.o"; then
    result pure_core__object_needs_time__noticed "$([ -n "$(needed_symbols "$copy")" ] || echo "time() not noticed")"
else
    result pure_core__object_needs_time__noticed "the sample did not compile"
fi
echo "1..$n"
