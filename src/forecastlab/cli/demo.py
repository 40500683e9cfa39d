"""The offline demo: no key, no network, no market data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from forecastlab.bootstrap import (
    Choice,
    chosen_settings,
    configure_logging,
    open_demo,
    provenance,
    read_recipe,
)
from forecastlab.cli import options, output, reading

LAST_ASOF: Final = datetime(2025, 9, 30, tzinfo=UTC)
"""The demo's newest as-of: fixed, so that every demo shows the same forecasts."""


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(demo)


def demo(
    mornings: Annotated[int, typer.Option(min=1, max=365, help="Mornings to live through.")] = 60,
    store: Annotated[
        str, typer.Option("--store", help="The demo's own store.", metavar="PATH")
    ] = "outputs-demo",
    config: Annotated[Path, typer.Option(help="Recipe to train.")] = Path("config/reversal.toml"),
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Train a small bundle on the simulated market and live through 60 mornings, offline.

    Example: forecastlab demo --mornings 10
    """
    # Training pulls in joblib and scipy; no other command pays for them.
    from forecastlab.usecases.demo import demo as run_demo  # noqa: PLC0415

    recipe = read_recipe(config)
    settings = chosen_settings(Choice(recipe.name, "simulated", store))
    configure_logging(settings.log, verbose, log_format=settings.log_format)
    workspace, set_clock = open_demo(settings)
    done = run_demo(
        workspace, recipe, provenance(), last_asof=LAST_ASOF, mornings=mornings, set_clock=set_clock
    )
    if as_json:
        published = done.newest.published
        output.print_json(
            {"record": published.record, "key": published.key, "published": done.published}
        )
        return
    reading.show_published(done.newest.published)
    output.say(
        f"Store: {store} ({done.sealed_before} sealed before, {done.published} published now)."
    )
    output.say("The market is simulated: these numbers say nothing about BTC.")
