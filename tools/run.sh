#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `make run`: one service of the demo's worker under one target-tracking policy, all files in build/run/. The daemon stays in the
# foreground; Ctrl-C ends it and its tasks. What was decided before is still there at the next start.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/release}
folder=$PWD/build/run
port=18080

if [ "$(id -u)" -ne 0 ]; then
    echo "make run: the local backend makes cgroups and the measuring loads BPF programs: run it as root (sudo make run)" >&2
    exit 77
fi
mkdir -p "$folder/policies.d" "$folder/state"

cat >"$folder/task-definition.json" <<END
{
    "family": "web", "cpu": "256", "memory": "64",
    "containerDefinitions": [{
        "name": "web", "command": ["$PWD/$build/plm-demo-worker"],
        "environment": [{"name": "DEMO_PORT", "value": "$port"}, {"name": "DEMO_CPU_MS", "value": "4"}]
    }]
}
END
cat >"$folder/service.json" <<END
{"cluster": "demo", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1}
END
cat >"$folder/policies.d/web.json" <<END
{
    "ScalableTargets": [{
        "ServiceNamespace": "ecs", "ResourceId": "service/demo/web", "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 1, "MaxCapacity": 4
    }],
    "ScalingPolicies": [{
        "PolicyName": "cpu60", "PolicyType": "TargetTrackingScaling",
        "ServiceNamespace": "ecs", "ResourceId": "service/demo/web", "ScalableDimension": "ecs:service:DesiredCount",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 60,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
        },
        "Plimsoll": {"ScaleIn": {"StabilizationSeconds": 30}}
    }]
}
END
# The socket is named from here: a path of at most 107 bytes is what a Unix socket can have.
cat >"$folder/plimsoll.json" <<END
{
    "cluster": "demo",
    "state_dir": "$folder/state",
    "socket": "build/run/plimsoll.sock",
    "policies": ["policies.d"],
    "web": {"listen_address": "127.0.0.1:17546"},
    "orchestrator": {
        "type": "local", "cgroup_parent": "/plimsoll-run", "stop_tasks_on_exit": true,
        "task_definitions": ["task-definition.json"], "services": ["service.json"]
    }
}
END

cat <<END
A daemon with one service, "web": 1 to 4 tasks, 60 % CPU each. In another terminal:

  export PLIMSOLL_SOCKET=build/run/plimsoll.sock
  $build/plimsoll top
  $build/plm-demo-load --port $port --profile 60:120        # load for a minute
  $build/plimsoll activities; $build/plimsoll explain web
  curl -s http://127.0.0.1:17546/metrics

Ctrl-C ends the daemon and its tasks.

END
exec "$build/plimsolld" --config.file "$folder/plimsoll.json"
