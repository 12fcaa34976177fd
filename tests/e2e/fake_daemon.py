# SPDX-License-Identifier: Apache-2.0
"""Answers on a Unix socket as the daemon's API does, from fixed data: for tests of the command line alone.

fake_daemon.py SOCKET: serves until killed; prints "ready" when it listens. Service "broken" gets half an answer.
"""

import json
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit


def task(number, service, **values):
    return {"id": f"{number:08x}{number:024x}", "service": service, "family": service, "revision": 3, "status": "RUNNING", "pid": 4000 + number,
            "port": None, "cgroup": f"/plimsoll/{service}/{number:08x}{number:024x}", "cpu_units": 256, "memory_reserved_bytes": 67108864,
            "cpu_usage_us": 1234567, "cpu_cores": 0.125, "cpu_utilization_percent": 50.0, "memory_usage_bytes": 2097152,
            "memory_working_set_bytes": 1048576, "memory_utilization_percent": 1.5625, "throttled_share": 0.25,
            "cpu_pressure": 0.5, "memory_pressure": 0, "pids": 2, "oom_kills": 0, "is_ready": True,
            "created_at": "2026-03-01T12:00:00.000Z", "started_at": "2026-03-01T12:00:00.100Z", "stopped_at": None,
            "exit_code": None, "reason": None, **values}


def service(name, **values):
    return {"cluster": "test", "service": name, "family": name, "revision": 3, "desired": 2, "running": 2, "pending": 0, "ready": 2,
            "min": 1, "max": 10, "cpu_utilization_percent": 87.25, "memory_utilization_percent": 12.5, "cpu_units": 256,
            "memory_reserved_bytes": 67108864, "cpu_usage_us": 9007199254740991, "restarts": 0, "is_deploying": False,
            "is_scalable": True, "reason": None, **values}


SERVICES = [service("web"),
            service("odd", family='comma, "quote"', min=None, max=None, cpu_utilization_percent=None, ready=None,
                    reason="no room:\nall hosts are full \u001b[31m")]
TASKS = [task(1, "web"), task(2, "web", cpu_cores=0.375, throttled_share=0.75), task(3, "odd", status="STOPPED", exit_code=137),
         task(4, "odd", cpu_cores=None, cpu_utilization_percent=None, status="PENDING", is_ready=False)]
POLICIES = {
    "targets": [{"cluster": "test", "service": "web", "min": 1, "max": 10, "in_suspended": False, "out_suspended": True,
                 "file": "policies.d/web.json"}],
    "policies": [{"name": "web-cpu", "cluster": "test", "service": "web", "type": "TargetTrackingScaling", "evaluation": "fast",
                  "metric": "ECSServiceAverageCPUUtilization", "target_value": 50, "tolerance": 0.1, "window_s": 5,
                  "scale_in_disabled": False, "in_stabilization_s": 300, "out_stabilization_s": 0, "metric_value": 87.25,
                  "recommended": 4, "file": "policies.d/web.json"}]}
ACTIVITIES = [
    {"activity_id": "a-1", "cluster": "test", "service": "web", "policy": "web-cpu", "description": "Setting desired count to 4.",
     "cause": "policy web-cpu: 87.2 % against 50 %", "start_time": "2026-03-01T12:00:05.000Z", "end_time": None,
     "status_code": "InProgress", "status_message": None, "from": 2, "to": 4, "repeats": 0, "not_scaled_reasons": []},
    {"activity_id": "a-0", "cluster": "test", "service": "web", "policy": "web-cpu",
     "description": "Attempting to scale due to policy evaluation", "cause": "at the upper bound",
     "start_time": "2026-03-01T11:59:05.000Z", "end_time": None, "status_code": "Failed", "status_message": None, "from": 10,
     "to": 10, "repeats": 6, "not_scaled_reasons": [{"code": "AlreadyAtMaxCapacity", "max_capacity": 10}]}]
DECISION = {
    "time": "2026-03-01T12:00:05.000Z", "cluster": "test", "service": "web", "desired": 2, "running": 2, "pending": 0, "ready": 2,
    "unready": 0, "missing": 0, "min": 1, "max": 10, "model_age_s": 0.4,
    "proposals": [{"policy": "web-cpu", "metric": "ECSServiceAverageCPUUtilization", "target": 50, "value": 87.25, "age_s": 0.5,
                   "window_s": 5, "coverage": 1, "tasks": 2, "raw": 3.49, "desired": 4, "reason": None},
                  {"policy": "web-memory", "metric": "ECSServiceAverageMemoryUtilization", "target": 80, "value": None,
                   "age_s": None, "window_s": 5, "coverage": 0, "tasks": 0, "raw": None, "desired": None,
                   "reason": "InsufficientData"}],
    "deciding": "web-cpu",
    "stages": [{"stage": "policy", "before": 2, "after": 4, "text": "web-cpu: ceil(2 ready x 87.2 % cpu / 50 %) = 4"},
               {"stage": "bounds", "before": 4, "after": 4, "text": "within 1 to 10"}],
    "result": 4, "reason": None, "sentence": "web goes from 2 to 4 tasks: CPU is at 87.2 % against a target of 50 %.",
    "activity_id": "a-1"}
HOST = {"version": "0.1.0", "is_ready": True, "time": "2026-03-01T12:00:05.000Z",
        "host": {"name": "demo-host", "kernel": "6.18.0", "cpus": 4, "memory_bytes": 8589934592, "cgroup_mode": "hybrid", "rung": "C",
                 "rung_name": "iterator-hybrid", "has_events": True},
        "rungs": [{"rung": "C", "name": "iterator-hybrid", "is_usable": True, "is_chosen": True, "reason": None}],
        "self": {"is_dry_run": False}}


class Handler(BaseHTTPRequestHandler):
    def answer(self, value, status=200):
        body = (json.dumps({"api_version": 1, **value}, separators=(",", ":")) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def no_service(self, name):
        self.answer({"error": {"code": "not_found", "message": f'no service "{name}"'}}, 404)

    def do_GET(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        name = query.get("service")
        if name == "broken":
            self.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{"api_version":1,"tas')
        elif name == "rubbish":
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        elif name and name not in ("web", "odd"):
            self.no_service(name)
        elif url.path == "/api/v1/services":
            self.answer({"services": SERVICES})
        elif url.path == "/api/v1/tasks":
            self.answer({"tasks": [t for t in TASKS if name in (None, t["service"])]})
        elif url.path == "/api/v1/policies":
            self.answer(POLICIES)
        elif url.path == "/api/v1/activities":
            rows = [a for a in ACTIVITIES if query.get("include_not_scaled") == "1" or not a["not_scaled_reasons"]]
            self.answer({"activities": rows[:int(query.get("max", 50))]})
        elif url.path == "/api/v1/explain":
            self.answer({"decision": {**DECISION, **({"sentence": "at " + query["at"]} if "at" in query else {})}})
        elif url.path == "/api/v1/host":
            self.answer(HOST)
        else:
            self.answer({"error": {"code": "not_found", "message": "nothing here"}}, 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = unquote(self.path.split("/")[4])
        if name != "web":
            self.no_service(name)
        else:
            self.answer({"service": name, "from": 2, "desired": body["desired"], "dry_run": body["desired"] == 7})

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    if os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
    with Server(sys.argv[1], Handler) as server:
        print("ready", flush=True)
        server.serve_forever()
