"""What moved a sealed forecast: `forecastlab explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from forecastlab.cli import options, output
from forecastlab.contracts.explanations import CandidateExplanation, Explanation
from forecastlab.usecases.explain import explain as explain_record
from forecastlab.usecases.explain import keep_explanation


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(explain)


def explain(
    asof: Annotated[
        str | None,
        typer.Argument(help="As-of of a sealed record (default: the newest).", metavar="[DATE]"),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Columns to show of each score.")] = 5,
    store_it: Annotated[
        bool, typer.Option("--keep", help="Store it for the dashboard, as the morning does.")
    ] = False,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Take the scores of a sealed record's members apart, column by column.

    Example: forecastlab explain 2025-09-30 --top 5
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    found = explain_record(workspace, asof)
    if store_it:
        keep_explanation(workspace, found)
    if as_json:
        output.print_json(found)
        return
    output.say(f"{found.deployment} {found.asof_date}, made by {found.bundle.name}")
    for name, candidate in found.candidates.items():
        _show(name, candidate, top)
    _doubts(found)


def _show(name: str, candidate: CandidateExplanation, top: int) -> None:
    for member, one in candidate.members.items():
        say = "published" if member == candidate.method else "a member"
        output.say(f"\n{name} {member} ({say}), in {one.unit}")
        for which, parts in one.contributions.items():
            shown, rest = _strongest(parts, top)
            told = ", ".join(f"{column} {value:+.4f}" for column, value in shown.items())
            more = f", {len(parts) - len(shown)} more {rest:+.4f}" if len(parts) > top else ""
            output.say(f"  {which:>5}  {one.raw[which]:+.4f} = {one.base[which]:+.4f} {told}{more}")
    for member, why in candidate.not_explained.items():
        output.say(f"\n{name} {member}: not explained, {why}")


def _strongest(parts: Mapping[str, float], top: int) -> tuple[dict[str, float], float]:
    """Return the columns that add most, and the sum of the others."""
    ordered = sorted(parts.items(), key=lambda one: -abs(one[1]))
    return dict(ordered[:top]), sum(value for _, value in ordered[top:])


def _doubts(found: Explanation) -> None:
    if not found.same_candles:
        output.say("\nThe candles in force are not those that the record was made of.")
    if not found.replays:
        output.say("\nThe members do not say again what the record holds: this explains less.")
