#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line as a user or a script meets it: exit codes, messages, forms of output, reading the kernel, top.
# The daemon here is one of fixed answers. It is fake_daemon.py; top's terminal is driven by cli_screen.py.
# TAP on stdout. Cases that need root are skipped without it.
set -u
BUILD=${PLM_BUILD:-build/release}
P=$(realpath "$BUILD")/plimsoll
HERE=$(dirname "$(realpath "$0")")
DIR=$(mktemp -d /tmp/plm-e2e-cli-XXXXXX)
CGROUP=/plm-e2e-cli-$$
FAKE=
n=0
failed=0
export PLIMSOLL_SOCKET=$DIR/sock TZ=UTC LC_ALL=C.UTF-8
unset NO_COLOR

# shellcheck disable=SC2317 # called by the trap
finish() {
    [ -n "$FAKE" ] && kill "$FAKE" 2>/dev/null
    for mount in $(mounts); do rmdir "$mount$CGROUP" 2>/dev/null; done
    rm -rf "$DIR"
}
trap finish EXIT

mounts() {
    awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup2?$/) print $5 }' /proc/self/mountinfo
}

# report NAME STATUS: a case; output of the last run on failure
report() {
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        failed=1
        echo "not ok $n - $1"
        { echo "code $CODE, wanted ${WANTED:-}"; head -c 1500 "$DIR/out"; head -c 1500 "$DIR/err"; } | sed 's/^/# /'
    fi
    return 0
}

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# run ARG...: the program; CODE, $DIR/out and $DIR/err
run() {
    "$P" "$@" >"$DIR/out" 2>"$DIR/err"
    CODE=$?
}

# code NAME CODE ARG...: ends with that code; usage errors, missing daemon and the like say so and print nothing
code() {
    local name=$1
    WANTED=$2
    shift 2
    run "$@"
    local bad=0
    [ "$CODE" -eq "$WANTED" ] || bad=1
    [ "$WANTED" -eq 0 ] || [ -s "$DIR/err" ] || bad=1
    case $WANTED in 2 | 3) [ -s "$DIR/out" ] && bad=1 ;; esac
    report "$name" $bad
}

# says NAME CODE PATTERN ARG...: and the message matches
says() {
    local name=$1 pattern=$3
    WANTED=$2
    shift 3
    run "$@"
    [ "$CODE" -eq "$WANTED" ] && grep -qE -- "$pattern" "$DIR/err"
    report "$name" $?
}

# prints NAME PATTERN ARG...: ends with 0 and the output matches
prints() {
    local name=$1 pattern=$2
    WANTED=0
    shift 2
    run "$@"
    [ "$CODE" -eq 0 ] && grep -qE -- "$pattern" "$DIR/out" && [ ! -s "$DIR/err" ]
    report "$name" $?
}

# python NAME SCRIPT ARG...: ends with 0 and the script, which finds the output in `out`, does not fail
python() {
    local name=$1 script=$2
    WANTED=0
    shift 2
    run "$@"
    [ "$CODE" -eq 0 ] && python3 -c "
import csv, io, json, os, sys
out = open('$DIR/out', newline='').read()
$script" 2>>"$DIR/err"
    report "$name" $?
}

# --- usage ---

code main__no_command__usage 2
prints main__help__lists_commands '^  explain ' --help
prints main__version__printed '^plimsoll [0-9]+\.[0-9]+\.[0-9]+$' --version
for command in doctor sample top services tasks scale 'policy check' 'policy list' explain activities version; do
    # shellcheck disable=SC2086 # two words
    prints "help__${command/ /_}__usage_and_options" "^Usage: plimsoll $command " $command --help
    # shellcheck disable=SC2086
    [ -s "$DIR/out" ] && [ "$("$P" help $command)" = "$(cat "$DIR/out")" ]
    report "help__${command/ /_}__both_ways_the_same" $?
done
prints help__group__lists_its_commands 'policy check' policy --help
says main__typing_error__nearest_command 2 'did you mean "services"' servces
says main__typing_error_in_group__nearest_command 2 'did you mean "policy check"' policy chek
says main__far_off_word__points_to_help 2 'plimsoll help' frobnicate
code main__group_alone__usage 2 policy
says options__typing_error__nearest_option 2 'did you mean "--interval"' sample --intervall 1
says options__out_of_range__names_option_and_range 2 '--interval is "0"; .* from 0.01 to' sample --interval 0
says options__no_number__names_option 2 '--max is "many"' activities --max many
says options__bad_choice__lists_them 2 'table, json, jsonl, csv' services -o yaml
says options__value_missing__named 2 '--cgroup needs a value' sample --cgroup
says options__value_of_a_flag__refused 2 'takes no value' services --no-headers=1
says options__ambiguous_prefix__both_named 2 '--cgroup or --count' sample --c 1
says operands__missing__named 2 'SERVICE' explain
says operands__too_many__named 2 'too many' tasks web odd
says operands__none_taken__named 2 'takes no operand' services web
says output__form_that_a_command_lacks__refused 2 'no csv form' explain web -o csv
says scale__negative__refused 2 'there is no option "-1"' scale web -1
says scale__no_number__range_named 2 'from 0 to 100000' scale web four
says sample__count_without_interval__refused 2 'needs --interval' sample --count 2
says explain__bad_time__forms_named 2 'RFC 3339' explain web --at yesterday
prints options__before_the_command__taken '"version"' -o json version
"$P" services -o json >/dev/full 2>"$DIR/err"
CODE=$?
"$P" version >/dev/full 2>>"$DIR/err"
[ $? -eq 1 ] && grep -q 'cannot write' "$DIR/err"
report main__output_cannot_be_written__fails $?

# --- no daemon ---

for command in services tasks activities 'policy list' 'explain web' 'scale web 2'; do
    # shellcheck disable=SC2086
    code "${command// /_}__no_daemon__3" 3 $command
done
says services__no_daemon__names_the_socket 3 "$DIR/other.*--socket" --socket "$DIR/other" services
code top__no_daemon_for_services__3 3 top --batch --view services
code top__no_terminal__usage 2 top
prints scale__dry_run_without_daemon__prints_the_call '^\{"desired":4\}$' scale web 4 --dry-run
prints scale__dry_run__path_is_escaped 'POST .*/api/v1/services/a%2Fb%20c/desired' scale 'a/b c' 4 -n

# --- with the daemon of fixed answers ---

mkfifo "$DIR/ready"
python3 "$HERE/fake_daemon.py" "$PLIMSOLL_SOCKET" >"$DIR/ready" 2>"$DIR/fake.log" &
FAKE=$!
read -r _ <"$DIR/ready"

prints services__table__aligned '^web +2 +2 +0 +2 +1 +10 +87\.2 +12\.5 +0  no ' services
prints services__unknown__dash '^odd +2 +2 +0 +- +- +- +- ' services
python services__control_characters__not_on_the_terminal 'assert "\x1b" not in out and out.count("\n") == 3' services
python services__no_headers__only_rows 'assert out.startswith("web") and out.count("\n") == 2' services --no-headers
python services__json__as_the_api_sent_it '
d = json.loads(out); assert d["api_version"] == 1 and d["services"][0]["cpu_usage_us"] == 9007199254740991' services -o json
python services__jsonl__one_object_a_line '
rows = [json.loads(l) for l in out.splitlines()]
assert [r["service"] for r in rows] == ["web", "odd"] and all(r["api_version"] == 1 for r in rows)
assert rows[1]["ready"] is None and rows[0]["cpu_usage_us"] == 9007199254740991 and "\x1b" not in out' services -o jsonl
python services__csv__rfc_4180 '
rows = list(csv.DictReader(io.StringIO(out, newline=""), strict=True))
assert out.count("\r\n") == 3, out.count("\r\n")
assert rows[1]["family"] == "comma, \"quote\"" and rows[1]["reason"].startswith("no room:\nall")
assert rows[1]["min"] == "" and rows[0]["min"] == "1" and rows[0]["is_deploying"] == "false"' services -o csv
python tasks__csv_without_header__no_header 'assert out.startswith("00000001") and out.count("\r\n") == 4' tasks -o csv --no-headers
python tasks__of_a_service__only_those 'assert "web" in out and "odd" not in out' tasks web
prints tasks__stopped__exit_code_is_the_reason 'STOPPED .* exit code 137$' tasks --service odd
says tasks__unknown_service__message_of_the_daemon 1 'no service "nope"' tasks nope
says tasks__half_an_answer__fails 1 'transfer closed|remaining' tasks broken
says tasks__answer_is_no_json__fails 1 'no JSON' tasks rubbish
prints policy_list__table__value_and_target 'web-cpu +web +fast +ECSServiceAverageCPUUtilization +87\.2 +50 +4 ' policy list
prints policy_list__targets__suspension '^test +web +1 +10  out ' policy list --targets
python activities__table__change '
assert "2 → 4" in out and "AlreadyAtMaxCapacity" not in out' activities web
prints activities__not_scaled__reason_and_repeats 'AlreadyAtMaxCapacity \(7 times\)' activities --include-not-scaled
python activities__csv__reason_in_its_own_column '
rows = list(csv.DictReader(io.StringIO(out, newline="")))
assert [r["not_scaled_reasons_0_code"] for r in rows] == ["", "AlreadyAtMaxCapacity"]' activities -a -o csv
python activities__max__passed_on 'assert len(json.loads(out)["activities"]) == 1' activities -a --max 1 -o json
python explain__table__whole_chain '
for part in ("desired 2, running 2", "2 ready × 87.2 / 50.0 = 3.49, proposes 4", "(decides)", "no data", "InsufficientData",
             "bounds      4 → 4", "result     2 → 4", "a-1", "CPU is at 87.2 %"):
    assert part in out, part' explain web
python explain__jsonl__one_line 'assert out.count("\n") == 1 and json.loads(out)["decision"]["result"] == 4' explain web -o jsonl
prints explain__at__passed_on 'at 2026-03-01T12:00:00\+01:00$' explain web --at 2026-03-01T12:00:00+01:00
prints scale__by_hand__from_and_to '^web: 2 → 4$' scale web 4
prints scale__same_count__said 'already 2' scale web 2
prints scale__daemon_in_dry_run__said 'nothing was changed' scale web 7
says scale__unknown_service__message_of_the_daemon 1 'no service "nope"' scale nope 1
python scale__json__answer '
d = json.loads(out); assert (d["from"], d["desired"], d["dry_run"]) == (2, 4, False)' scale web 4 -o json

# --- top ---

python top__batch_with_daemon__services_joined_with_tasks '
lines = out.splitlines()
assert "demo-host" in lines[0] and "daemon 0.1.0 ready" in lines[0] and lines[2].startswith("SERVICE"), lines
assert lines[3].split()[:2] == ["web", "0.500"] and lines[3].endswith("2/2/0") and "50.0" in lines[3], lines[3]
assert lines[4].split()[1:3] == ["-", "-"], lines[4]
assert max(map(len, lines)) <= 80, max(map(len, lines))' top --batch --width 80
python top__batch_tasks__stopped_left_out 'assert out.count("RUNNING") == 2 and "STOPPED" not in out' top -b -v tasks
python top__batch_twice__two_snapshots 'assert out.count("plimsoll top") == 2' top -b -n 2 -d 0.1
python top__filter__only_matching 'assert "web" in out and "odd" not in out' top -b -f WEB
python top__by_name_reversed__order 'assert out.index("web") < out.index("odd")' top -b --sort name --reverse
for way in q SIGTERM SIGINT; do
    python3 "$HERE/cli_screen.py" "$P" $way >"$DIR/out" 2>"$DIR/err"
    CODE=$? WANTED=0
    report "top__screen_ended_by_${way}__terminal_as_before" $CODE
done

# --- policy check ---

base='"ServiceNamespace":"ecs","ResourceId":"service/test/web","ScalableDimension":"ecs:service:DesiredCount"'
target="{$base,\"MinCapacity\":1,\"MaxCapacity\":10}"
# policy TARGET_VALUE METRIC
policy() {
    echo "{$base,\"PolicyName\":\"p\",\"PolicyType\":\"TargetTrackingScaling\",\"TargetTrackingScalingPolicyConfiguration\":{\"TargetValue\":$1,\"PredefinedMetricSpecification\":{\"PredefinedMetricType\":\"$2\"}}}"
}
good=$(policy 50 ECSServiceAverageCPUUtilization)
mkdir "$DIR/policies"
echo "{\"ScalableTargets\":[$target],\"ScalingPolicies\":[$good]}" >"$DIR/policies/good.json"
echo "{\"ScalableTargets\":[{$base,\"MinCapacity\":9,\"MaxCapacity\":2}]}" >"$DIR/bounds.json"
echo "{\"ScalableTargets\":[$target],\"ScalingPolicies\":[$(policy '"50"' ECSServiceAverageCPUUtilization)]}" >"$DIR/type.json"
echo "{\"ScalableTargets\":[$target],\"ScalingPolicies\":[$(policy 50 ECSServiceAverageLuck)]}" >"$DIR/metric.json"
echo "{\"ScalingPolicies\":[$good]}" >"$DIR/orphan.json"
echo "{\"ScalableTargets\":[${target/test\/web/test\/other}]}" >"$DIR/other.json"
head -c 200 "$DIR/policies/good.json" >"$DIR/truncated.json"
head -c 1048576 /dev/zero | tr '\0' '[' >"$DIR/deep.json"
head -c 5000000 /dev/zero | tr '\0' ' ' >"$DIR/big.json"
printf '{"ScalableTargets":\0[]}' >"$DIR/nul.json"
: >"$DIR/empty.json"

prints policy_check__good__counted 'good.json: ok: 1 target, 1 policy$' policy check "$DIR/policies/good.json"
prints policy_check__folder__its_files 'good.json: ok' policy check "$DIR/policies"
says policy_check__wrong_type__file_and_field 78 'type.json: ScalingPolicies\[0\].*TargetValue' policy check "$DIR/type.json"
says policy_check__unknown_metric__file_and_field 78 'metric.json: .*PredefinedMetricType' policy check "$DIR/metric.json"
says policy_check__min_above_max__file_and_field 78 'bounds.json: ScalableTargets\[0\].*(Min|Max)Capacity' policy check "$DIR/bounds.json"
says policy_check__policies_alone__a_part_of_a_set 0 'no ScalableTargets' policy check "$DIR/orphan.json"
says policy_check__policies_alone_named_twice__refused 78 'orphan' policy check "$DIR/orphan.json" "$DIR/orphan.json"
says policy_check__target_of_another_service__policy_named 78 'orphan.json.*service/test/web' policy check "$DIR/other.json" "$DIR/orphan.json"
says policy_check__truncated__file_and_position 78 'truncated.json.*line' policy check "$DIR/truncated.json"
says policy_check__megabyte_of_brackets__depth_named 78 'deep.json.*(deep|nest|level)' policy check "$DIR/deep.json"
says policy_check__five_megabytes__refused 78 'big.json' policy check "$DIR/big.json"
says policy_check__nul_byte__refused 78 'nul.json' policy check "$DIR/nul.json"
says policy_check__empty_file__refused 78 'empty.json' policy check "$DIR/empty.json"
says policy_check__missing_file__named 78 'nowhere.json' policy check "$DIR/nowhere.json"
says policy_check__one_of_two_bad__fails 78 'metric.json' policy check "$DIR/policies/good.json" "$DIR/metric.json"
grep -q 'good.json: ok' "$DIR/out"
report policy_check__one_of_two_bad__good_one_still_reported $?
says policy_check__same_target_twice__refused 78 'service/test/web|web' policy check "$DIR/policies/good.json" "$DIR/policies/good.json"
WANTED=78
run policy check -o json "$DIR/policies/good.json" "$DIR/type.json"
[ "$CODE" -eq 78 ] && python3 -c "
import json
d = json.load(open('$DIR/out'))
assert d['is_ok'] is False and [f['is_ok'] for f in d['files']] == [True, False] and 'TargetValue' in d['files'][1]['where']" 2>>"$DIR/err"
report policy_check__json__errors_in_it $?

# --- doctor ---

run doctor
WANTED='0, 1 or 77'
case $CODE in 0 | 1 | 77) true ;; *) false ;; esac && [ -s "$DIR/out" ] && ! grep -qvE '^(ok|degraded|missing) +[^ ]' "$DIR/out"
report doctor__text__each_line_a_verdict $?
for line in kernel btf privilege 'rung [BCE]' sampling cgroups pressure clock 'open files' 'local backend' state daemon verdict; do
    grep -qE "^(ok|degraded|missing) +$line " "$DIR/out" || { echo "# no line $line" && false; }
    report "doctor__${line//[ \[\]]/_}__has_a_line" $?
done
text_code=$CODE
run doctor -o json
python3 -c "
import json
d = json.load(open('$DIR/out'))
assert d['api_version'] == 1 and d['exit_code'] == $text_code and d['is_able'] is ($text_code == 0)
assert all(c['status'] in ('ok', 'degraded', 'missing') and c['found'] for c in d['checks'])
assert all(c['mend'] for c in d['checks'] if c['status'] != 'ok'), 'each fault says how to mend it'" 2>>"$DIR/err" && [ "$CODE" -eq "$text_code" ]
report doctor__json__same_verdict $?
[ -s "$DIR/out" ] && ! grep -q $'\033' "$DIR/out"
report doctor__not_a_terminal__no_colour $?
prints doctor__daemon__found '^ok +daemon +version 0.1.0 ' doctor
kill "$FAKE"
wait "$FAKE" 2>/dev/null
FAKE=
run doctor
grep -qE '^missing +daemon .*→ start plimsolld' "$DIR/out"
report doctor__daemon_gone__said_with_the_cure $?

# --- reading the kernel ---

if [ "$(id -u)" -ne 0 ]; then
    for name in sample__json__counters sample__own_cgroup__grows; do skip "$name" "needs root"; done
    echo "1..$n"
    exit $failed
fi
prints doctor__root__able '^ok +verdict' doctor
if command -v setpriv >/dev/null; then
    setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$P" doctor >"$DIR/out" 2>"$DIR/err"
    CODE=$? WANTED=77
    if [ "$CODE" -eq 126 ]; then
        skip doctor__nobody__privilege "the program may not be executed by another user here"
    else
        [ "$CODE" -eq 77 ] && grep -q '^missing  *privilege' "$DIR/out" && grep -q 'verdict .*privilege' "$DIR/out"
        report doctor__nobody__privilege $?
    fi
    rung=$("$P" doctor -o jsonl | python3 -c '
import json, sys
rows = [json.loads(l) for l in sys.stdin]
print(next((r["name"][-1] for r in rows if r["name"] in ("rung B", "rung C") and r["status"] == "ok"), ""))')
    if [ -n "$rung" ] && [ "$CODE" -ne 126 ]; then
        setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$P" sample --rung "$rung" >"$DIR/out" 2>"$DIR/err"
        CODE=$?
        [ "$CODE" -eq 77 ] && grep -q 'CAP_BPF' "$DIR/err" && [ ! -s "$DIR/out" ]
        report sample__nobody_with_ebpf__77 $?
    else
        skip sample__nobody_with_ebpf__77 "no eBPF rung here, or the program may not be executed by another user"
    fi
else
    skip doctor__nobody__privilege "no setpriv"
fi

for mount in $(mounts); do mkdir "$mount$CGROUP" 2>/dev/null; done
keys='"cgroup time_ns cpu_usage_us cpu_user_us cpu_system_us periods throttled_periods throttled_us memory_usage_bytes memory_working_set_bytes memory_limit_bytes oom_kills pids pressure_cpu_some_us pressure_cpu_full_us pressure_memory_some_us pressure_memory_full_us pressure_io_some_us pressure_io_full_us".split()'
python sample__json__counters "
d = json.loads(out)
assert d['api_version'] == 1 and len(d['samples']) > 1
for s in d['samples']:
    assert list(s) == $keys, list(s)
    assert all(v is None or isinstance(v, int) and v >= 0 for k, v in s.items() if k != 'cgroup')
assert sum(s['cgroup'] == '$CGROUP' for s in d['samples']) == 1" sample -o json
# burn MILLISECONDS: CPU in the test's cgroup, in every hierarchy
burn() {
    local folders
    mapfile -t folders < <(mounts | sed "s|\$|$CGROUP|")
    bash -c 'for m in "$@"; do echo $$ >"$m/cgroup.procs"; done 2>/dev/null; exec python3 -c "
import time
while time.process_time() < '"$1"'/1000: pass"' - "${folders[@]}"
}
cpu() {
    "$P" sample --cgroup "$CGROUP" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["samples"][0]["cpu_usage_us"])'
}
first=$(cpu)
burn 200
second=$(cpu)
third=$(cpu)
echo "$first $second $third" >"$DIR/out"
[ "$second" -ge $((first + 200000)) ] && [ "$second" -le $((first + 900000)) ] && [ "$third" -ge "$second" ]
report sample__own_cgroup__cumulative_cpu $?
for rung in B C E; do
    if "$P" doctor -o json | grep -q "\"name\":\"rung $rung\",\"status\":\"ok\""; then
        python "sample__rung_${rung}__same_cpu" "assert json.loads(out)['samples'][0]['cpu_usage_us'] in range($third, $third + 1000)" \
            sample --rung $rung --cgroup "$CGROUP" -o json
    else
        code "sample__rung_${rung}_does_not_work_here__fails" 1 sample --rung $rung
    fi
done
mount=$(mounts | head -n 1)
python sample__path_with_mount_point__same_cgroup "assert [json.loads(l)['cgroup'] for l in out.splitlines()] == ['$CGROUP']" \
    sample -c "$mount$CGROUP/" -o jsonl
python sample__csv__one_column_a_key "
rows = list(csv.DictReader(io.StringIO(out, newline='')))
assert list(rows[0]) == $keys and rows[0]['memory_limit_bytes'] == '' and int(rows[0]['cpu_usage_us']) >= $second" sample -c "$CGROUP" -o csv
prints sample__table__named_columns "^$CGROUP +[0-9.]+ " sample --cgroup "$CGROUP"
burn 1500 &
python sample__interval__rates_and_counters "
rows = [json.loads(l) for l in out.splitlines()]
assert len(rows) == 3, len(rows)
assert all(abs(r['interval_s'] - 0.3) < 0.1 and r['cpu_usage_us'] >= $second for r in rows)
assert [r['cpu_usage_us'] for r in rows] == sorted(r['cpu_usage_us'] for r in rows)
assert 0.1 < max(r['cpu_cores'] for r in rows) < 1.1, [r['cpu_cores'] for r in rows]" sample -c "$CGROUP" -i 0.3 -n 3 -o jsonl
wait
python sample__interval_json__one_document_a_pass "
docs = [json.loads(l) for l in out.splitlines()]
assert len(docs) == 2 and all(d['api_version'] == 1 and d['samples'][0]['cpu_cores'] is not None for d in docs)" \
    sample -c "$CGROUP" -i 0.05 -n 2 -o json
python sample__interval_csv__one_header "assert out.count('cgroup,time_ns') == 1 and out.count('\r\n') == 3" \
    sample -c "$CGROUP" -i 0.05 -n 2 -o csv
says sample__no_such_cgroup__named 1 'no cgroup "/plm-nowhere"' sample --cgroup /plm-nowhere -o json
says sample__path_with_dots__refused 2 '\.\.' sample --cgroup "$CGROUP/../etc"
python top__batch_of_cgroups_without_daemon__rows "
lines = out.splitlines()
assert 'daemon none' in lines[0] and lines[2].startswith('CGROUP') and any(l.startswith('$CGROUP ') for l in lines), lines" \
    top --batch --delay 0.2
WANTED=
for mount in $(mounts); do rmdir "$mount$CGROUP" 2>/dev/null; done
echo "1..$n"
exit $failed
