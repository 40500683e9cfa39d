"""The command of the candidate search."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer

from forecastlab.bootstrap import compute_engine, provenance, read_recipe
from forecastlab.cli import options, output
from forecastlab.contracts.errors import UsageError
from forecastlab.report.search_page import REPORT
from forecastlab.report.wording import p_value, percent, percent_interval
from forecastlab.usecases.search import HORIZONS, LEVELS, Searched, SearchRequest
from forecastlab.usecases.search import search as run_search

_HORIZONS: Final = ",".join(map(str, HORIZONS))
_LEVELS: Final = ",".join(f"{level * 100:g}" for level in LEVELS)


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(search)


def search(
    config: Annotated[
        Path, typer.Argument(help="Recipe; the grid replaces its candidates.", metavar="[CONFIG]")
    ] = Path("config/reversal.toml"),
    horizons: Annotated[
        str, typer.Option(help="Days, with commas between.", metavar="DAYS")
    ] = _HORIZONS,
    levels: Annotated[
        str, typer.Option(help="Levels in per cent, with commas between.", metavar="PER_CENT")
    ] = _LEVELS,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Cut-off candle (default: last closed).", metavar="DATE"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small walk-forward, for trials.")
    ] = False,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Name of the search (default: found again by its inputs)."),
    ] = None,
    engine: options.Engine = "loky",
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Score the grid of horizons and levels out of sample; go on where an earlier run stopped.

    Example: forecastlab search --source file:candles/ --engine dask
    """
    recipe = read_recipe(config)
    request = SearchRequest(
        recipe,
        horizons=_whole_numbers(horizons, "--horizons"),
        levels=tuple(round(level / 100, 6) for level in _numbers(levels, "--levels")),
        until=until,
        quick=quick,
        run=run,
    )
    workspace = options.workspace(deployment or recipe.name, source, store, verbose=verbose)
    with compute_engine(engine):
        found = run_search(workspace, request, provenance())
    if as_json:
        output.print_json(_document(found))
    else:
        _show(found)


def _show(found: Searched) -> None:
    rows = []
    for one in found.cells:
        seen = one.cell.evaluation
        skill = f"{percent(seen.log_loss_skill, signed=True)} {percent_interval(seen.ci95)}"
        counts = [one.cell.candidate, seen.rows, percent(one.cell.event_share), seen.log_loss]
        rows.append([*counts, skill, seen.reference, p_value(one.p_adjusted), one.verdict])
    columns = ["candidate", "days", "events", "log loss", "skill [95 %]", "against"]
    output.table(
        [*columns, "p (Holm)", "verdict"], rows, title=f"{found.run}, all cells out of sample"
    )
    if found.resumed:
        output.say(f"{found.resumed} cell(s) were finished before.")
    output.say(f"The report: {found.location}{REPORT}")


def _document(found: Searched) -> dict[str, object]:
    cells = [
        {**one.cell.model_dump(mode="json"), "p_adjusted": one.p_adjusted, "verdict": one.verdict}
        for one in found.cells
    ]
    return {
        "run": found.run,
        "location": found.location,
        "cut_off": found.cut_off,
        "resumed": found.resumed,
        "cells": cells,
    }


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(Fraction(part.strip())) for part in text.split(",")]
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(
            f"{option} {text!r} is no list of numbers.", remedy="Write them as 7,14,21."
        ) from error


def _whole_numbers(text: str, option: str) -> tuple[int, ...]:
    numbers = _numbers(text, option)
    if any(one != int(one) for one in numbers):
        raise UsageError(
            f"{option} {text!r} is no list of whole numbers.", remedy="Write them as 7,14,21."
        )
    return tuple(int(one) for one in numbers)
