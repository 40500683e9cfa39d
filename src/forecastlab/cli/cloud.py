"""Commands of the deployed job: run, status, rollback, logs-query, pin, unpin."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from forecastlab.bootstrap import Choice, chosen_settings, cloud_job, open_cloud
from forecastlab.cli import options, output
from forecastlab.contracts.cloud_jobs import CloudJob, Execution
from forecastlab.contracts.errors import ForecastLabError, UsageError
from forecastlab.settings import Settings
from forecastlab.usecases import cloud
from forecastlab.usecases.promote import rollback as roll_back

LOGS_PAGE: Final = "https://console.cloud.google.com/logs/query"

cloud_commands = typer.Typer(
    help="Run, watch and steer the deployed job (docs/cloud.md).", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (run, status, rollback, pin, unpin):
        cloud_commands.command()(command)
    cloud_commands.command("logs-query")(logs_query)
    app.add_typer(cloud_commands, name="cloud")


def run(
    asof: Annotated[
        str | None,
        typer.Option("--asof", help="As-of candle (default: last closed).", metavar="DATE"),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds to follow it for.")
    ] = 1800.0,
    deployment: options.Deployment = None,
    store: options.Store = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Execute the job now and follow it to its end; exit 3 if it fails.

    Example: forecastlab cloud run --asof 2025-09-30
    """
    arguments = cloud.run_arguments(asof, dry_run=dry_run)
    workspace = options.workspace(deployment, None, store, verbose=verbose)
    jobs = open_cloud(chosen_settings(Choice(deployment, store=store)))
    done = cloud.run(
        workspace,
        jobs,
        arguments,
        timeout_s=timeout_s,
        tell=lambda one: output.warn(f"{one.name}: {one.state}"),
    )
    if as_json:
        output.print_json(done)
        return
    output.say(f"{done.execution.name} {done.execution.state}.")
    for report in done.reports:
        output.say(f"{report.deployment} {report.asof_date}: {report.result}")


def status(
    most: Annotated[int, typer.Option("--last", min=1, max=100, help="Executions to show.")] = 10,
    deployment: options.Deployment = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show the job, its last executions beside what they left in the store, and the newest record.

    Example: forecastlab cloud status --last 3
    """
    workspace = options.workspace(deployment, None, store, verbose=verbose)
    jobs = open_cloud(chosen_settings(Choice(deployment, store=store)))
    found = cloud.cloud_status(workspace, jobs, most=most)
    if as_json:
        output.print_json(found)
        return
    job = found.job
    output.say(f"{job.name} in {job.project}, {job.region}: {job.image}")
    output.say(f"device: {job.accelerator or 'no GPU'}")
    if job.pinned:
        output.say(_pinned(job))
    output.say(f"newest record: {found.newest_record or 'none'}")
    columns = ["started", "execution", "state", "retries", "as-of", "exit", "result", "degraded"]
    output.table(columns, [_cells(row) for row in found.rows])


def rollback(
    to: Annotated[str, typer.Option("--to", help="An earlier champion.", metavar="NAME")],
    why: options.Why,
    deployment: options.Deployment = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Return to an earlier champion in the bucket's registry: verified first, then one event.

    Example: forecastlab cloud rollback --to flow_T21X8_T14X8_20250930 --why "calibration drifts"
    """
    settings = chosen_settings(Choice(deployment, store=store))
    _demand_bucket(settings)
    workspace = options.workspace(deployment, None, store, verbose=verbose)
    event = roll_back(workspace, to=to, why=why)
    if as_json:
        output.print_json(event)
    else:
        output.say(f"{event.bundle} speaks from the next run on (event {event.sequence}).")
    _warn_of_pin(settings)


def pin(
    bundle: Annotated[str, typer.Argument(help="A bundle that ships.", metavar="BUNDLE")],
    deployment: options.Deployment = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Let a shipped bundle speak past the registry (PRODUCTION_DIR); every record says so.

    Example: forecastlab cloud pin flow_T21X8_T14X8_20250930
    """
    if "/" in bundle or bundle in {"", ".", ".."}:
        raise UsageError(f"{bundle!r} is no bundle's name.", remedy="See `bundles list`.")
    settings = chosen_settings(Choice(deployment, store=store))
    workspace = options.workspace(deployment, None, store, verbose=verbose)
    job = cloud.pin(workspace, open_cloud(settings), settings.models / bundle)
    _tell(job, _pinned(job), as_json=as_json)


def unpin(as_json: options.AsJson = False) -> None:
    """Give the word back to the registry's champion.

    Example: forecastlab cloud unpin
    """
    job = open_cloud(chosen_settings(Choice())).pin(None)
    _tell(job, f"{job.name} is not pinned; the registry's champion speaks.", as_json=as_json)


def logs_query(
    execution: Annotated[
        str | None, typer.Argument(help="One execution (default: all).", metavar="[EXECUTION]")
    ] = None,
    problems: Annotated[
        bool, typer.Option("--problems", help="Warnings and errors alone.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Print the query for the job's log, the command that reads it, and its page; asks nobody.

    Example: forecastlab cloud logs-query --problems
    """
    project, _, job = cloud_job(chosen_settings(Choice()))
    query = cloud.logs_query(job, project, execution, problems=problems)
    page = f"{LOGS_PAGE};query={quote(query.filter, safe='')}?project={quote(project)}"
    if as_json:
        output.print_json({"filter": query.filter, "command": query.command, "page": page})
        return
    for line in (query.filter, query.command, page):
        output.say(line)


def _cells(row: cloud.ExecutionRow) -> list[Any]:
    run, report = row.execution, row.report
    cells: list[Any] = [None, "outside of the job", None, None]
    if run is not None:
        cells = [run.created_at, run.name, run.state, run.retried]
    elif report is not None:
        cells[0] = report.started_at
    if report is None:
        return [*cells, None, None, _why(run), None]
    degraded = ", ".join(report.fields.get("degraded", ()))
    return [*cells, report.asof_date, report.exit_code, report.error or report.result, degraded]


def _why(run: Execution | None) -> str:
    return "left no report" if run is None or not run.reason else run.reason


def _pinned(job: CloudJob) -> str:
    return f"pinned: PRODUCTION_DIR={job.pinned} speaks, whatever the registry says"


def _tell(job: CloudJob, text: str, *, as_json: bool) -> None:
    if as_json:
        output.print_json(job)
    else:
        output.say(text)


def _demand_bucket(settings: Settings) -> None:
    if not settings.store.startswith("gs://"):
        raise UsageError(
            f"The store {settings.store!r} is no bucket, so the deployed job does not read it.",
            remedy="Set FORECASTLAB_STORE=gs://bucket, or use `forecastlab rollback`.",
        )


def _warn_of_pin(settings: Settings) -> None:
    """Warn where a pin would outlive the rollback; the rollback itself stands either way."""
    try:
        job = open_cloud(settings).job()
    except ForecastLabError as error:
        output.warn(f"whether the job is pinned could not be seen: {error}")
        return
    if job.pinned:
        output.warn(f"{_pinned(job)}; lift it with `forecastlab cloud unpin`.")
