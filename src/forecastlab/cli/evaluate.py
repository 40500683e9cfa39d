"""Commands of the proof: evaluate a recipe; show and export the trial ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecastlab.bootstrap import compute_engine, provenance
from forecastlab.cli import options, output
from forecastlab.contracts.errors import ConfigError, StoreUnavailable, UsageError
from forecastlab.contracts.trials import TrialLedger
from forecastlab.contracts.verdicts import PUBLISHED, REPORT, Estimate, VerdictFile
from forecastlab.report.wording import estimate, p_value, percent, percent_interval
from forecastlab.usecases.trials import export_trials, read_trials

if TYPE_CHECKING:
    from forecastlab.usecases.evaluate import EvaluateRequest
    from forecastlab.usecases.workspace import Workspace

trial_commands = typer.Typer(
    help="Show and export the ledger of looks at test labels.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(evaluate)
    trial_commands.command("list")(list_trials)
    trial_commands.command("export")(export)
    app.add_typer(trial_commands, name="trials")


What = Annotated[
    str,
    typer.Argument(
        help="A recipe file, or a bundle's name: what it keeps as evidence, without a fit.",
        metavar="CONFIG|BUNDLE",
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Cut-off candle (default: last closed).", metavar="DATE"),
]
Run = Annotated[
    str | None, typer.Option("--run", help="Name of the run under backtest/.", metavar="NAME")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="A small walk-forward, for trials; marked so.")
]


def evaluate(
    what: What,
    until: Until = None,
    run: Run = None,
    quick: Quick = False,
    symbol: options.Symbol = None,
    version: options.Version = None,
    size: options.Size = "default",
    device: options.Device = None,
    engine: options.Engine = "loky",
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show how good a recipe's forecasts have been, with intervals, and write the report.

    A recipe with several versions is shown as one table of all of them; --recipe reports on one.

    Example: forecastlab evaluate config/reversal.toml --source file:candles/ --until 2025-09-30
    """
    # Imported only where it is needed: the learners cost every other command 1 s.
    from forecastlab.usecases.evaluate import EvaluateRequest, of_bundle  # noqa: PLC0415
    from forecastlab.usecases.evaluate import evaluate as evaluate_recipe  # noqa: PLC0415

    if what.endswith(".toml"):
        recipe = options.recipe(Path(what), symbol=symbol, size=size, device=device)
        workspace = options.workspace(deployment or recipe.name, source, store, verbose=verbose)
        request = EvaluateRequest(recipe, until, quick, run)
        if recipe.recipes is not None:
            chosen = options.versions(recipe, version)
            if version is None:
                _compare(workspace, request, engine, as_json=as_json)
                return
            request = replace(request, recipe=chosen[0])
    else:
        if until or symbol or quick or size != "default" or device or version:
            raise UsageError(
                f"{what} is a bundle: its cut-off, symbol and size are settled.",
                remedy="Leave these options out, or name a recipe.",
            )
        workspace = options.workspace(deployment, source, store, verbose=verbose)
        files = workspace.bundles.find(what)
        workspace = options.workspace(files.manifest.deployment, source, store, verbose=verbose)
        request = replace(of_bundle(files), run=run)
    with compute_engine(engine):
        done = evaluate_recipe(workspace, request, provenance())
    if as_json:
        output.print_json({"location": done.location, "verdict": done.verdicts})
        return
    _show(done.verdicts)
    output.say(f"The report: {done.location}{REPORT}")


def _compare(workspace: Workspace, request: EvaluateRequest, engine: str, *, as_json: bool) -> None:
    """Print the versions of a recipe next to each other."""
    from forecastlab.usecases.compare_versions import compare_versions  # noqa: PLC0415 - as above

    with compute_engine(engine):
        done = compare_versions(workspace, request, provenance())
    if as_json:
        output.print_json({"location": done.location, "versions": done.table})
        return
    rows: list[list[object]] = []
    for one in done.table.versions:
        rows.append([one.version, one.features, one.rows, estimate(one.auc)])
        rows[-1] += [estimate(one.accuracy), estimate(one.log_loss_gain, 5, signed=True)]
        rows[-1] += [estimate(one.net_return, 4, signed=True), one.ranks, one.verdict]
    first = done.table.versions[0]
    columns = ["version", "features", "labels", "AUC", "accuracy", "log loss gain"]
    columns += [f"return after {first.cost:.1%}", "ranks", "verdict"]
    output.table(columns, rows, title=f"{first.first} to {first.last}, all symbols, out of sample")
    output.say(f"The table: {done.location}")


def list_trials(
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """List the looks at test labels that this store knows of."""
    entries = read_trials(options.workspace(None, source, store).store)
    if as_json:
        output.print_json(TrialLedger(entries=entries))
        return
    rows = [
        [one.created_at, one.command, one.symbol, one.candidate, f"{one.first} – {one.last}"]
        + [one.scores.get("log_loss"), one.verdict]
        for one in sorted(entries, key=lambda one: one.created_at)
    ]
    columns = ["first look", "command", "symbol", "candidate", "rows", "log loss", "verdict"]
    output.table(columns, rows, title=f"{len(entries)} look(s) at test labels")


def export(
    file: Annotated[
        Path, typer.Argument(help="JSON file, as docs/results/trials.json.", metavar="FILE")
    ],
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Write the ledger to a file, beside the entries that are already there; none is ever lost.

    Example: forecastlab trials export docs/results/trials.json
    """
    ledger = export_trials(options.workspace(None, source, store).store, _committed(file))
    try:
        file.write_bytes(ledger.stored())
    except OSError as error:
        raise StoreUnavailable(
            f"{file} cannot be written: {error.strerror}.", remedy="Name another file."
        ) from error
    if as_json:
        output.print_json({"file": str(file), "entries": len(ledger.entries)})
    else:
        output.say(f"{file}: {len(ledger.entries)} look(s).")


def _committed(file: Path) -> TrialLedger | None:
    if not file.exists():
        return None
    try:
        return TrialLedger.parse(file.read_bytes(), what=str(file))
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.", remedy="Name another file."
        ) from error


def _show(document: VerdictFile) -> None:
    rows = []
    for name, one in document.candidates.items():
        found, scores, luck = one.evaluation, one.scores[PUBLISHED], one.multiplicity
        rows.append(
            [name, found.rows, f"{found.effective_rows:.0f}", found.log_loss]
            + [f"{percent(found.log_loss_skill, signed=True)} {percent_interval(found.ci95)}"]
            + [found.verdict, _shown(scores.get("event_auc")), _shown(scores.get("direction_auc"))]
            + [f"{p_value(luck.p_value)}; best of {luck.looks}: {p_value(luck.p_value_best)}"]
        )
    columns = ["candidate", "rows", "worth", "log loss", "skill [95 %]", "verdict", "AUC of a move"]
    output.table([*columns, "AUC of the side", "p"], rows, title=f"{document.run}, out of sample")


def _shown(one: Estimate | None) -> str:
    return "–" if one is None else estimate(one)
