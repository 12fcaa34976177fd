#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Others judge our exposition: promtool (Prometheus' own parser and linter) the 0.0.4 text, Python's strict parser the
# OpenMetrics text. The text is that of the unit test's fixture view; BUILD says where that program is. Each oracle is
# also shown broken texts and must refuse them: an oracle that accepts everything proves nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
program="${BUILD:-build/release}/tests/unit/test_prometheus"
python=/usr/bin/python3 # the distribution's, which has python3-prometheus-client
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

ok() {
	n=$((n + 1))
	echo "ok $n - $1"
}
not_ok() {
	n=$((n + 1))
	failed=1
	echo "not ok $n - $1"
	sed 's/^/# /' "$dir/log" | head -20
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}
# accepts NAME COMMAND… / refuses NAME COMMAND…: the command reads the text on its standard input.
accepts() {
	name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then ok "$name"; else not_ok "$name"; fi
}
refuses() {
	name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then
		echo "was accepted" >"$dir/log"
		not_ok "$name"
	else
		ok "$name"
	fi
}

cat >"$dir/openmetrics.py" <<'PYTHON'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
samples = sum(len(f.samples) for f in families)
series = {(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples}
assert len(families) > 50, "only %d families" % len(families)
assert len(series) == samples, "%d samples but %d series" % (samples, len(series))
PYTHON
cat >"$dir/same.py" <<'PYTHON'
# Both formats tell the same: the same series with the same values, but for what a process is at each scrape.
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text
def series(parse, path):
    with open(path) as f:
        return {(s.name, tuple(sorted(s.labels.items()))): s.value
                for m in parse(f.read()) for s in m.samples if not s.name.startswith("process_")}
a, b = series(text, sys.argv[1]), series(openmetrics, sys.argv[2])
assert a == b, "differ: %s" % sorted(set(a.items()) ^ set(b.items()))[:5]
PYTHON

if [ ! -x "$program" ]; then
	echo "Bail out! $program is missing: make it, or set BUILD"
	exit 1
fi
"$program" text >"$dir/text" && "$program" openmetrics >"$dir/om" || exit 1

if command -v promtool >/dev/null; then
	accepts "promtool accepts the 0.0.4 text" promtool check metrics <"$dir/text"
	sed 's/^machine_cpu_cores 2$/machine_cpu_cores two/' "$dir/text" >"$dir/bad"
	refuses "promtool refuses a value that is no number" promtool check metrics <"$dir/bad"
	sed 's/rung="C",name/rung="C,name/' "$dir/text" >"$dir/bad"
	refuses "promtool refuses an open quote" promtool check metrics <"$dir/bad"
	grep -v '^# HELP machine_cpu_cores' "$dir/text" >"$dir/bad"
	refuses "promtool refuses a family without help" promtool check metrics <"$dir/bad"
	sed 's/container_threads/container_threads_total/' "$dir/text" >"$dir/bad"
	refuses "promtool refuses a gauge named like a counter" promtool check metrics <"$dir/bad"
else
	skip "promtool accepts the 0.0.4 text" "no promtool (package prometheus)"
fi

if "$python" -c 'import prometheus_client.openmetrics.parser' 2>/dev/null; then
	accepts "the strict parser accepts the OpenMetrics text" "$python" "$dir/openmetrics.py" <"$dir/om"
	grep -v '^# EOF' "$dir/om" >"$dir/bad"
	refuses "the strict parser refuses a text without EOF" "$python" "$dir/openmetrics.py" <"$dir/bad"
	sed 's/^container_oom_events_total/container_oom_events/' "$dir/om" >"$dir/bad"
	refuses "the strict parser refuses a counter without _total" "$python" "$dir/openmetrics.py" <"$dir/bad"
	sed 's/^# UNIT machine_memory_bytes bytes/# UNIT machine_memory_bytes seconds/' "$dir/om" >"$dir/bad"
	refuses "the strict parser refuses a unit that is not the name's end" "$python" "$dir/openmetrics.py" <"$dir/bad"
	{ grep '^machine_cpu_cores ' "$dir/om"; cat "$dir/om"; } >"$dir/bad"
	refuses "the strict parser refuses families that interleave" "$python" "$dir/openmetrics.py" <"$dir/bad"
	sed 's/^\(plimsoll_sample_duration_seconds_bucket{le="0.001"}\) .*/\1 1/' "$dir/om" >"$dir/bad"
	refuses "the strict parser refuses buckets that are not cumulative" "$python" "$dir/openmetrics.py" <"$dir/bad"
	accepts "both formats have the same series and values" "$python" "$dir/same.py" "$dir/text" "$dir/om"
	sed 's/^plimsoll_cgroups .*/plimsoll_cgroups 1/' "$dir/om" >"$dir/bad"
	refuses "a value that differs between the formats is noticed" "$python" "$dir/same.py" "$dir/text" "$dir/bad"
else
	skip "the strict parser accepts the OpenMetrics text" "no prometheus_client (package python3-prometheus-client)"
fi

echo "1..$n"
exit $failed
