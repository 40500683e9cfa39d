"""Operate the deployed job: run it, see its executions beside the records, pin a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.cloud_jobs import CloudJob, CloudJobs, Execution
from forecastlab.contracts.errors import EXIT_DONE, BundleRefused, DataUnavailable
from forecastlab.contracts.intervals import parse_asof
from forecastlab.contracts.records import RunReport
from forecastlab.usecases.publish import newest_sealed
from forecastlab.usecases.workspace import Workspace

IMAGE_MODELS: Final = "models/production"
"""Where the image holds the bundles that ship with it."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class ExecutionRow:
    """An execution, and what it left in the store.

    Attributes:
        execution: None for an attempt that no listed execution made, as one on a laptop.
        report: the newest run report of that execution; None where it left none.
    """

    execution: Execution | None
    report: RunReport | None


@dataclass(frozen=True)
class CloudStatus:
    """The deployed job, its newest executions, and the newest record."""

    job: CloudJob
    newest_record: str | None
    rows: tuple[ExecutionRow, ...]


@dataclass(frozen=True)
class LogsQuery:
    """Where the log of a job stands: a filter, and the command that reads it."""

    filter: str
    command: str


@dataclass(frozen=True)
class CloudRun:
    """An execution that was followed to its end, and the run reports that it left."""

    execution: Execution
    reports: tuple[RunReport, ...]


def run(
    workspace: Workspace,
    jobs: CloudJobs,
    arguments: Sequence[str] = (),
    *,
    timeout_s: float,
    tell: Callable[[Execution], None],
) -> CloudRun:
    """Execute the job and follow it to its end.

    Raises:
        DataUnavailable: the execution failed, or did not end in time.
        ConfigError: the platform refuses.
    """
    started = jobs.start(arguments)
    ended = jobs.follow(started.name, timeout_s=timeout_s, tell=tell)
    found = _reports(workspace, {started.created_at, ended.completed_at or started.created_at})
    reports = tuple(one for one in found if one.fields.get("execution") == ended.name)
    if ended.state != "succeeded":
        last = next((one for one in reversed(reports) if one.exit_code != EXIT_DONE), None)
        why = f"exit code {last.exit_code}: {last.error}" if last else ended.reason or "no reason"
        raise DataUnavailable(
            f"The execution {ended.name} {ended.state} ({why.rstrip('.')}).",
            remedy=f"Read its log with `forecastlab cloud logs-query {ended.name}`.",
        )
    return CloudRun(ended, reports)


def run_arguments(asof: str | None, *, dry_run: bool) -> list[str]:
    """Return the arguments that stand in for those of the job; none leaves them as they are.

    Raises:
        UsageError: `asof` names no candle.

    >>> run_arguments("2025-09-30", dry_run=True)
    ['--asof', '2025-09-30', '--dry-run']
    """
    if asof is not None:
        parse_asof(asof, "1h" if "T" in asof else "1d")
    return [*(["--asof", asof] if asof else []), *(["--dry-run"] if dry_run else [])]


def cloud_status(workspace: Workspace, jobs: CloudJobs, *, most: int) -> CloudStatus:
    """Lay the newest executions beside the run reports of their days, the newest first."""
    job, executions = jobs.job(), jobs.executions(most)
    instants = {workspace.wall.now(), *(one.created_at for one in executions)}
    reports = _reports(workspace, instants)
    by_execution = {one.fields.get("execution"): one for one in reports}
    names = {one.name for one in executions}
    rows = [ExecutionRow(one, by_execution.get(one.name)) for one in executions]
    # Before the oldest execution shown, the table would only grow.
    since = min((one.created_at for one in executions), default=workspace.wall.now() - _DAY)
    rows += [
        ExecutionRow(None, one)
        for one in reports
        if one.fields.get("execution") not in names and one.started_at >= since
    ]
    newest = newest_sealed(workspace.store, workspace.deployment)
    return CloudStatus(job, newest, tuple(sorted(rows, key=_when, reverse=True)))


def pin(workspace: Workspace, jobs: CloudJobs, folder: Path) -> CloudJob:
    """Let the bundle in a folder of shipped bundles speak, past the registry, until it is unpinned.

    Raises:
        BundleRefused: it does not ship with the program, or does not verify.
    """
    try:
        bundle = workspace.bundles.read_folder(folder)
    except BundleRefused as error:
        raise BundleRefused(
            f"{error.facts} A pin reaches only what ships with the image.",
            remedy=f"Promote it instead: `forecastlab promote {folder.name} --why …`.",
        ) from error
    return jobs.pin(f"{IMAGE_MODELS}/{bundle.name}")


def logs_query(job: str, project: str, execution: str | None, *, problems: bool) -> LogsQuery:
    """Say where the log of the job, or of one execution, stands.

    >>> logs_query("forecastlab-daily", "p", "forecastlab-daily-x7k2p", problems=True).filter
    ... # doctest: +NORMALIZE_WHITESPACE
    'resource.type="cloud_run_job" AND resource.labels.job_name="forecastlab-daily" AND
    labels."run.googleapis.com/execution_name"="forecastlab-daily-x7k2p" AND severity>=WARNING'
    """
    parts = ['resource.type="cloud_run_job"', f'resource.labels.job_name="{job}"']
    if execution:
        parts.append(f'labels."run.googleapis.com/execution_name"="{execution}"')
    if problems:
        parts.append("severity>=WARNING")
    query = " AND ".join(parts)
    command = f"gcloud logging read '{query}' --project {project} --freshness 7d --limit 200"
    return LogsQuery(query, command)


def _reports(workspace: Workspace, instants: set[datetime]) -> list[RunReport]:
    """Return the run reports of the days of these instants, the oldest first."""
    prefixes = {keys.runs_of_day(workspace.deployment, one) for one in instants}
    found = []
    for key in sorted(key for prefix in prefixes for key in workspace.store.list(prefix)):
        stored = workspace.store.get(key)
        if stored is not None:
            found.append(RunReport.parse(stored.data, what=key))
    return sorted(found, key=lambda one: one.started_at)


def _when(row: ExecutionRow) -> datetime:
    if row.execution is not None:
        return row.execution.created_at
    return datetime.min.replace(tzinfo=UTC) if row.report is None else row.report.started_at
