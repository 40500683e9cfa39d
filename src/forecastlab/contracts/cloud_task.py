"""What the platform says of the task that this process is: which of how many, and which attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.errors import ConfigError


@dataclass(frozen=True)
class CloudTask:
    """One task of a job's execution; elsewhere than on the platform the only one of none.

    Attributes:
        execution: the execution's name; None outside of a job.
        index, count: this task's place in [0, count).
        attempt: 0 for the first; more where the platform runs a failed task again.
    """

    execution: str | None = None
    index: int = 0
    count: int = 1
    attempt: int = 0


ALONE: Final = CloudTask()


def cloud_task(environment: Mapping[str, str]) -> CloudTask:
    """Read the task from the variables of Cloud Run Jobs.

    Raises:
        ConfigError: a number is none, or the index lies outside of the count.

    Source: Cloud Run documents, "Container runtime contract", environment variables of jobs.

    >>> cloud_task({"CLOUD_RUN_EXECUTION": "daily-x7k2p", "CLOUD_RUN_TASK_ATTEMPT": "1"})
    CloudTask(execution='daily-x7k2p', index=0, count=1, attempt=1)
    """
    index, attempt = (_count(environment, f"CLOUD_RUN_TASK_{n}", 0) for n in ("INDEX", "ATTEMPT"))
    count = _count(environment, "CLOUD_RUN_TASK_COUNT", 1)
    if index >= count:
        raise ConfigError(
            f"CLOUD_RUN_TASK_INDEX={index} is no task of CLOUD_RUN_TASK_COUNT={count}.",
            remedy="Count tasks from 0; Cloud Run sets both variables itself.",
        )
    return CloudTask(environment.get("CLOUD_RUN_EXECUTION") or None, index, count, attempt)


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"{name}={text!r} is no count.", remedy="Write 0, 1, 2, …")
    return int(text)
