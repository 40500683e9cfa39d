"""The command `adjust-score`: the direction formula on a pair of scores."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.cli import options, output
from forecastlab.cli.output import percent
from forecastlab.cli.reading import VERDICTS
from forecastlab.usecases.adjust_score import EVEN, Adjustment, Chance, adjust, newest_chance


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("adjust-score")(adjust_score)


def adjust_score(
    sell_score: Annotated[
        float, typer.Option("--sell-score", help="The sell score, 0 to 100.", metavar="SCORE")
    ],
    buy_score: Annotated[
        float, typer.Option("--buy-score", help="The buy score, 0 to 100.", metavar="SCORE")
    ],
    prob: Annotated[
        float | None,
        typer.Option("--prob", help="P(rise) (default: the newest record's).", metavar="P"),
    ] = None,
    base_rate: Annotated[
        float | None,
        typer.Option("--base-rate", help="Share of rises that --prob is to be read against."),
    ] = None,
    thresholds: Annotated[
        str,
        typer.Option("--thresholds", help="relative (base rate ± .08) or original (.58 and .42)."),
    ] = "relative",
    candidate: Annotated[
        str | None,
        typer.Option("--candidate", help="Direction to read off the record.", metavar="NAME"),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Strengthen the score that a chance of rising speaks for, and weaken the other.

    Example: forecastlab adjust-score --sell-score 45 --buy-score 38 --prob 0.6
    """
    if prob is None and base_rate is not None:
        raise typer.BadParameter("needs --prob; a record has its own", param_hint="--base-rate")
    if prob is not None and candidate is not None:
        raise typer.BadParameter("reads a record; leave out --prob", param_hint="--candidate")
    if prob is None:
        workspace = options.workspace(deployment, source, store, dry_run=True, verbose=verbose)
        chance = newest_chance(workspace, candidate)
    else:
        chance = Chance(prob, EVEN if base_rate is None else base_rate)
    found = adjust(sell_score, buy_score, chance, thresholds)
    if as_json:
        output.print_json(found)
    else:
        _show(found)


def _show(found: Adjustment) -> None:
    chance = found.chance
    origin = f" ({chance.candidate} as of {chance.asof})" if chance.asof else ""
    output.say(
        f"P(rise) {percent(chance.up)}{origin}, base rate {percent(chance.base_rate)};"
        f" bullish from {percent(found.upper)}, bearish up to {percent(found.lower)}"
        f" ({found.thresholds}): {found.action}"
    )
    rows = [
        ["sell", found.sell_score, found.adjusted_sell_score],
        ["buy", found.buy_score, found.adjusted_buy_score],
    ]
    output.table(["score", "before", "after"], rows)
    if chance.verdict is not None:
        output.say(f"Such forecasts have been {VERDICTS[chance.verdict]}.")
