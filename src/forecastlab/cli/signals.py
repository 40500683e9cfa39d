"""The command of the signals: a score of 0 to 100 for each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from forecastlab.cli import options, output
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.signals import NoSignal, Signal
from forecastlab.usecases.runs import recorded

DEPLOYMENT: Final = "signal_1h"

Symbols = Annotated[
    list[str] | None,
    typer.Option("--symbol", help="Only for this symbol; may be repeated.", metavar="SYMBOL"),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(signal)


def signal(
    symbol: Symbols = None,
    asof: Annotated[
        str | None,
        typer.Option("--asof", help="As-of candle (default: last closed).", metavar="HOUR"),
    ] = None,
    deployment: options.Deployment = DEPLOYMENT,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Score each symbol: 100 · P(+1 % is touched before −1 %), or say why there is no score.

    ML_MODEL_VERSION=v1, v2_6 or v2_7 asks for a version; else the registry chooses.

    Example: forecastlab signal --symbol BTCUSDT --json
    """
    # The models cost every other command 0.4 s of start.
    from forecastlab.usecases.signals import generate  # noqa: PLC0415

    workspace = options.workspace(deployment, source, store, verbose=verbose)
    with recorded(workspace, "signal") as attempt:
        made = generate(workspace, symbol or (), asof=asof)
        without = sum(isinstance(one, NoSignal) for one in made)
        attempt.asof_date = made[0].asof_date if made else None
        attempt.result = f"{len(made) - without} of {len(made)} signals"
        _show(made, as_json=as_json)
        if made and without == len(made):
            raise DataUnavailable(
                f"There is no signal for any of {len(made)} symbol(s).",
                remedy="The reasons are above; run `forecastlab update`.",
            )


def _show(made: Sequence[Signal | NoSignal], *, as_json: bool) -> None:
    if as_json:
        output.print_json({"signals": made})
        return
    rows: list[list[object]] = []
    for one in made:
        if isinstance(one, NoSignal):
            rows.append([one.symbol, one.asof_date, None, None, None, one.reason])
            continue
        doubts = [f"research only: {one.research_only}"] if one.research_only else []
        told = "; ".join((*doubts, *one.degraded))
        rows.append([one.symbol, one.asof_date, one.score, one.model_version, one.verdict, told])
    output.table(["symbol", "as of", "score", "version", "verdict", "degraded"], rows)
