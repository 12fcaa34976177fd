#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Boots Debian's kernels under an emulated processor, with cgroup v2 alone or hybrid, runs guest.sh in each, and checks what
# it printed: the rung that the kernel must give, the numbers against the kernel's own files, the accounting tests.
# A kernel that cannot be had is a failure: this matrix is run on purpose. About a minute a kernel after the first download.
# timeout: 1800
import json
import os
import re
import subprocess
import sys

BUILD = os.environ.get("PLM_BUILD", "build/release")
OUT = "build/vm/out"
BOOT_SECONDS = 240

# Suite, cgroup layout, rung; whether test_accounting has a claim there: the file rung has the files' own microseconds.
MATRIX = [
    ("bookworm", "v2", "B", True),
    ("trixie", "v2", "B", True),
    ("bullseye", "v2", "E", False),
    ("bookworm", "hybrid", "C", True),
]
# Cases that mean nothing on a layout.
SKIPS = {"v2": {"cpu__path_only_in_v1__equals_cpuacct_usage"}, "hybrid": set()}

count = 0


def result(name, problem):
    global count
    count += 1
    print(f"{'not ok' if problem else 'ok'} {count} - {name}")
    for line in str(problem or "").splitlines()[:40]:
        print(f"# {line}")


def boot(suite, layout):
    """The guest's steps as {name: (status, text)}, or a string that says why there are none."""
    fetched = subprocess.run(["tools/vm/kernel.sh", suite], capture_output=True, text=True, check=False)
    if fetched.returncode:
        return fetched.stdout + fetched.stderr
    place = dict(word.split("=", 1) for word in fetched.stdout.split())
    folder = f"{OUT}/{suite}-{layout}"
    os.makedirs(folder, exist_ok=True)
    programs = [f"{BUILD}/plimsoll", f"{BUILD}/plimsolld", f"{BUILD}/tests/bpf/test_accounting"]
    image = ["tools/vm/image.sh", f"{folder}/initramfs", place["version"], place["modules"], "tests/vm/guest.sh", *programs]
    subprocess.run(image, check=True)
    machine = ["tools/vm/boot.sh", folder, str(BOOT_SECONDS), place["kernel"], f"{folder}/initramfs", f"plm.cgroups={layout}"]
    ended = subprocess.run(machine, capture_output=True, text=True, check=False)
    with open(f"{folder}/job.log", encoding="utf-8", errors="replace") as log:
        text = log.read().replace("\r\n", "\n")
    if "@done 0" not in text:
        with open(f"{folder}/console.log", encoding="utf-8", errors="replace") as console:
            tail = console.read()[-2000:]
        return f"the machine did not finish (status {ended.returncode})\n{ended.stderr[-500:]}\n{text[-1000:]}\n{tail}"
    steps = re.findall(r"^@begin (\S+)\n(.*?)\n@end \1 (\d+)$", text, re.DOTALL | re.MULTILINE)
    return {name: (int(status), body) for name, body, status in steps}


def check_doctor(steps, rung):
    status, text = steps["doctor_json"]
    checks = {c["name"]: c for c in json.loads(text)["checks"]}
    found = checks["sampling"]["found"]
    return None if status == 0 and found.startswith(f"rung {rung} ") else f"status {status}, sampling: {found}"


def check_sample(steps):
    """A finished load: the same microseconds as in cpu.stat."""
    usage = int(re.search(r"^usage_usec (\d+)$", steps["load"][1], re.MULTILINE).group(1))
    rows = {row["cgroup"]: row for row in json.loads(steps["sample"][1])["samples"]}
    got = rows.get("/vm-load", {}).get("cpu_usage_us")
    return None if got == usage and usage > 0 else f"sampled {got} us, cpu.stat says {usage} us"


def check_daemon(steps, rung):
    status, text = steps["daemon"]
    usage = int(re.search(r"^usage_usec (\d+)$", steps["load"][1], re.MULTILINE).group(1))
    match = re.search(r'^container_cpu_usage_seconds_total\{.*id="/vm-load".*\} (\S+)$', text, re.MULTILINE)
    if status or f"rung {rung}" not in text or not match:
        return f"status {status}\n{text}"
    exported = int(float(match.group(1)) * 1e6 + 1e-3)
    return None if exported == usage else f"exported {exported} us, cpu.stat says {usage} us"


def accounting(steps, suite, layout):
    reason = ""
    for line in steps["accounting"][1].splitlines():
        match = re.match(r"(not )?ok \d+ (?:- )?(# SKIP )?(\S+)", line)
        if not match:
            reason = f"{reason}\n{line}"
            continue
        failed, skipped, name = match.groups()
        if skipped and name in SKIPS[layout]:
            print(f"# {suite} {layout}: {name} has no claim there")
        else:
            problem = f"skipped: {reason}" if skipped else reason if failed else None
            result(f"{suite} {layout}: {name}", problem)
        reason = ""
    status, text = steps["accounting"]
    result(f"{suite} {layout}: accounting ends", None if status == 0 else f"status {status}\n{text[-1500:]}")


def main():
    for suite, layout, rung, has_claim in MATRIX:
        steps = boot(suite, layout)
        result(f"{suite} {layout}: boots and runs to the end", steps if isinstance(steps, str) else None)
        if isinstance(steps, str):
            continue
        result(f"{suite} {layout}: doctor chooses rung {rung}", check_doctor(steps, rung))
        result(f"{suite} {layout}: sample equals cpu.stat", check_sample(steps))
        result(f"{suite} {layout}: the daemon exports the same", check_daemon(steps, rung))
        if has_claim:
            accounting(steps, suite, layout)
    print(f"1..{count}")


if __name__ == "__main__":
    sys.exit(main())
