"""The analyst on the command line: `forecastlab analyse run|note|report`."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from forecastlab.bootstrap import open_lake
from forecastlab.cli import options, output
from forecastlab.contracts.analysis import InferenceRequest, InferenceResponse
from forecastlab.contracts.errors import UsageError
from forecastlab.usecases.analysis.note_scores import note_scores
from forecastlab.usecases.analysis.report import (
    SceneReport,
    read_analyses,
    scene_reports,
    sides_taken,
)

commands = typer.Typer(help="Ask the analyst, and see how it has done.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    commands.command("run")(run)
    commands.command("note")(note)
    commands.command("report")(report)
    app.add_typer(commands, name="analyse")


def run(
    question: Annotated[
        Path, typer.Argument(help="A request as JSON; - reads it from stdin.", metavar="FILE")
    ],
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Answer one question about a market, as `POST /api/v1/inference` does.

    Example: forecastlab analyse run request.json
    """
    # The analyst is wired for those who ask it, and for no other command.
    from forecastlab.bootstrap.analyst import open_analyst  # noqa: PLC0415

    workspace = options.workspace(None, None, store, verbose=verbose)
    asked = _request(question)

    async def answered() -> InferenceResponse:
        parts = open_analyst(options.settings(None, store), workspace.store)
        try:
            return await parts.analyst.analyse(asked)
        finally:
            await parts.close()

    found = asyncio.run(answered())
    if as_json:
        output.print_json(found)
        return
    output.say(f"{found.signal} at {found.confidence} %: {found.reasoning}")
    output.say(f"by {found.model} ({found.path}; scene {found.scene}, {found.scene_reason})")
    if found.fallback_reason:
        output.say(f"the model was not used: {found.fallback_reason}")
    if found.usage:
        output.say(f"cost {found.usage.cost} {found.usage.currency}")


def note(
    asof: Annotated[
        str | None,
        typer.Argument(help="The sealed forecast (default: the newest).", metavar="[DATE]"),
    ] = None,
    deployment: options.Deployment = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write the note on a sealed forecast, once; `note` in config/analyst.toml names its language.

    Example: forecastlab analyse note 2025-09-30
    """
    from forecastlab.bootstrap.analyst import note_writer  # noqa: PLC0415 - as above
    from forecastlab.usecases.analysis.note import note_of, write_note  # noqa: PLC0415
    from forecastlab.usecases.publish import newest_sealed, sealed  # noqa: PLC0415

    workspace = options.workspace(deployment, None, store, verbose=verbose)
    day = asof or newest_sealed(workspace.store, workspace.deployment)
    record = sealed(workspace.store, workspace.deployment, day) if day else None
    if record is None:
        raise UsageError(
            f"There is no sealed forecast of {day or workspace.deployment}.",
            remedy="Name a sealed as-of; `forecastlab status` tells the newest.",
        )
    writer = note_writer(options.settings(None, store), workspace.store)
    if writer is None:
        raise UsageError(
            "No note is asked for.", remedy='Set note = "en" or "zh" in config/analyst.toml.'
        )
    write_note(workspace.store, record, writer, workspace.wall)
    found = note_of(workspace.store, record)
    if as_json:
        output.print_json(found)
    elif found is not None:
        output.say(found.text)
        output.say(f"({found.model}, {found.created_at:%Y-%m-%d %H:%M} UTC)")


def report(
    days: Annotated[int, typer.Option("--days", min=1, help="Days of analyses, up to now.")] = 30,
    deployment: options.Deployment = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show the stored analyses by scene: who answered, what it cost, how the rival differed, hits.

    Example: forecastlab analyse report --days 7
    """
    workspace = options.workspace(deployment, None, store, verbose=verbose)
    until = workspace.wall.now()
    entries = read_analyses(
        workspace.store, workspace.deployment, since=until - timedelta(days=days), until=until
    )
    found = scene_reports(entries, sides_taken(open_lake(workspace.store), entries))
    notes = note_scores(workspace.store, workspace.deployment)
    if as_json:
        output.print_json({"days": days, "scenes": found, "notes": notes})
        return
    if notes.notes:
        output.say(
            f"{notes.notes} note(s) on forecasts: {notes.directed} in time with a direction,"
            f" {notes.hits} of {notes.resolved} resolved outcome(s) went that way."
        )
    if not found:
        output.say(
            f"No analysis of the last {days} day(s) is stored in {workspace.store.location}."
        )
        return
    columns = ["scene", "n", "by", "BUY/SELL/HOLD", "conf.", "ms", "cost", "rival agrees"]
    columns += ["rival's cost", "hits"]
    output.table(columns, [_row(one) for one in found], title=f"Analyses of {days} day(s)")
    output.say("A side hits if the price is there four hours later; a share needs 30 of them.")


def _row(found: SceneReport) -> list[object]:
    by = ", ".join(f"{path} {count}" for path, count in sorted(found.paths.items()))
    cost, rivals = (
        ", ".join(f"{value:.4f} {currency}" for currency, value in one.items()) or "–"
        for one in (found.cost, found.rival_cost)
    )
    rival = "–" if found.agreement is None else output.percent(found.agreement)
    hits = f"({found.resolved})" if found.hits is None else output.percent(found.hits)
    return [
        found.scene,
        found.count,
        by,
        "/".join(str(count) for count in found.signals.values()),
        f"{found.confidence:.0f} %",
        f"{found.median_ms:.0f}",
        cost,
        f"{rival} of {found.compared}" if found.compared else "–",
        rivals,
        hits,
    ]


def _request(path: Path) -> InferenceRequest:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return InferenceRequest.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path}: {where}: {first['msg']}.", remedy="See docs/analyst.md for a request."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no request: {error}.", remedy="Give a JSON file.") from error
