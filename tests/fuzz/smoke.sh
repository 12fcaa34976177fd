#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1800
#
# Every fuzz target for PLM_FUZZ_SECONDS (5) on a copy of its seed corpus, two at a time; one case each. The programs come from
# PLM_FUZZ_BUILD (build/fuzz). An input that breaks a target is kept in build/fuzz-findings/ and printed in base64 when it is small.
set -u
cd "$(dirname "$0")/../.." || exit 1

seconds=${PLM_FUZZ_SECONDS:-5}
programs=${PLM_FUZZ_BUILD:-build/fuzz}/tests/fuzz
findings=build/fuzz-findings
MAX_SHOWN_BYTES=4096
MAX_INPUT_BYTES=65536
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$findings"

fuzz() { # name; writes its TAP body to $work/name.tap
    local name=$1 corpus=tests/fuzz/corpus/${1#fuzz_} rc
    mkdir -p "$work/$name"
    [ ! -d "$corpus" ] || cp -r "$corpus/." "$work/$name/"
    "$programs/$name" -max_total_time="$seconds" -max_len=$MAX_INPUT_BYTES -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$findings/$name-" "$work/$name" >"$work/$name.log" 2>&1
    rc=$?
    echo $rc >"$work/$name.rc"
}
export -f fuzz
export seconds programs findings work MAX_INPUT_BYTES

names=()
for source in tests/fuzz/fuzz_*.c; do
    [ -e "$source" ] && names+=("$(basename "$source" .c)")
done
[ ${#names[@]} -gt 0 ] || { echo "1..0 # SKIP no fuzz targets"; exit 0; }
printf '%s\n' "${names[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}'

n=0
for name in "${names[@]}"; do
    n=$((n + 1))
    log=$work/$name.log
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$(cat "$work/$name.rc")" -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        echo "ok $n - $name: $runs inputs in $seconds s, $(find "tests/fuzz/corpus/${name#fuzz_}" -type f 2>/dev/null | wc -l) seeds"
        continue
    fi
    echo "not ok $n - $name"
    grep -vE '^(INFO|#[0-9]+|Dictionary|stat::)' "$log" | tail -n 40 | sed 's/^/# /'
    artifact=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    if [ -n "$artifact" ] && [ "$(stat -c %s "$artifact")" -le $MAX_SHOWN_BYTES ]; then
        echo "# $artifact in base64: $(base64 -w 0 "$artifact")"
    fi
done
echo "1..$n"
