"""The Cloud Run API as far as one job needs it, in memory: for `FaultyServer`."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.faulty_http import Reply, Request, json_reply

JOB: Final = "projects/p/locations/r/jobs/forecastlab-daily"
JOB_PATH: Final = f"/v2/{JOB}"
RUN_PATH: Final = f"{JOB_PATH}:run"
EXECUTIONS_PATH: Final = f"{JOB_PATH}/executions"

_TYPE: Final = "type.googleapis.com/google.cloud.run.v2."
_NOT_FOUND: Final = (404, "NOT_FOUND", "Resource was not found.")


def refusal(code: int, status: str, message: str) -> Reply:
    """Write an error as the API does."""
    return json_reply({"error": {"code": code, "status": status, "message": message}}, code)


def deployed_job() -> dict[str, Any]:
    """Return a GPU job as the API shows it."""
    container = {
        "image": "r-docker.pkg.dev/p/forecastlab/job:v1-gpu",
        "command": ["python", "scripts/run_daily_prediction.py"],
        "env": [
            {"name": "FORECASTLAB_STORE", "value": "gs://b"},
            {
                "name": "DEEPSEEK_API_KEY",
                "valueSource": {"secretKeyRef": {"secret": "s", "version": "1"}},
            },
        ],
        "resources": {"limits": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}},
    }
    task = {
        "containers": [container],
        "maxRetries": 1,
        "timeout": "900s",
        "serviceAccount": "forecastlab-job@p.iam.gserviceaccount.com",
        "nodeSelector": {"accelerator": "nvidia-l4"},
        "gpuZonalRedundancyDisabled": True,
    }
    return {
        "name": JOB,
        "etag": '"1"',
        "template": {"parallelism": 1, "taskCount": 1, "template": task},
    }


@dataclass
class CloudRunWire:
    """What the API answers.

    Attributes:
        job: the job as it is deployed; None where there is none.
        polls: how often an operation is asked before it is done.
        fails: whether executions fail.
        executions: the executions so far, the newest first.
        arguments: the arguments of each start; None where it overrides nothing.
    """

    job: dict[str, Any] | None = field(default_factory=deployed_job)
    polls: int = 0
    fails: bool = False
    executions: list[dict[str, Any]] = field(default_factory=list)
    arguments: list[list[str] | None] = field(default_factory=list)
    _left: dict[str, int] = field(default_factory=dict)
    _results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:  # noqa: PLR0911 - one for each route
        """Answer one request."""
        if "/operations/" in request.path:
            return self._operation(request.path.removeprefix("/v2/"))
        if self.job is None or not request.path.startswith(JOB_PATH):
            return refusal(*_NOT_FOUND)
        match request.method, request.path.removeprefix(JOB_PATH):
            case "GET", "":
                return json_reply(self.job)
            case "PATCH", "":
                return self._change(json.loads(request.body))
            case "POST", ":run":
                return self._start(json.loads(request.body or b"{}"))
            case _, "/executions":
                return json_reply({"executions": self.executions})
            case _, path:
                return self._execution(f"{JOB}{path}")

    def _execution(self, name: str) -> Reply:
        found = [one for one in self.executions if one["name"] == name]
        return json_reply(found[0]) if found else refusal(*_NOT_FOUND)

    def _start(self, body: dict[str, Any]) -> Reply:
        overrides = body.get("overrides", {}).get("containerOverrides", [{}])
        self.arguments.append(overrides[0].get("args"))
        number = len(self.executions) + 1
        execution = {
            "name": f"{JOB}/executions/forecastlab-daily-{number:05d}",
            "job": JOB,
            "createTime": f"2025-10-0{number}T00:05:01Z",
            "taskCount": 1,
            "logUri": "https://console.example/logs",
        }
        self.executions.insert(0, execution)
        return self._begin(execution, "Execution")

    def _change(self, body: dict[str, Any]) -> Reply:
        assert self.job is not None
        if body.get("etag") != self.job["etag"]:
            return refusal(409, "ABORTED", "The entity tag is not that of the job.")
        self.job = {"name": JOB, **body, "etag": f'"{int(body["etag"].strip(chr(34))) + 1}"'}
        return self._begin(self.job, "Job")

    def _begin(self, subject: dict[str, Any], kind: str) -> Reply:
        name = f"projects/p/locations/r/operations/{len(self._left) + 1}"
        self._left[name] = self.polls
        self._results[name] = subject | {"@type": f"{_TYPE}{kind}"}
        return json_reply({"name": name, "metadata": deepcopy(self._results[name])})

    def _operation(self, name: str) -> Reply:
        result = self._results[name]
        running = self._left[name] > 0
        self._left[name] -= 1
        if running:
            started = result | {"startTime": result.get("createTime"), "runningCount": 1}
            shown = started if "createTime" in result else result
            return json_reply({"name": name, "metadata": shown})
        done = {"name": name, "done": True, "metadata": result}
        if not result["@type"].endswith("Execution"):
            return json_reply({**done, "response": result})
        self._end(result["name"])
        if self.fails:
            return json_reply({**done, "error": {"code": 10, "message": "The task failed."}})
        return json_reply({**done, "response": result})

    def _end(self, name: str) -> None:
        execution = next(one for one in self.executions if one["name"] == name)
        counts = {"failedCount": 1, "retriedCount": 1} if self.fails else {"succeededCount": 1}
        state = "CONDITION_FAILED" if self.fails else "CONDITION_SUCCEEDED"
        message = "Task forecastlab-daily-task0 failed with exit code 4." if self.fails else ""
        ended = execution["createTime"].replace("00:05:01Z", "00:05:31Z")
        execution |= {
            "startTime": execution["createTime"],
            "completionTime": ended,
            "conditions": [{"type": "Completed", "state": state, "message": message}],
            **counts,
        }
