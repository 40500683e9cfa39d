"""Commands that make and read bundles: update, train, bundles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecastlab.bootstrap import compute_engine, provenance, read_recipe
from forecastlab.cli import options, output
from forecastlab.contracts.candles import describe_gaps
from forecastlab.contracts.intervals import asof_name
from forecastlab.usecases.bundle_list import ListedBundle
from forecastlab.usecases.bundle_list import list_bundles as listed_bundles
from forecastlab.usecases.champion import champion_needs
from forecastlab.usecases.open_bundle import open_bundle
from forecastlab.usecases.promote import enter_shadow
from forecastlab.usecases.update import held, training_needs
from forecastlab.usecases.update import update as update_lake

if TYPE_CHECKING:
    from forecastlab.usecases.train import Trained

Name = Annotated[str, typer.Argument(help="The bundle's name.", metavar="NAME")]
ConfigPath = Annotated[
    Path, typer.Argument(help="Recipe, as config/reversal.toml.", metavar="CONFIG")
]

bundle_commands = typer.Typer(help="List, show and verify bundles.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (update, train):
        app.command()(command)
    bundle_commands.command("list")(list_bundles)
    bundle_commands.command("show")(show_bundle)
    bundle_commands.command("verify")(verify_bundle)
    bundle_commands.command("register")(register_bundle)
    app.add_typer(bundle_commands, name="bundles")


def update(
    config: Annotated[
        Path | None,
        typer.Argument(
            help="Fetch all that this recipe trains on (default: what is served).",
            metavar="[CONFIG]",
        ),
    ] = None,
    accept_revisions: Annotated[
        bool, typer.Option("--accept-revisions", help="Put revised candles in force.")
    ] = False,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Fetch the candles that the store lacks; print rows, gaps and the last closed candle.

    Example: forecastlab update config/reversal.toml
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    workspace.check_pin()
    needs = training_needs(read_recipe(config)) if config else champion_needs(workspace)
    fetched = update_lake(workspace, needs, accept_revisions=accept_revisions)
    series = held(workspace, needs)
    if as_json:
        output.print_json({"fetched": fetched, "held": series})
        return
    rows = []
    for one in series:
        newest = asof_name(one.last_open, one.interval) if one.last_open else None
        counts = [one.rows, describe_gaps(one.gaps), len(one.rejected)]
        rows.append([one.symbol, one.interval, *counts, newest])
    output.table(["symbol", "interval", "candles", "gaps", "refused rows", "last closed"], rows)
    output.say(f"{sum(one.appended.new for one in fetched)} candle(s) fetched.")
    accepted = sum(one.accepted for one in fetched)
    pending = sum(one.pending for one in fetched)
    if accepted:
        output.say(f"{accepted} revised candle(s) are in force now.")
    if pending:
        output.say(
            f"The exchange has revised {pending} candle(s); the first-seen ones stay in force"
        )
        output.say("until `forecastlab update --accept-revisions`.")


def train(
    config: ConfigPath,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Cut-off candle (default: last closed).", metavar="DATE"),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A small walk-forward, for trials; marked so in the bundle."),
    ] = False,
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
    """Train a bundle: walk-forward, prequential choice, gates, final fit, known answers.

    Of a recipe with several versions all are trained, best first, unless --recipe names one.

    Example: forecastlab train config/reversal.toml --source file:candles/ --until 2025-09-30
    """
    # Training pulls in joblib and scipy; no other command pays for them.
    from forecastlab.usecases.train import TrainRequest  # noqa: PLC0415
    from forecastlab.usecases.train import train as train_bundle  # noqa: PLC0415

    recipe = options.recipe(config, symbol=symbol, size=size, device=device)
    workspace = options.workspace(deployment or recipe.name, source, store, verbose=verbose)
    chosen = options.versions(recipe, version)
    with compute_engine(engine):
        done = [
            train_bundle(workspace, TrainRequest(one, until, quick=quick), provenance())
            for one in chosen
        ]
    if as_json:
        told = [
            {"name": one.name, "location": one.location, "manifest": one.manifest} for one in done
        ]
        output.print_json(told[0] if len(told) == 1 else {"bundles": told})
        return
    for one in done:
        _show_trained(one)


def _show_trained(trained: Trained) -> None:
    rows: list[list[object]] = []
    for name, candidate in trained.manifest.candidates.items():
        found = candidate.evaluation
        low, high = found.ci95
        rows.append([name, candidate.method, found.rows, found.log_loss])
        rows[-1] += [
            f"{found.log_loss_skill:+.1%} [{low:+.1%}, {high:+.1%}]",
            found.reference,
            found.verdict,
        ]
    columns = ["candidate", "method", "rows", "log loss", "skill [95 %]", "against", "verdict"]
    output.table(columns, rows, title=f"{trained.name}, out of sample")
    output.say(f"The bundle lies in {trained.location}.")
    output.say(f"Let it speak: forecastlab promote {trained.name} --why …")


def list_bundles(
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """List the bundles there are: what each is to its deployment, and whether it verifies.

    Example: forecastlab bundles list
    """
    found = listed_bundles(options.workspace(deployment, source, store))
    if as_json:
        output.print_json(found)
        return
    rows = [
        [one.name, one.role, one.cut_off, _short(one.recipe_digest), one.verify, _verdicts(one)]
        for one in found
    ]
    output.table(["bundle", "role", "cut-off", "recipe", "verify", "verdicts"], rows)


def show_bundle(
    name: Name,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a bundle's card, or with --json its manifest.

    Example: forecastlab bundles show flow_T21X8_T14X8_20250930
    """
    files = options.workspace(None, source, store).bundles.find(name)
    if as_json:
        output.print_json(files.manifest)
    else:
        output.say(files.files["model_card.md"].decode())


def verify_bundle(
    name: Name,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Check every hash, the library versions and the known answers; exit 4 if one fails.

    Example: forecastlab bundles verify flow_T21X8_T14X8_20250930
    """
    bundle = open_bundle(options.workspace(None, source, store).bundles.find(name))
    if as_json:
        output.print_json({"name": name, "digest": bundle.files.digest, "verify": "passed"})
    else:
        output.say(f"{name} verifies: {len(bundle.files.files)} files, known answers given.")


def register_bundle(
    name: Name,
    why: options.Why = "put in shadow by hand",
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Put a bundle that was trained elsewhere in shadow; training does so by itself.

    Example: forecastlab bundles register flow_T21X8_T14X8_20250930
    """
    event = enter_shadow(options.workspace(deployment, source, store), name, why=why)
    if as_json:
        output.print_json(event)
    else:
        output.say(f"{name} is in shadow (event {event.sequence}).")


def _short(digest: str | None) -> str | None:
    return digest and digest.removeprefix("sha256:")[:12]


def _verdicts(one: ListedBundle) -> str:
    return ", ".join(f"{candidate}: {verdict}" for candidate, verdict in one.verdicts.items())
