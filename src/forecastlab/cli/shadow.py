"""Commands of the shadow: ask the challengers beside the champion, and judge what they said."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.cli import options, output
from forecastlab.evaluation.shadow_rates import ShadowCheck
from forecastlab.evaluation.shadow_scores import Estimate, ShadowScores
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.shadow_report import ShadowReport, refuse_failed, shadow_report
from forecastlab.usecases.shadow_run import run_shadow

shadow_commands = typer.Typer(
    help="Run challengers beside the champion, and judge them.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    shadow_commands.command("run")(run)
    shadow_commands.command("report")(report)
    app.add_typer(shadow_commands, name="shadow")


def run(
    asof: Annotated[
        str | None,
        typer.Option("--asof", help="A sealed as-of (default: the newest).", metavar="DATE"),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Ask every challenger of a sealed as-of; `daily` does so by itself. Nothing is published.

    Example: forecastlab shadow run
    """
    workspace = options.workspace(deployment, source, store, dry_run=dry_run, verbose=verbose)
    with recorded(workspace, "shadow run") as attempt:
        done = run_shadow(workspace, asof)
        attempt.asof_date, attempt.result = asof, done or "nothing_to_do"
    if as_json:
        output.print_json({"asof": asof, "result": attempt.result})
    else:
        output.say(done or "Nothing to do: there is no challenger, or this as-of is done.")


def report(
    challenger: Annotated[
        str | None,
        typer.Argument(help="A bundle (default: the newest challenger).", metavar="[CHALLENGER]"),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(
            "--days", help="Span (default: the deployment's own).", metavar="N", min=0, max=3660
        ),
    ] = None,
    min_bars: Annotated[
        int | None,
        typer.Option("--min-bars", help="Bars that it must have answered.", metavar="N", min=0),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Judge a challenger by its shadow; exit 5 unless every check passes. Nothing is written.

    Example: forecastlab shadow report --days 2 --min-bars 20
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    found = shadow_report(workspace, challenger, days=days, min_bars=min_bars)
    if as_json:
        output.print_json(found.as_document())
    else:
        _show(found)
    refuse_failed(found)


def _show(found: ShadowReport) -> None:
    title = f"Shadow of {found.challenger}, {found.first} to {found.last}"
    rows = [
        ["✓" if one.passed else "✗", one.name, _figure(one, one.value), _bound(one), one.said]
        for one in found.checks
    ]
    output.say(title)
    output.table(["", "check", "is", "demanded", "seen"], rows)
    if found.missing:
        named = ", ".join(f"{one.asof} ({one.why})" for one in found.missing)
        output.say(f"{len(found.missing)} of {found.due} bars are missing: {named}.")
    if found.agreement is not None:
        share = output.percent(found.agreement)
        output.say(f"Same most likely class as the champion: {share} of {found.compared}.")
    lines = [
        [one.candidate, one.rows, score, *(_told(one.scores[who][score]) for who in one.scores)]
        + [_told(gain), _judged(one, score)]
        for one in found.scores
        for score, gain in one.gain.items()
    ]
    columns = ["candidate", "resolved", "score", "challenger", "champion", "gain", ""]
    if lines:
        output.table(columns, lines, title="Bars that both answered and that have resolved")
    output.say("passed" if found.passed else "not passed")


_COUNTS = ("errors", "min_bars")


def _figure(check: ShadowCheck, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if check.name in _COUNTS else output.percent(value)


def _bound(check: ShadowCheck) -> str:
    if check.demanded is None:
        return "–"
    sign = {"errors": "=", "frozen": "<", "min_bars": "≥"}.get(check.name, ">")
    return f"{sign} {_figure(check, check.demanded)}"


def _judged(one: ShadowScores, score: str) -> str:
    return f"too few: {one.needed[score]} needed" if score in one.too_few else "95 % interval"


def _told(one: Estimate) -> str:
    if one.value is None:
        return "–"
    if one.low is None or one.high is None:
        return f"{one.value:.4f}"
    return f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]"
