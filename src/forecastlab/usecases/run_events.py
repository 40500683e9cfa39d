"""What a run tells while it goes and at its end, unless an earlier attempt has said so."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from forecastlab.contracts import keys
from forecastlab.contracts.cloud_task import CloudTask
from forecastlab.contracts.errors import EXIT_DONE, ForecastLabError, Terminated
from forecastlab.contracts.records import RunReport, StepReport
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

events = logging.getLogger("forecastlab.events")
"""How runs end, for machines that watch; a person is told the same by the command itself."""


def tell_step(report: StepReport, error: BaseException | None = None) -> None:
    """Tell how one step went; only a bug comes with its traceback."""
    fields = {"event": "step", **report.model_dump()}
    if error is None:
        log.info("step %s: %s", report.name, report.status, extra={"fields": fields})
        return
    bug = None if isinstance(error, ForecastLabError | Terminated) else error
    message = "step %s failed: %s"
    log.warning(message, report.name, report.detail, exc_info=bug, extra={"fields": fields})


def tell_end(
    report: RunReport, earlier: RunReport | None, error: BaseException | None = None
) -> None:
    """Tell how a run ended: one event, with the exit code.

    Its field `alert` is true where a person must look: the run failed or its forecast is degraded,
    and no earlier attempt of the same task ended in the same way.
    """
    failed, degraded = report.exit_code != EXIT_DONE, bool(report.fields.get("degraded"))
    told_before = earlier is not None and earlier.exit_code == report.exit_code
    alert = (failed or degraded) and not told_before
    severity = logging.WARNING if failed or degraded else logging.INFO
    if failed and alert:
        severity = logging.ERROR
    fields = {
        "event": "run_finished",
        "alert": alert,
        "duration_s": (report.finished_at - report.started_at).total_seconds(),
        **report.model_dump(mode="json", exclude={"steps", "fields", "schema_version"}),
        **report.fields,
    }
    known = error is None or isinstance(error, ForecastLabError | Terminated)
    events.log(
        severity,
        "%s of %s ended with exit code %d: %s",
        report.command,
        report.deployment,
        report.exit_code,
        report.error or report.result,
        exc_info=None if known else error,
        extra={"fields": fields},
    )


def fields_of(task: CloudTask) -> dict[str, Any]:
    """Return what a run report says of the task that made it; nothing outside of a cloud job."""
    if task.execution is None:
        return {}
    return {"execution": task.execution, "task_index": task.index, "task_attempt": task.attempt}


def earlier_attempt(workspace: Workspace, report: RunReport) -> RunReport | None:
    """Return the newest earlier attempt of the same task of the same execution, if it left one.

    Only a retry asks the store; one that cannot be read counts as none, for saying a thing twice
    does less harm than never.
    """
    task = workspace.task
    if task.execution is None or task.attempt == 0:
        return None
    mine = {"execution": task.execution, "task_index": task.index}
    try:
        found = _of_two_days(workspace, report)
    except ForecastLabError as error:
        log.warning("earlier attempts cannot be read: %s", error)
        return None
    ours = (one for one in found if mine.items() <= one.fields.items())
    return max(ours, key=lambda one: int(one.fields["task_attempt"]), default=None)


def _of_two_days(workspace: Workspace, report: RunReport) -> list[RunReport]:
    days = (report.started_at - timedelta(days=1), report.started_at)
    found = []
    for day in days:
        for key in workspace.store.list(keys.runs_of_day(report.deployment, day)):
            stored = workspace.store.get(key)
            if stored is not None:
                found.append(RunReport.parse(stored.data, what=key))
    return found
