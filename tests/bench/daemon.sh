#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole daemon with 10, 100 and 1,000 real tasks (sleeping processes in cgroups of their own), one-second samples, scraped
# every five seconds: CPU of one core, resident memory, a sample's CPU time.
set -eu
cd "$(dirname "$0")/../e2e"
exec python3 - "$@" <<'PY'
import time
from support import Host, policy, service, task_definition, wait_for

SECONDS = 20
print(f"plimsolld, {SECONDS} s at one-second samples, /metrics every 5 s")
print(f"{'tasks':>8} {'rung':>6} {'CPU %':>8} {'RSS MiB':>9} {'sample CPU us':>14} {'us/cgroup':>10} {'late':>6}")
for tasks in (10, 100, 1000):
    with Host(definitions=[task_definition(cpu="16", memory="8", stopTimeout=2)], services=[service(desired=tasks)],
              policies=policy(low=tasks, high=tasks)) as h:
        h.start()
        wait_for(f"{tasks} tasks run", lambda: h.service()["running"] == tasks, 180, every=0.5)
        time.sleep(3)

        def look():
            text = open(f"/proc/{h.process.pid}/stat").read().rsplit(")", 1)[1].split()
            return (int(text[11]) + int(text[12])) / 100.0, time.monotonic()

        cpu, began = look()
        late = h.get("/api/v1/host")["self"]["late_ticks"]
        for _ in range(SECONDS // 5):
            time.sleep(5)
            h.request("GET", "/metrics")
        after, ended = look()
        me = h.get("/api/v1/host")
        cgroups, sample_us = me["self"]["cgroups"], me["self"]["last_sample_cpu_us"]
        print(f"{tasks:>8} {me['host']['rung']:>6} {100 * (after - cpu) / (ended - began):>8.2f}"
              f" {me['self']['resident_bytes'] / 2**20:>9.1f} {sample_us:>14} {sample_us / max(1, cgroups):>10.2f}"
              f" {me['self']['late_ticks'] - late:>6}", flush=True)
PY
