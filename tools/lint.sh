#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Static checks of the whole tree as TAP, one case per tool and, for clang-tidy, per file; a finding is a failure.
# `--format` instead formats every C file.
set -u
cd "$(dirname "$0")/.." || exit 1

JOBS=${JOBS:-$(nproc)}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

sources() { # extension pattern; the tree's files, new ones included
    if [ -e .git ] && command -v git >/dev/null; then
        git -c safe.directory='*' ls-files -co --exclude-standard -- bpf userspace tests tools .ci
    else
        find bpf userspace tests tools .ci -type f | sort
    fi | grep -E "$1" | while read -r f; do [ -f "$f" ] && echo "$f"; done
}

mapfile -t all_c < <(sources '\.[ch]$')
if [ "${1:-}" = --format ]; then
    exec clang-format -i "${all_c[@]}"
fi

n=0
result() { # name, exit status, file with the findings
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        head -n 200 "$3" | sed 's/^/# /'
    fi
}

# Everything compiles without a warning, with both compilers. -O2 is on: some warnings need it.
for compiler in gcc clang; do
    env -u MAKEFLAGS -u MFLAGS make --no-print-directory -j"$JOBS" -k CC=$compiler VARIANT=lint-$compiler WERROR=-Werror _objects >"$out/log" 2>&1
    result "$compiler -Werror" $? "$out/log"
done

# clang-format 14: other versions differ in detail.
clang-format --dry-run -Werror "${all_c[@]}" >"$out/log" 2>&1
rc=$?
grep -E 'error:' "$out/log" | sed 's/:[0-9]*:[0-9]*:.*//' | sort | uniq -c | awk '{ print $2 ": " $1 " lines differ; run make format" }' >"$out/format"
result "clang-format" $rc "$out/format"

mapfile -t scripts < <({ sources '\.sh$'; echo tests/run; echo tests/bench/run; echo .ci/run; } | sort -u)
shellcheck --severity=info --external-sources "${scripts[@]}" >"$out/log" 2>&1
result "shellcheck" $? "$out/log"

# As the compiler sees them: same flags, and the skeletons of the clang build above. Test programs are left to the compilers:
# cmocka's macros are what most findings there are about.
includes=(-Iuserspace -Ibpf -Itools/demo)
mapfile -t tidy < <(sources '^(userspace|tools)/.*\.c$')

# Not resourceLeak and memleak: cppcheck does not know the cleanup attribute. Not uninitvar: it thinks that a function handed the
# address of a variable might not set it even when it says that it did. Not "portability": that is readdir_r and its like, for threads.
# The analyzer below looks for all of these and knows better.
cppcheck --quiet --std=c11 --enable=warning,performance --inline-suppr --error-exitcode=1 -j "$JOBS" --library=posix \
    --suppress=missingIncludeSystem --suppress=resourceLeak --suppress=memleak --suppress=uninitvar --suppress=legacyUninitvar \
    -D_GNU_SOURCE -D__x86_64__ -DPLM_VERSION='"0"' --include=tools/lint_macros.h \
    "${includes[@]}" "${tidy[@]}" >"$out/log" 2>&1
result "cppcheck" $? "$out/log"

tidy_one() {
    local itself=
    case $1 in
    userspace/base/err.c) itself=-DPLM_LINT_ERR_ITSELF ;;
    userspace/base/json.c) itself=-DPLM_LINT_JSON_ITSELF ;;
    esac
    clang-tidy --quiet --warnings-as-errors='*' "$1" -- -std=gnu11 -D_GNU_SOURCE -DPLM_VERSION='"0"' -Iuserspace -Ibpf -Itools/demo \
        -Ibuild/lint-clang/skel $itself -include tools/lint_model.h >"$2/${1//\//__}.tidy" 2>"$2/${1//\//__}.err"
    echo $? >"$2/${1//\//__}.rc"
    # A file that does not even parse says so on the other stream.
    grep -E 'error' "$2/${1//\//__}.err" >>"$2/${1//\//__}.tidy"
}
export -f tidy_one
printf '%s\n' "${tidy[@]}" | xargs -P "$JOBS" -I{} bash -c "tidy_one {} '$out'"
for f in "${tidy[@]}"; do
    result "clang-tidy $f" "$(cat "$out/${f//\//__}.rc")" "$out/${f//\//__}.tidy"
done
echo "1..$n"
