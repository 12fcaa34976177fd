#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole daemon on this host: real tasks in real cgroups, measured by the kernel, scaled, killed, reloaded, starved."""

import json
import os
import re
import sqlite3
import subprocess
import time

from support import DAEMON, Host, policy, run, service, task_definition, wait_for

BUSY = "while :; do :; done"
QUICK_IN = {"ScaleIn": {"StabilizationSeconds": 3}}


def starts_holds_the_desired_count_and_cleans_up():
    with Host(services=[service(desired=2)]) as h:
        h.start()
        wait_for("two tasks run", lambda: h.service()["running"] == 2)
        wait_for("ready", lambda: h.request("GET", "/readyz")[0] == 200)
        victim = h.tasks("RUNNING")[0]
        os.kill(victim["pid"], 9)
        wait_for("the killed task is replaced", lambda: h.service()["running"] == 2 and
                 victim["id"] not in [t["id"] for t in h.tasks("RUNNING")])
        stopped = [t for t in h.tasks("STOPPED") if t["id"] == victim["id"]]
        assert stopped and stopped[0]["exit_code"] == 137 and stopped[0]["reason"], stopped
        assert h.stop() == 0
        assert h.leftovers() == [], h.leftovers()


def scales_out_on_kernel_measured_cpu_and_back_in():
    flag_dir = None
    with Host(policies=policy(high=3, **QUICK_IN)) as h:
        flag_dir = h.path("busy")
        h.write("definition-0.json", task_definition(
            command=f"while :; do while [ -e {flag_dir} ]; do :; done; sleep 0.2; done"))
        h.start()
        wait_for("one task is measured", lambda: h.service()["cpu_utilization_percent"] is not None)
        open(flag_dir, "w").close()
        began = time.monotonic()
        wait_for("scale-out", lambda: h.service()["desired"] > 1, 15)
        took = time.monotonic() - began
        print(f"# scale-out decided {took:.1f} s after the load began")
        wait_for("three tasks", lambda: h.service()["running"] == 3, 40)
        os.unlink(flag_dir)
        wait_for("scale-in", lambda: h.service()["desired"] == 1, 60)
        wait_for("fulfilled", lambda: h.service()["running"] == 1, 60)
        done = h.activities()
        assert [a["status_code"] for a in done[1:]].count("Failed") == 0, done
        assert done[-1]["from"] == 1 and done[-1]["policy"] == "web-track", done[-1]
        assert re.search(r"ECSServiceAverageCPUUtilization", done[-1]["cause"]), done[-1]["cause"]
        explained = h.get("/api/v1/explain?service=web")["decision"]
        assert explained["sentence"] and explained["proposals"], explained


def kill_minus_9_during_scale_out_loses_and_doubles_nothing():
    with Host(definitions=[task_definition(command=BUSY, cpu="64")], policies=policy(high=4)) as h:
        h.start()
        wait_for("scale-out has begun", lambda: h.service()["desired"] > 1, 20, every=0.02)
        desired, seen = h.service()["desired"], {a["activity_id"] for a in h.activities()}
        h.kill()
        before = h.cgroup_pids()
        time.sleep(0.5)
        h.start()
        adopted = {t["id"]: t["pid"] for t in h.tasks("RUNNING")}
        for task, pids in before.items():
            assert task in adopted and str(adopted[task]) in pids, (task, pids, adopted)
        assert h.service()["desired"] >= desired
        wait_for("all run", lambda: h.service()["running"] == 4, 40)
        running = {t["id"] for t in h.tasks("RUNNING")}
        assert running == set(h.cgroup_pids()), (running, h.cgroup_pids())
        assert set(before) <= running, "a task that ran before the kill was lost"
        after = h.activities()
        assert seen <= {a["activity_id"] for a in after}, "an activity was lost"
        steps = [(a["from"], a["to"]) for a in reversed(after)]
        assert all(a[1] == b[0] for a, b in zip(steps, steps[1:])), f"the same step twice: {steps}"
        assert all(a["status_code"] in ("Successful", "Overridden", "InProgress") for a in after), after


def bad_policy_files_keep_the_running_set():
    cases = [
        ("wrong type", json.dumps(policy()).replace('"TargetValue": 50', '"TargetValue": "high"'),
         r"policies\.d/policy\.json: ScalingPolicies\[0\]\.TargetTrackingScalingPolicyConfiguration\.TargetValue: .*number"),
        ("unknown metric", json.dumps(policy(metric="ECSServiceAverageGPUUtilization")),
         r"PredefinedMetricType.*ECSServiceAverageCPUUtilization"),
        ("min over max", json.dumps(policy(low=5, high=2)), r"ScalableTargets\[0\].*5.*2"),
        ("truncated", json.dumps(policy())[:-20], r"policy\.json: line 1, column \d+: the document ends too early"),
        ("brackets", "[" * (1 << 20), r"policy\.json: line 1, column 33: nested deeper than 32 levels"),
    ]
    with Host(policies=policy(target=50)) as h:
        h.start()
        good = h.get("/api/v1/policies")
        assert good["policies"][0]["target_value"] == 50
        for name, text, expect in cases:
            h.write("policies.d/policy.json", text)
            h.reload()
            wait_for(f"{name}: reload refused",
                     lambda: h.metric("plimsoll_config_reload_success ") == ["plimsoll_config_reload_success 0"])
            error = h.get("/api/v1/host")["self"]["config_error"]
            assert re.search(expect, error), f"{name}: {error}"
            still = h.get("/api/v1/policies")
            assert [(p["name"], p["target_value"]) for p in still["policies"]] == [("web-track", 50)], still
            check = subprocess.run([DAEMON, "--config.file", h.path("plimsoll.json"), "--config.check"],
                                   capture_output=True, text=True)
            assert check.returncode == 78 and re.search(expect, check.stderr), (name, check)
            h.write("policies.d/policy.json", policy(target=50))
            h.reload()
            wait_for(f"{name}: good again",
                     lambda: h.metric("plimsoll_config_reload_success ") == ["plimsoll_config_reload_success 1"])
        h.write("policies.d/policy.json", policy(target=70))
        h.reload()
        wait_for("the new target is in force", lambda: h.get("/api/v1/policies")["policies"][0]["target_value"] == 70)


def bad_configuration_ends_with_78_and_starts_nothing():
    cases = [({"sample_intervall_ms": 5}, r'sample_intervall_ms: .*did you mean "sample_interval_ms"'),
             ({"sample_interval_ms": 5}, r"sample_interval_ms: is 5; it must be from 100 to 60000"),
             ({"orchestrator": {"type": "nomad"}}, r"orchestrator\.type: .*local"),
             ({"orchestrator": {"servces": []}}, r'servces.*did you mean "services"'),
             ({"raw": {"policies": ["missing.json"]}}, r"missing\.json: .*No such file"),
             ({"kernel": {"rung": "Z"}}, r"kernel\.rung: .*auto, B, C, E")]
    for change, expect in cases:
        with Host(**change) as h:
            h.start(wait=False)
            assert h.process.wait(10) == 78, (change, h.log())
            assert re.search(expect, h.log()), (expect, h.log())
            assert not os.path.exists(h.path("state")) and h.leftovers() == []
    assert subprocess.run([DAEMON, "--nonsense"], capture_output=True).returncode == 2
    assert subprocess.run([DAEMON, "--help"], capture_output=True).returncode == 0


def dry_run_changes_nothing_and_says_so():
    with Host(definitions=[task_definition(command=BUSY)], policies=policy()) as h:
        h.start("--dry-run")
        wait_for("a dry decision", lambda: [a for a in h.activities("&include_not_scaled=1")
                                            if any(r["code"] == "DryRun" for r in a["not_scaled_reasons"])])
        status, text = h.request("POST", "/api/v1/services/web/desired", {"desired": 3})
        assert status == 200 and json.loads(text)["dry_run"] is True, text
        time.sleep(2)
        assert h.service()["desired"] == 1 and h.service()["running"] == 1
        assert h.activities() == [], "a dry run is not an activity"
        assert len(h.activities("&include_not_scaled=1")) < 6, "repeats are collapsed"
        assert h.metric("plimsoll_dry_run") == ["plimsoll_dry_run 1"]


def scaled_by_hand_through_the_command_line():
    with Host() as h:
        h.start()
        out = h.cli("scale", "web", "3")
        assert out.returncode == 0 and "3" in out.stdout, out
        wait_for("three tasks", lambda: h.service()["running"] == 3)
        a = wait_for("fulfilled", lambda: [a for a in h.activities() if a["status_code"] == "Successful"])[0]
        assert "by hand" in a["cause"] and f"uid {os.getuid()}" in a["cause"], a
        assert h.cli("scale", "nothere", "3").returncode == 1
        h.kill()
        h.start()
        assert h.service()["desired"] == 3, "a desired count survives kill -9"


def full_disk_stops_neither_sampling_nor_scaling():
    mount = "/tmp/plm-e2e-small-disk"
    os.makedirs(mount, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mount], check=True)
    try:
        with Host(definitions=[task_definition(command=BUSY, cpu="64")], policies=policy(high=3),
                  state_dir=mount + "/state") as h:
            h.config["orchestrator"]["log_dir"] = h.path("logs")
            h.write("plimsoll.json", h.config)
            h.start()
            wait_for("measured", lambda: h.service()["cpu_utilization_percent"] is not None)
            with open(mount + "/filler", "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"x" * 4096)
                except OSError:
                    pass
            wait_for("the trouble is visible", lambda: h.get("/api/v1/host")["self"]["state_error"], 40)
            ticks = h.get("/api/v1/host")["self"]["ticks"]
            wait_for("sampling goes on", lambda: h.get("/api/v1/host")["self"]["ticks"] > ticks + 3)
            seen = {a["activity_id"] for a in h.activities("&include_not_scaled=1")}
            os.unlink(mount + "/filler")
            wait_for("the trouble ends", lambda: not h.get("/api/v1/host")["self"]["state_error"], 40)
            wait_for("scaled out", lambda: h.service()["desired"] == 3, 90)
            assert seen <= {a["activity_id"] for a in h.activities("&include_not_scaled=1")}
            assert h.stop() == 0
            database = sqlite3.connect(mount + "/state/state.db")
            rows = database.execute("SELECT count(*) FROM activities").fetchone()
            database.close()
            assert rows[0] >= len(seen)
    finally:
        subprocess.run(["umount", mount], check=True)
        os.rmdir(mount)


def locked_database_is_waited_out():
    with Host() as h:
        h.start()
        lock = sqlite3.connect(h.path("state/state.db"), isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        status, text = h.request("POST", "/api/v1/services/web/desired", {"desired": 2})
        assert status == 502 and "locked" in text, (status, text)
        assert h.service()["desired"] == 1
        lock.execute("ROLLBACK")
        lock.close()
        assert h.request("POST", "/api/v1/services/web/desired", {"desired": 2})[0] == 200
        wait_for("two tasks", lambda: h.service()["running"] == 2)
        assert any(a["status_code"] == "Failed" for a in h.activities()), "the failed try is on record"


def damaged_database_is_moved_aside():
    with Host() as h:
        os.mkdir(h.path("state"))
        h.write("state/state.db", "not a database " * 500)
        h.start()
        assert [f for f in os.listdir(h.path("state")) if ".damaged-" in f]
        assert "was damaged" in h.log()


def forced_rung_that_does_not_work_degrades_visibly():
    hybrid = os.path.exists("/sys/fs/cgroup/unified/cgroup.procs")
    with Host(definitions=[task_definition(command=BUSY)], policies=policy(), kernel={"rung": "B" if hybrid else "C"}) as h:
        h.start()
        wait_for("not ready, with the reason", lambda: h.request("GET", "/readyz")[0] == 503)
        assert h.get("/api/v1/host")["self"]["sample_error"]
        time.sleep(4)
        assert h.process.poll() is None, "a missing rung must not end the daemon"
        assert h.service()["desired"] == 1
        assert h.get("/api/v1/explain?service=web")["decision"]["reason"] == "InsufficientData"


def forced_file_rung_scales_too():
    with Host(definitions=[task_definition(command=BUSY)], policies=policy(high=2), kernel={"rung": "E"}) as h:
        h.start()
        wait_for("scaled out", lambda: h.service()["running"] == 2, 30)
        assert h.get("/api/v1/host")["host"]["rung"] == "E"


def second_daemon_on_the_same_state_is_refused():
    with Host() as h:
        h.start()
        second = subprocess.run([DAEMON, "--config.file", h.path("plimsoll.json")], capture_output=True, text=True, timeout=15)
        assert second.returncode == 1 and second.stderr, second
        assert h.service()["running"] == 1 or wait_for("the first goes on", lambda: h.service()["running"] == 1)


run([starts_holds_the_desired_count_and_cleans_up, scales_out_on_kernel_measured_cpu_and_back_in,
     kill_minus_9_during_scale_out_loses_and_doubles_nothing, bad_policy_files_keep_the_running_set,
     bad_configuration_ends_with_78_and_starts_nothing, dry_run_changes_nothing_and_says_so,
     scaled_by_hand_through_the_command_line, full_disk_stops_neither_sampling_nor_scaling,
     locked_database_is_waited_out, damaged_database_is_moved_aside, forced_rung_that_does_not_work_degrades_visibly,
     forced_file_rung_scales_too, second_daemon_on_the_same_state_is_refused])
