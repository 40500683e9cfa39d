"""A bundle, examined: `forecastlab health`."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.cli import options, output
from forecastlab.usecases.health import SIGNS, Health, deployment_of, keep
from forecastlab.usecases.health import health as examine
from forecastlab.usecases.rehearsal import Reading


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(health)


def health(
    bundle: Annotated[
        str | None,
        typer.Argument(help="The bundle's name (default: what is to speak).", metavar="[BUNDLE]"),
    ] = None,
    store_it: Annotated[
        bool, typer.Option("--keep", help="Store the result beside those of the mornings.")
    ] = False,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Examine a bundle from its bytes to a forecast end to end; exit 4 if a step fails.

    Example: forecastlab health flow_T21X8_T14X8_20250930
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    if bundle is not None and deployment is None:
        own = deployment_of(workspace, bundle)
        workspace = options.workspace(own, source, store, verbose=verbose)
    found = examine(workspace, bundle)
    if store_it:
        keep(workspace, found)
    if as_json:
        output.print_json(found.as_document())
    else:
        _show(found)
    if not found.passed:
        raise found.refusal()


def _side(reading: Reading) -> str:
    return f"P(up | up or down) {reading.up_share:.3f}, base rate {reading.base_share:.3f}"


def _show(found: Health) -> None:
    rows = [[SIGNS[step.mark], step.name, step.facts, step.duration_s] for step in found.steps]
    output.table(["", "step", "found", "seconds"], rows, title=f"{found.bundle}: {found.summary}")
    for step in found.failed:
        output.say(f"✗ {step.name} → {step.remedy}")
    reading = found.reading
    if reading is not None:
        output.say(f"as-of       {reading.asof} ({reading.market} candles)")
        output.say(f"bull_prob   {reading.bull_prob:.3f} ({reading.candidate})")
        output.say(f"regime      {reading.regime or 'not modelled'}")
        output.say(f"direction   {reading.direction}: {_side(reading)}")
    speaks = f", chosen by {found.override}" if found.override else ""
    output.say(f"shadow      {'yes' if found.shadow else 'no'}: {found.role}{speaks}")
    times = {"load": found.load_s, "pipeline": found.pipeline_s, "forecast": found.forecast_s}
    told = ", ".join(f"{name} {spent:.2f} s" for name, spent in times.items() if spent is not None)
    output.say(f"times       {told or 'none'}")
