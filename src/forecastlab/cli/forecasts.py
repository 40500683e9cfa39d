"""Commands of the day: predict, daily, backfill, score, replay."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecastlab.cli import options, output, reading
from forecastlab.cli.shards import run_each
from forecastlab.contracts.errors import DataUnavailable, RecordConflict
from forecastlab.usecases.backfill import BackfillRequest, Mode
from forecastlab.usecases.backfill import backfill as fill_span
from forecastlab.usecases.morning import Morning, morning
from forecastlab.usecases.predict import PredictRequest
from forecastlab.usecases.predict import predict as predict_one
from forecastlab.usecases.replay import replay as replay_one
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.score import score as score_all
from forecastlab.usecases.shards import with_own_override

AsOf = Annotated[
    str | None,
    typer.Option(
        "--asof", help="As-of candle by its open, UTC (default: last closed).", metavar="DATE"
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (predict, daily, backfill, score, replay):
        app.command()(command)


def predict(
    asof: AsOf = None,
    bundle: options.Bundle = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make and seal the forecast of one as-of candle; with --json print the record itself.

    Example: forecastlab predict --source file:candles/ --asof 2025-09-30 --json
    """
    workspace = options.workspace(deployment, source, store, dry_run=dry_run, verbose=verbose)
    with recorded(workspace, "predict") as attempt:
        published = predict_one(workspace, PredictRequest(asof, bundle), attempt)
    if as_json:
        output.print_json(published.record)
    else:
        reading.show_published(published, dry_run=dry_run)


def daily(
    asof: AsOf = None,
    bundle: options.Bundle = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Run the whole morning: the forecast, missed as-ofs, scores. The exit code is the forecast's.

    FORECASTLAB_DEPLOYMENTS names several: the tasks of a cloud job share them, one that fails
    stops no other, and the exit code is the highest.

    Example: forecastlab daily
    """
    listed = options.share(deployment)

    def run(name: str | None) -> Morning:
        workspace = options.workspace(name, source, store, dry_run=dry_run, verbose=verbose)
        with recorded(workspace, "daily") as attempt:
            own = with_own_override(workspace) if listed is not None else workspace
            return morning(own, PredictRequest(asof, bundle), attempt)

    if listed is not None and len(listed) != 1:
        run_each(listed, lambda name: _document(run(name)), as_json=as_json)
    done = run(listed[0] if listed else deployment)
    if as_json:
        output.print_json(_document(done))
        return
    reading.show_published(done.published, dry_run=dry_run)
    rows = [[step.name, step.status, step.detail, step.duration_s] for step in done.steps]
    output.table(["step", "status", "detail", "seconds"], rows)


def _document(done: Morning) -> dict[str, Any]:
    published = done.published
    told = {"record": published.record, "steps": done.steps, "key": published.key}
    return {**told, "publication": published.publication}


def backfill(
    first: Annotated[str, typer.Option("--from", help="First as-of.", metavar="DATE")],
    last: Annotated[str, typer.Option("--to", help="Last as-of.", metavar="DATE")],
    mode: Annotated[
        str,
        typer.Option(
            "--mode", help="missing, failed (attempted in vain) or all (sealed ones too)."
        ),
    ] = "missing",
    bundle: options.Bundle = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Forecast past as-ofs after the bundle's cut-off, marked as hindsight, in their own place.

    Before the cut-off nothing is forecast: the bundle's stored out-of-fold forecasts are shown.

    Example: forecastlab backfill --from 2025-10-01 --to 2025-10-07
    """
    request = BackfillRequest(first, last, _mode(mode), bundle)
    workspace = options.workspace(deployment, source, store, dry_run=dry_run, verbose=verbose)
    with recorded(workspace, "backfill") as attempt:
        rows = fill_span(workspace, request)
        attempt.result = f"{sum(row.result == 'filled' for row in rows)} filled"
    if as_json:
        output.print_json(rows)
    else:
        table = [[row.asof, row.result, row.reason or reading.shares(row.oof)] for row in rows]
        output.table(["as-of", "result", ""], table)
    refused = [row for row in rows if row.result == "refused"]
    if refused:
        raise DataUnavailable(
            f"{len(refused)} of {len(rows)} as-ofs were refused; the first, {refused[0].asof}:"
            f" {refused[0].reason}",
            remedy="The others are done; run again once the candles are whole.",
        )


def score(
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write the outcomes that have resolved, and score live forecasts against their base rates.

    Example: forecastlab score
    """
    workspace = options.workspace(deployment, source, store, dry_run=dry_run, verbose=verbose)
    with recorded(workspace, "score") as attempt:
        report = score_all(workspace)
        attempt.result = f"{report.written} outcomes written"
    for problem in report.problems:
        output.warn(problem)
    if as_json:
        output.print_json(report)
        return
    output.say(f"{report.written} outcome(s) written.")
    columns = [
        "candidate",
        "resolved",
        "pending",
        "not live",
        "log loss",
        "base rate",
        "Brier",
        "base rate",
        "set held",
    ]
    rows = [
        (
            *(one.candidate, one.resolved, one.pending, one.not_counted),
            *(one.log_loss, one.base_rate_log_loss),
            *(one.brier, one.base_rate_brier, one.set_coverage),
        )
        for one in report.scores
    ]
    output.table(columns, rows, title="Live forecasts that have resolved (others never count)")


def replay(
    asof: Annotated[str, typer.Argument(help="As-of of a sealed record.", metavar="DATE")],
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make a sealed forecast again and compare; exit 6 if it differs. Nothing is written.

    Example: forecastlab replay 2025-09-30 --source file:candles/
    """
    workspace = options.workspace(deployment, source, store, dry_run=True, verbose=verbose)
    result = replay_one(workspace, asof)
    if as_json:
        output.print_json(result)
    if result.differs:
        raise RecordConflict(
            f"The replay of {asof} differs from the sealed record in {', '.join(result.differs)}.",
            remedy="The sealed record stands; the candles in force or a library have changed.",
        )
    if not as_json:
        output.say(f"{asof}: the replay equals the sealed record.")


def _mode(text: str) -> Mode:
    modes: dict[str, Mode] = {"missing": "missing", "failed": "failed", "all": "all"}
    if text not in modes:
        raise typer.BadParameter("choose missing, failed or all", param_hint="--mode")
    return modes[text]
