#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The test runner must not call a broken test good: what it says of programs that fail, die, hang or say nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
n=0

# name, expected last line, expected exit status, then the body of a test script (or several, each one argument)
case_is() {
    local name=$1 want=$2 want_rc=$3 i=0 files=() out rc last
    shift 3
    for body in "$@"; do
        i=$((i + 1))
        printf '#!/bin/sh\n%s\n' "$body" >"$folder/t$i.sh"
        chmod +x "$folder/t$i.sh"
        files+=("$folder/t$i.sh")
    done
    out=$(tests/run -t 2 -l "$folder/logs" "${files[@]}" 2>&1)
    rc=$?
    last=${out##*$'\n'}
    n=$((n + 1))
    if [ "$last" = "$want" ] && [ $rc -eq "$want_rc" ]; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        echo "# wanted \"$want\" and exit status $want_rc, got \"$last\" and $rc"
        sed 's/^/# | /' <<<"$out"
    fi
    output=$out
}
shows() { # name, text that the last output must hold
    n=$((n + 1))
    if grep -qF -- "$2" <<<"$output"; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

case_is run__all_pass__counts_them "3 passed, 0 failed" 0 'echo "1..2"; echo "ok 1 - a"; echo "ok 2 - b"' 'echo "ok 1 - c"'
case_is run__a_case_fails__fails "1 passed, 1 failed" 1 'echo "ok 1 - a"; echo "not ok 2 - b"; echo "# because of this"; exit 1'
shows run__a_case_fails__shows_its_output "# because of this"
case_is run__a_case_fails_but_exit_is_0__fails "0 passed, 1 failed" 1 'echo "not ok 1 - b"'
case_is run__dies_of_a_signal__fails "1 passed, 1 failed" 1 'echo "ok 1 - a"; kill -SEGV $$'
shows run__dies_of_a_signal__says_so "killed by signal 11"
case_is run__hangs__fails "1 passed, 1 failed" 1 'echo "ok 1 - a"; sleep 30'
shows run__hangs__says_so "stopped after 2 s"
case_is run__prints_nothing__fails "0 passed, 1 failed" 1 ':'
case_is run__prints_no_tap__fails "0 passed, 1 failed" 1 'echo all is well'
case_is run__exit_status_without_failure__fails "1 passed, 1 failed" 1 'echo "ok 1 - a"; exit 3'
case_is run__plan_not_reached__fails "1 passed, 1 failed" 1 'echo "1..2"; echo "ok 1 - a"'
case_is run__more_than_planned__fails "2 passed, 1 failed" 1 'echo "1..1"; echo "ok 1 - a"; echo "ok 2 - b"'
case_is run__bails_out__fails "1 passed, 1 failed" 1 'echo "ok 1 - a"; echo "Bail out! no memory"'
case_is run__cmocka_group_setup_fails__fails "0 passed, 2 failed" 1 \
    'echo "1..2"; echo "not ok 0 - g [  FAILED  ] GROUP SETUP"; echo "# ok - t"'
case_is run__skip__counted_apart "1 passed, 0 failed, 1 skipped" 0 'echo "ok 1 - a"; echo "ok 2 - b # SKIP no docker"'
shows run__skip__shows_the_reason "skip: b: no docker"
case_is run__cmocka_skip__counted_apart "1 passed, 0 failed, 1 skipped" 0 \
    'echo "ok 1 - a"; echo "# not root"; echo "not ok 2 # SKIP b"'
shows run__cmocka_skip__shows_the_reason "skip: b: not root"
case_is run__only_skips__is_not_a_success "0 passed, 0 failed, 1 skipped" 1 'echo "1..0 # SKIP nothing here"'
case_is run__one_of_two_files_fails__goes_on "1 passed, 1 failed" 1 'exit 1' 'echo "ok 1 - c"'
case_is run__own_time_limit__wins "0 passed, 1 failed" 1 '# timeout: 1
sleep 1.5; echo "ok 1 - late"'
out=$(tests/run -l "$folder/logs" "$folder/absent" 2>&1)
rc=$?
n=$((n + 1))
[ $rc -eq 1 ] && [ "${out##*$'\n'}" = "0 passed, 1 failed" ] && echo "ok $n - run__no_such_file__fails" ||
    echo "not ok $n - run__no_such_file__fails"
echo "1..$n"
