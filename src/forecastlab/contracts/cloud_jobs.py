"""The job in the cloud and its executions, and what the commands ask of the platform."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

ExecutionState = Literal["waiting", "running", "succeeded", "failed", "cancelled"]

ENDED: Final = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Execution:
    """One execution of the job.

    Attributes:
        name: as the platform writes it into CLOUD_RUN_EXECUTION.
        retried: tasks' attempts beyond the first.
        reason: what the platform says of its state; empty where it says nothing.
        log_uri: where a person reads its log.
    """

    name: str
    state: ExecutionState
    created_at: datetime
    completed_at: datetime | None = None
    retried: int = 0
    reason: str = ""
    log_uri: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.state in ENDED


@dataclass(frozen=True)
class CloudJob:
    """The job as it is deployed.

    Attributes:
        accelerator: the kind of GPU it has, or empty.
        pinned: the folder in PRODUCTION_DIR, which speaks past the registry; None if none does.
    """

    name: str
    project: str
    region: str
    image: str
    accelerator: str = ""
    pinned: str | None = None


class CloudJobs(Protocol):
    """The one job of a deployment, on the platform."""

    def job(self) -> CloudJob:
        """Return the job as it is deployed.

        Raises:
            ConfigError: there is no such job, or this account may not see it.
            DataUnavailable: the platform does not answer.
        """
        ...

    def start(self, arguments: Sequence[str]) -> Execution:
        """Start an execution; arguments, if any, stand in for those of the job.

        Raises:
            ConfigError: there is no such job, or this account may not start it.
            DataUnavailable: the platform does not answer; the execution may have begun all the
                same, for a start is never repeated.
        """
        ...

    def follow(
        self, name: str, *, timeout_s: float, tell: Callable[[Execution], None]
    ) -> Execution:
        """Wait for the end of an execution that was started here; tell every change of its state.

        Raises:
            DataUnavailable: it still runs after `timeout_s`, or the platform does not answer.
        """
        ...

    def executions(self, most: int) -> tuple[Execution, ...]:
        """Return the newest executions, the newest first."""
        ...

    def pin(self, folder: str | None) -> CloudJob:
        """Set PRODUCTION_DIR on the job, or with None take it off; return the job as it is then.

        Raises:
            DataUnavailable: the job was changed by another at the same time.
        """
        ...
