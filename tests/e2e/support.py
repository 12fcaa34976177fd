# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a daemon in a folder of its own, its API, and TAP output."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("PLM_BUILD", "build/release")
DAEMON = os.path.abspath(os.path.join(BUILD, "plimsolld"))
CLI = os.path.abspath(os.path.join(BUILD, "plimsoll"))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def wait_for(what, check, seconds=20.0, every=0.1):
    """Polls until check() is true and returns its value; fails with `what` and the last value."""
    end = time.monotonic() + seconds
    value = None
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds} s, last value {value!r}")


def cgroup_roots():
    """Mount points of every cgroup hierarchy on this host."""
    with open("/proc/self/mountinfo") as f:
        rows = [line.split() for line in f]
    return [r[4] for r in rows if r[r.index("-") + 1] in ("cgroup", "cgroup2")]


def task_definition(family="web", command="exec sleep 1000", cpu="128", memory="64", **container):
    return {"family": family, "cpu": cpu, "memory": memory,
            "containerDefinitions": [{"name": "main", "image": "none", "command": ["/bin/sh", "-c", command], **container}]}


def service(name="web", desired=1, family="web", cluster="test"):
    return {"cluster": cluster, "serviceName": name, "taskDefinition": family, "desiredCount": desired}


def policy(name="web", target=50, low=1, high=4, cluster="test", metric="ECSServiceAverageCPUUtilization", **plimsoll):
    base = {"ServiceNamespace": "ecs", "ResourceId": f"service/{cluster}/{name}",
            "ScalableDimension": "ecs:service:DesiredCount"}
    tracking = {"TargetValue": target, "PredefinedMetricSpecification": {"PredefinedMetricType": metric}}
    body = {**base, "PolicyName": f"{name}-track", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": tracking}
    if plimsoll:
        body["Plimsoll"] = plimsoll
    return {"ScalableTargets": [{**base, "MinCapacity": low, "MaxCapacity": high}], "ScalingPolicies": [body]}


class Host:
    """One daemon with its files, cgroups and tasks; everything is gone after close()."""

    def __init__(self, definitions=None, services=None, policies=None, **config):
        self.folder = tempfile.mkdtemp(prefix="plm-e2e-")
        self.parent = f"/plm-e2e-{os.getpid()}-{os.path.basename(self.folder)[-4:]}"
        self.process = None
        self.logs = open(self.path("daemon.log"), "ab")
        os.mkdir(self.path("policies.d"))
        for i, d in enumerate(definitions or [task_definition()]):
            self.write(f"definition-{i}.json", d)
        for i, s in enumerate(services or [service()]):
            self.write(f"service-{i}.json", s)
        if policies:
            self.write("policies.d/policy.json", policies)
        orchestrator = {"type": "local", "cgroup_parent": self.parent, "stop_tasks_on_exit": True,
                        "task_definitions": [f"definition-{i}.json" for i in range(len(definitions or [1]))],
                        "services": [f"service-{i}.json" for i in range(len(services or [1]))]}
        orchestrator.update(config.pop("orchestrator", {}))
        raw = config.pop("raw", {})
        self.config = {"cluster": "test", "state_dir": self.path("state"), "socket": self.path("sock"),
                       "policies": ["policies.d"], "orchestrator": orchestrator,
                       "web": {"listen_address": ""}, **config, **raw}
        self.write("plimsoll.json", self.config)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))

    def start(self, *flags, wait=True):
        self.process = subprocess.Popen([DAEMON, "--config.file", self.path("plimsoll.json"), *flags],
                                        stderr=self.logs, stdout=self.logs)
        if wait:
            wait_for("the daemon answers", self.answers)
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}: {self.log()[-800:]}")
        try:
            return self.get("/api/v1/services")["services"] is not None
        except (OSError, http.client.HTTPException):
            return False

    def request(self, method, path, body=None):
        connection = UnixConnection(self.path("sock"))
        try:
            connection.request(method, path, body=json.dumps(body) if body is not None else None,
                               headers={"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, text = self.request("GET", path)
        assert status == 200, f"GET {path}: {status} {text}"
        return json.loads(text)

    def service(self, name="web"):
        return next(s for s in self.get("/api/v1/services")["services"] if s["service"] == name)

    def tasks(self, *statuses):
        return [t for t in self.get("/api/v1/tasks")["tasks"] if not statuses or t["status"] in statuses]

    def activities(self, extra=""):
        return self.get(f"/api/v1/activities?max=1000{extra}")["activities"]

    def metric(self, line_start):
        status, text = self.request("GET", "/metrics")
        assert status == 200, text
        return [line for line in text.splitlines() if line.startswith(line_start)]

    def cli(self, *arguments):
        return subprocess.run([CLI, *arguments], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "PLIMSOLL_SOCKET": self.path("sock")})

    def log(self):
        with open(self.path("daemon.log")) as f:
            return f.read()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """kill -9: what a crash or an OOM kill looks like."""
        self.process.kill()
        self.process.wait()

    def cgroup_pids(self):
        """Processes in this host's cgroups, by task cgroup, from the v2 (or first) hierarchy."""
        found = {}
        for root in cgroup_roots():
            for folder, _, files in os.walk(root + self.parent):
                if "cgroup.procs" in files and len(os.path.basename(folder)) == 32:
                    with open(os.path.join(folder, "cgroup.procs")) as f:
                        found.setdefault(os.path.basename(folder), set()).update(f.read().split())
        return {task: pids for task, pids in found.items() if pids}

    def leftovers(self):
        return [root + self.parent for root in cgroup_roots() if os.path.exists(root + self.parent)]

    def stop(self, seconds=45):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(seconds)
        return self.process.returncode if self.process else None

    def close(self):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pids in self.cgroup_pids().values():
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for root in cgroup_roots():
            for folder, _, _ in list(os.walk(root + self.parent, topdown=False)):
                for _ in range(50):
                    try:
                        os.rmdir(folder)
                        break
                    except FileNotFoundError:
                        break
                    except OSError:
                        time.sleep(0.05)
        self.logs.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("# the daemon's log:")
            for line in self.log().splitlines()[-25:]:
                print("#   " + line)
        self.close()


def run(cases):
    """Runs functions as TAP cases; the exit code tells whether all passed."""
    wanted = sys.argv[1:]
    cases = [c for c in cases if not wanted or c.__name__ in wanted]
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, case in enumerate(cases, 1):
        try:
            case()
            print(f"ok {number} - {case.__name__}", flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print(f"not ok {number} - {case.__name__}", flush=True)
    sys.exit(1 if failed else 0)
