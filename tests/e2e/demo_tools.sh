#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo and its tools, as a user runs them: worker, load, and the whole thing; above all that nothing stays behind.
# TAP on stdout. The cases that start the daemon need root.
set -u
BUILD=${PLM_BUILD:-build/release}
DIR=$(mktemp -d /tmp/plm-e2e-demo-XXXXXX)
PIDS=()
n=0
failed=0

# shellcheck disable=SC2317 # called by the trap
finish() {
    for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done
    rm -rf "$DIR"
}
trap finish EXIT

# report NAME STATUS [DETAIL]
report() {
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        failed=1
        echo "not ok $n - $1"
        [ -n "${3:-}" ] && echo "# $3"
    fi
    return 0
}

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# worker NAME=VALUE...: starts one, sets WORKER to its pid
worker() {
    env "$@" "$BUILD/plm-demo-worker" 2>>"$DIR/worker.log" &
    WORKER=$!
    PIDS+=("$WORKER")
    for _ in $(seq 100); do
        curl -fs -o /dev/null "http://127.0.0.1:$PORT/healthz" && return
        sleep 0.02
    done
}

cpu_ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# --- the worker ---

PORT=$(free_port)
worker PORT="$PORT" DEMO_CPU_MS=5
before=$(cpu_ticks "$WORKER")
"$BUILD/plm-demo-load" -p "$PORT" -P 1:60 -a even >/dev/null 2>"$DIR/load.log"
served=$?
used=$((($(cpu_ticks "$WORKER") - before) * 10))
[ $served -eq 0 ] && [ "$used" -ge 290 ] && [ "$used" -le 390 ]
report "worker__sixty_requests_of_5_ms__uses_300_ms_of_cpu" $? "status $served, $used ms"
code=$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$PORT/")
[ "$code" = 405 ]
report "worker__post__405" $? "$code"
code=$(curl -s -o /dev/null -w '%{http_code}' -H "X: $(printf 'x%.0s' $(seq 2000))" "http://127.0.0.1:$PORT/")
[ "$code" = 431 ]
report "worker__head_too_large__431" $? "$code"
kill -STOP "$WORKER"
"$BUILD/plm-demo-load" -p "$PORT" -P 2:20 -a even >"$DIR/stalled.csv" 2>"$DIR/load.log" &
load=$!
sleep 1
kill -CONT "$WORKER"
wait $load
# The first request waited a second; one sent only after the stall would have waited none.
awk -F, 'NR == 2 && $2 == 20 { sent = 1 } $6 > 900 { waited = 1 } END { exit !(sent && waited) }' "$DIR/stalled.csv"
report "load__server_stalls__arrivals_go_on_and_the_wait_is_measured" $? "$(tr '\n' ' ' <"$DIR/stalled.csv")"
kill "$WORKER"
wait "$WORKER"
report "worker__sigterm__exits_0" $?
DEMO_CPU_MS=x PORT=1 "$BUILD/plm-demo-worker" 2>"$DIR/err"
[ $? -eq 2 ] && grep -q 'DEMO_CPU_MS' "$DIR/err"
report "worker__bad_environment__status_2_and_names_it" $? "$(cat "$DIR/err")"

PORT=$(free_port)
worker DEMO_PORT="$PORT" DEMO_CPU_MS=2
first=$WORKER
"$BUILD/plm-demo-load" -p "$PORT" -P 5:150 >/dev/null 2>"$DIR/load.log" &
load=$!
for _ in $(seq 15); do
    worker DEMO_PORT="$PORT" DEMO_CPU_MS=2
    sleep 0.2
    kill "$WORKER"
    wait "$WORKER"
done
wait $load
report "worker__fifteen_leave_a_shared_port_under_load__no_request_lost" $? "$(cat "$DIR/load.log")"
kill "$first"
wait "$first"

# --- the load ---

"$BUILD/plm-demo-load" -p "$(free_port)" -P 1:5 -a even >"$DIR/none.csv" 2>"$DIR/load.log"
[ $? -eq 1 ] && grep -q 'ok 0, .*reset 5' "$DIR/load.log"
report "load__nobody_listens__all_failed_and_status_1" $? "$(cat "$DIR/load.log")"
"$BUILD/plm-demo-load" -p 1 -P 1:x 2>"$DIR/err"
[ $? -eq 2 ] && grep -q 'from 0 to' "$DIR/err"
report "load__bad_profile__status_2_and_legal_range" $? "$(cat "$DIR/err")"

# --- the demo ---

"$BUILD/plm-demo" --seconds 5 2>"$DIR/err"
[ $? -eq 2 ] && grep -q 'from 24 to 600' "$DIR/err"
report "demo__bad_length__status_2_and_legal_range" $? "$(cat "$DIR/err")"

# What of the demo with pid $1 is still there; empty = nothing.
remains() {
    ls -d "$DIR"/tmp/* /sys/fs/cgroup{,/*}/plimsoll-demo-"$1" 2>/dev/null
    for f in /proc/[0-9]*/cmdline; do
        { tr '\0' ' ' <"$f"; } 2>/dev/null | grep -F "$DIR/tmp/"
    done
    return 0
}

nothing_remains() {
    for _ in $(seq 250); do
        [ -z "$(remains "$1")" ] && return 0
        sleep 0.1
    done
    return 1
}

# start_demo ARGS...: sets DEMO to its pid
start_demo() {
    mkdir -p "$DIR/tmp"
    TMPDIR=$DIR/tmp "$BUILD/plm-demo" --svg "$DIR/demo.svg" "$@" >"$DIR/demo.log" 2>&1 &
    DEMO=$!
    PIDS+=("$DEMO")
}

# Waits until the demo's tasks run under load.
wait_load() {
    for _ in $(seq 200); do
        grep -q ' 0:0[1-9] ' "$DIR/demo.log" && return 0
        sleep 0.1
    done
    return 1
}

tail_of_log() {
    tail -n 12 "$DIR/demo.log" | sed 's/^/# /'
}

if [ "$(id -u)" -ne 0 ]; then
    skip "demo" "needs root"
else
    start_demo --quick
    wait "$DEMO"
    report "demo__quick__every_claim_holds" $? "$(tail_of_log)"
    nothing_remains "$DEMO"
    report "demo__ended__nothing_remains" $? "$(remains "$DEMO")"
    python3 -c 'import sys, xml.dom.minidom as m; assert len(m.parse(sys.argv[1]).getElementsByTagName("path")) > 10' "$DIR/demo.svg"
    report "demo__plot__well_formed_with_curves" $?
    ! grep -q $'\033' "$DIR/demo.log"
    report "demo__not_a_terminal__no_colour" $?

    start_demo --quick
    wait_load
    kill -INT "$DEMO"
    wait "$DEMO"
    status=$?
    [ $status -eq 130 ] && [ -z "$(remains "$DEMO")" ]
    report "demo__interrupted__status_130_and_nothing_remains" $? "status $status $(remains "$DEMO")"

    start_demo --quick
    wait_load
    kill -9 "$DEMO"
    wait "$DEMO" 2>/dev/null
    nothing_remains "$DEMO"
    report "demo__killed__nothing_remains" $? "$(remains "$DEMO")"

    start_demo --quick
    wait_load
    kill -9 "$(pgrep -P "$DEMO")"
    wait "$DEMO"
    status=$?
    [ $status -eq 1 ] && nothing_remains "$DEMO"
    report "demo__its_keeper_killed__status_1_and_nothing_remains" $? "status $status $(remains "$DEMO")"

    start_demo --quick
    wait_load
    kill -9 "$(pgrep -P "$(pgrep -P "$DEMO")" plimsolld)"
    wait "$DEMO"
    status=$?
    [ $status -eq 1 ] && grep -q 'ended by signal 9' "$DIR/demo.log" && nothing_remains "$DEMO"
    report "demo__daemon_killed__says_so_and_nothing_remains" $? "status $status $(remains "$DEMO")"
fi
echo "1..$n"
exit $failed
