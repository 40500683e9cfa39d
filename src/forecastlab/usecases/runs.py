"""Record every attempt: what was tried, what came of it, how long each step took."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import uuid4

from forecastlab.contracts import keys
from forecastlab.contracts.errors import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_TERMINATED,
    ForecastLabError,
    Terminated,
)
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import RunReport, StepReport
from forecastlab.usecases.alerts import alert_at_end
from forecastlab.usecases.counted_events import counted_events
from forecastlab.usecases.run_events import earlier_attempt, fields_of, tell_end, tell_step
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

Status = Literal["done", "nothing_to_do"]


@dataclass
class Attempt:
    """One run under way; use cases note on it what they have settled so far."""

    asof_date: str | None = None
    result: str = "failed"
    steps: list[StepReport] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def told(self) -> dict[str, Any]:
        """What the report says beside steps and result, with the log events that are counted."""
        return {**self.fields, **({"events": dict(self.counted)} if self.counted else {})}

    def step(self, name: str, work: Callable[[], str | None]) -> None:
        """Run one step that must not fail the run; None from `work` means nothing to do.

        Deliberate errors and bugs alike end up in the step's report: what comes after the
        forecast can neither fail nor delay it.
        """
        began = time.monotonic()
        try:
            detail = work()
        except Exception as error:  # noqa: BLE001 - the forecast is sealed; nothing may undo that
            self._failed(name, error, began)
        else:
            self._done(name, detail, began)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time one step whose errors are the run's."""
        began = time.monotonic()
        try:
            yield
        except BaseException as error:
            self._failed(name, error, began)
            raise
        self._done(name, "", began)

    def _done(self, name: str, detail: str | None, began: float) -> None:
        status: Status = "nothing_to_do" if detail is None else "done"
        self.steps.append(
            StepReport(name=name, status=status, detail=detail or "", duration_s=_since(began))
        )
        tell_step(self.steps[-1])

    def _failed(self, name: str, error: BaseException, began: float) -> None:
        self.steps.append(
            StepReport(name=name, status="failed", detail=str(error), duration_s=_since(began))
        )
        tell_step(self.steps[-1], error)


@contextmanager
def recorded(workspace: Workspace, command: str) -> Iterator[Attempt]:
    """Record the attempt made inside the context, whatever becomes of it; alert where it fails.

    The report is written last; where the store itself fails, the original error goes on and the
    loss of the report is logged.
    """
    attempt, began = Attempt(), time.monotonic()
    started_at = workspace.wall.now()
    error: BaseException | None = None
    try:
        with counted_events(attempt.counted):
            yield attempt
    except BaseException as caught:
        error = caught
        raise
    finally:
        report = RunReport(
            run_id=uuid4().hex[:8],
            command=command,
            deployment=workspace.deployment,
            started_at=started_at,
            finished_at=started_at + timedelta(seconds=_since(began)),
            asof_date=attempt.asof_date,
            exit_code=_exit_code(error),
            result=attempt.result if error is None else type(error).__name__,
            error=None if error is None else str(error),
            steps=tuple(attempt.steps),
            fields={**attempt.told, **fields_of(workspace.task)},
        )
        earlier = earlier_attempt(workspace, report)
        if earlier is not None:
            retry_of = {"retry_of": earlier.run_id}
            report = report.model_copy(update={"fields": {**report.fields, **retry_of}})
        try:
            _keep(workspace, report)
        except Terminated:  # asked to end only now: the report goes out all the same
            _keep(workspace, report)
            raise
        finally:
            tell_end(report, earlier, error)
            alert_at_end(workspace, report)


def _keep(workspace: Workspace, report: RunReport) -> None:
    key = keys.run(report.deployment, report.started_at, report.run_id)
    try:
        workspace.store.put(key, report.stored(), if_generation=ABSENT)
    except ForecastLabError as error:
        log.warning("the attempt %s could not be recorded: %s", key, error)


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return EXIT_DONE
    if isinstance(error, Terminated):
        return EXIT_TERMINATED
    return error.exit_code if isinstance(error, ForecastLabError) else EXIT_INTERNAL


def _since(began: float) -> float:
    return round(time.monotonic() - began, 4)
