"""Record every attempt: what was tried, what came of it, how long each step took."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from forecastlab.contracts import keys
from forecastlab.contracts.errors import EXIT_DONE, EXIT_INTERNAL, ForecastLabError
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import RunReport, StepReport
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass
class Attempt:
    """One run under way; use cases note on it what they have settled so far."""

    asof_date: str | None = None
    result: str = "failed"
    steps: list[StepReport] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, work: Callable[[], str | None]) -> None:
        """Run one step that must not fail the run; None from `work` means nothing to do.

        Deliberate errors and bugs alike end up in the step's report: what comes after the
        forecast can neither fail nor delay it.
        """
        began = time.monotonic()
        try:
            detail = work()
        except Exception as error:  # the forecast is sealed; nothing may undo that
            log.warning("step %s failed: %s", name, error, exc_info=True)
            report = StepReport(
                name=name, status="failed", detail=str(error), duration_s=_since(began)
            )
        else:
            report = StepReport(
                name=name,
                status="nothing_to_do" if detail is None else "done",
                detail=detail or "",
                duration_s=_since(began),
            )
        self.steps.append(report)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time one step whose errors are the run's."""
        began = time.monotonic()
        try:
            yield
        except ForecastLabError as error:
            self.steps.append(
                StepReport(name=name, status="failed", detail=str(error), duration_s=_since(began))
            )
            raise
        self.steps.append(StepReport(name=name, status="done", detail="", duration_s=_since(began)))


@contextmanager
def recorded(workspace: Workspace, command: str) -> Iterator[Attempt]:
    """Record the attempt made inside the context, whatever becomes of it.

    The report is written last; where the store itself fails, the original error goes on and the
    loss of the report is logged.
    """
    attempt, began = Attempt(), time.monotonic()
    started_at = workspace.wall.now()
    error: BaseException | None = None
    try:
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
            fields=attempt.fields,
        )
        _keep(workspace, report)


def _keep(workspace: Workspace, report: RunReport) -> None:
    key = keys.run(report.deployment, report.started_at, report.run_id)
    try:
        workspace.store.put(key, report.stored(), if_generation=ABSENT)
    except ForecastLabError as error:
        log.warning("the attempt %s could not be recorded: %s", key, error)


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return EXIT_DONE
    return error.exit_code if isinstance(error, ForecastLabError) else EXIT_INTERNAL


def _since(began: float) -> float:
    return round(time.monotonic() - began, 4)
