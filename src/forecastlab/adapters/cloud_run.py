"""The job on Cloud Run, through google-cloud-run over plain HTTP.

Reads are retried here, and only here. A start or a change is sent once, for its answer may be lost
after it began.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import requests
from google.api_core import exceptions as status
from google.api_core.client_options import ClientOptions
from google.auth import exceptions as auth
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2

from forecastlab.adapters.retry import REAL_TIME, GaveUp, RetryPolicy, Timing, TryAgain, retry
from forecastlab.contracts.cloud_jobs import CloudJob, Execution, ExecutionState
from forecastlab.contracts.errors import ConfigError, DataUnavailable, ForecastLabError

T = TypeVar("T")

PIN: Final = "PRODUCTION_DIR"

_POLICY: Final = RetryPolicy(attempts=5, deadline_s=60)
_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 5.0
_PASSING: Final = (408, 429, 500, 502, 503, 504)

_LOGIN: Final = (
    "Log in with `gcloud auth application-default login`, or point GOOGLE_APPLICATION_CREDENTIALS"
    " at a valid key."
)
_ROLES: Final = {
    "see": "roles/run.viewer",
    "start": "roles/run.jobsExecutor (roles/run.jobsExecutorWithOverrides for --asof or --dry-run)",
    "change": "roles/run.developer, and roles/iam.serviceAccountUser on the job's service account",
}


class CloudRunJobs:
    """A `CloudJobs` on Cloud Run.

    Args:
        endpoint: base URL of another API than Google's, as `http://127.0.0.1:8080`; it is asked
            without credentials.
    """

    def __init__(
        self,
        project: str,
        region: str,
        job: str,
        *,
        endpoint: str = "",
        policy: RetryPolicy = _POLICY,
        timing: Timing = REAL_TIME,
    ) -> None:
        self._project, self._region, self._job_id = project, region, job
        self._name = f"projects/{project}/locations/{region}/jobs/{job}"
        self._endpoint, self._policy, self._timing = endpoint, policy, timing
        self._operations: dict[str, Any] = {}  # google.api_core has no types

    def job(self) -> CloudJob:
        """Return the job as it is deployed."""
        return self._described(self._get_job())

    def start(self, arguments: Sequence[str]) -> Execution:
        """Start an execution; arguments, if any, stand in for those of the job."""
        request = run_v2.RunJobRequest(name=self._name)
        if arguments:
            container = run_v2.RunJobRequest.Overrides.ContainerOverride(args=list(arguments))
            request.overrides = run_v2.RunJobRequest.Overrides(container_overrides=[container])
        operation = self._asked(
            "start",
            lambda: self._jobs().run_job(request, retry=None, timeout=_TIMEOUT_S),
            once=True,
        )
        execution = _execution(operation.metadata)
        self._operations[execution.name] = operation
        return execution

    def follow(
        self, name: str, *, timeout_s: float, tell: Callable[[Execution], None]
    ) -> Execution:
        """Wait for the end of an execution that was started here; tell each change of its state."""
        operation, told = self._operations[name], ""
        until = self._timing.monotonic() + timeout_s
        while True:
            done = bool(self._asked("see", operation.done))
            # At its end the operation says only that a task failed; the execution says all.
            found = self._get_execution(name) if done else _execution(operation.metadata)
            if found.state != told:
                told = found.state
                tell(found)
            if done:
                return found
            if self._timing.monotonic() + _POLL_S > until:
                raise DataUnavailable(
                    f"The execution {name} still runs after {timeout_s:.0f} s.",
                    remedy="It goes on by itself; `forecastlab cloud status` shows its end.",
                )
            self._timing.sleep(_POLL_S)

    def executions(self, most: int) -> tuple[Execution, ...]:
        """Return the newest executions, the newest first."""
        request = run_v2.ListExecutionsRequest(parent=self._name, page_size=most)

        def newest() -> tuple[Execution, ...]:
            page = self._executions().list_executions(request, retry=None, timeout=_TIMEOUT_S)
            return tuple(_execution(one) for one in next(iter(page.pages)).executions)

        return self._asked("see", newest)[:most]

    def pin(self, folder: str | None) -> CloudJob:
        """Set PRODUCTION_DIR on the job, or with None take it off; return the job as it is then."""
        job = self._get_job()
        container = job.template.template.containers[0]
        kept = [one for one in container.env if one.name != PIN]
        container.env = kept if folder is None else [*kept, run_v2.EnvVar(name=PIN, value=folder)]
        # The entity tag that came with the job makes the platform refuse a change of older state.
        operation: Any = self._asked(
            "change",
            lambda: self._jobs().update_job(job=job, retry=None, timeout=_TIMEOUT_S),
            once=True,
        )
        while not self._asked("see", operation.done):
            self._timing.sleep(_POLL_S)
        changed = self._asked("change", lambda: operation.result(timeout=_TIMEOUT_S))
        return self._described(changed)

    def _get_job(self) -> run_v2.Job:
        return self._asked(
            "see",
            lambda: self._jobs().get_job(name=self._name, retry=None, timeout=_TIMEOUT_S),
        )

    def _get_execution(self, name: str) -> Execution:
        path = f"{self._name}/executions/{name}"
        return _execution(
            self._asked(
                "see",
                lambda: self._executions().get_execution(name=path, retry=None, timeout=_TIMEOUT_S),
            )
        )

    def _described(self, job: run_v2.Job) -> CloudJob:
        task = job.template.template
        container = task.containers[0]
        pinned = [one.value for one in container.env if one.name == PIN]
        return CloudJob(
            name=self._job_id,
            project=self._project,
            region=self._region,
            image=container.image,
            accelerator=task.node_selector.accelerator,
            pinned=pinned[0] if pinned else None,
        )

    def _jobs(self) -> run_v2.JobsClient:
        return run_v2.JobsClient(**self._connection())

    def _executions(self) -> run_v2.ExecutionsClient:
        return run_v2.ExecutionsClient(**self._connection())

    def _connection(self) -> dict[str, Any]:
        if not self._endpoint:
            return {"transport": "rest"}
        return {
            "transport": "rest",
            "credentials": AnonymousCredentials(),  # type: ignore[no-untyped-call]
            "client_options": ClientOptions(api_endpoint=self._endpoint),
        }

    def _asked(self, act: str, ask: Callable[[], T], *, once: bool = False) -> T:
        """Ask until there is an answer, or once; turn the platform's refusals into errors.

        Raises:
            ConfigError: no such job, no right, no credentials, or a request it cannot meet.
            DataUnavailable: no answer in time, or the job changed meanwhile.
        """
        policy = replace(self._policy, attempts=1) if once else self._policy
        try:
            return retry(lambda: _attempt(ask), policy, self._timing)
        except GaveUp as stop:
            raise DataUnavailable(
                f"Cloud Run does not answer: {stop}.",
                remedy="It may have done it all the same: look with `forecastlab cloud status`."
                if once
                else "Try again later; the schedule does not depend on this command.",
            ) from stop
        except status.Conflict as error:
            raise DataUnavailable(
                f"{self._job_id} was changed by another at the same time ({_said(error)}).",
                remedy="Look with `forecastlab cloud status`, then try again.",
            ) from error
        except (status.GoogleAPICallError, auth.GoogleAuthError) as error:
            raise self._refused(act, error) from error

    def _refused(self, act: str, error: Exception) -> ForecastLabError:
        where = f"project {self._project}, region {self._region}"
        if isinstance(error, status.NotFound):
            return ConfigError(
                f"There is no job {self._job_id} in {where} ({_said(error)}).",
                remedy="Check FORECASTLAB_PROJECT, FORECASTLAB_REGION and FORECASTLAB_JOB, or set"
                " it up with deploy/setup.sh.",
            )
        if isinstance(error, status.Forbidden):
            return ConfigError(
                f"This account may not {act} {self._job_id} in {where} ({_said(error)}).",
                remedy=f"Grant it {_ROLES[act]}.",
            )
        if isinstance(error, status.Unauthorized | auth.GoogleAuthError):
            return ConfigError(f"Google does not accept the login: {_said(error)}.", remedy=_LOGIN)
        return ConfigError(
            f"Cloud Run refuses: {_said(error)}.",
            remedy="docs/cloud.md lists the usual causes, a missing GPU quota among them.",
        )


def _attempt(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except status.GoogleAPICallError as error:
        if error.code in _PASSING:
            raise TryAgain(_said(error)) from error
        raise
    except auth.RefreshError as error:
        if error.retryable:
            raise TryAgain(_said(error)) from error
        raise
    except (requests.RequestException, auth.TransportError) as error:
        raise TryAgain(_said(error)) from error


def _said(error: Exception) -> str:
    if not isinstance(error, status.GoogleAPICallError):
        return str(error).rstrip(".").replace("\n", " ")
    # The client puts method and address before the platform's own words.
    words = re.sub(r"^[A-Z]+ https?://\S+: ", "", str(error.message))
    return f"{int(error.code or 0)}: {words}".rstrip(".").replace("\n", " ")


def _execution(found: run_v2.Execution) -> Execution:
    completed = next((one for one in found.conditions if one.type_ == "Completed"), None)
    return Execution(
        name=found.name.rpartition("/")[2],
        state=_state(found),
        created_at=found.create_time,
        completed_at=found.completion_time or None,
        retried=found.retried_count,
        reason=completed.message if completed else "",
        log_uri=found.log_uri,
    )


def _state(found: run_v2.Execution) -> ExecutionState:
    if found.completion_time:
        if found.cancelled_count:
            return "cancelled"
        # Each task counts once, by its last attempt.
        whole = found.succeeded_count >= max(found.task_count, 1)
        return "succeeded" if whole and not found.failed_count else "failed"
    return "running" if found.running_count or found.start_time else "waiting"
