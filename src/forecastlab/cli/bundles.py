"""Commands of bundles and the registry: update, train, promote, rollback, status, bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecastlab.bootstrap import compute_engine, provenance, read_recipe
from forecastlab.cli import options, output
from forecastlab.contracts.candles import describe_gaps
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.intervals import asof_name, parse_instant
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases import promote as registry_verbs
from forecastlab.usecases.champion import champion_needs
from forecastlab.usecases.open_bundle import open_bundle
from forecastlab.usecases.status import Status
from forecastlab.usecases.status import status as current_status
from forecastlab.usecases.update import held, training_needs
from forecastlab.usecases.update import update as update_lake

Name = Annotated[str, typer.Argument(help="The bundle's name.", metavar="NAME")]
ConfigPath = Annotated[
    Path, typer.Argument(help="Recipe, as config/reversal.toml.", metavar="CONFIG")
]

bundle_commands = typer.Typer(help="List, show and verify bundles.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (update, train, promote, rollback, status):
        app.command()(command)
    bundle_commands.command("list")(list_bundles)
    bundle_commands.command("show")(show_bundle)
    bundle_commands.command("verify")(verify_bundle)
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

    Example: forecastlab train config/reversal.toml --source file:candles/ --until 2025-09-30
    """
    # Training pulls in joblib and scipy; no other command pays for them.
    from forecastlab.usecases.train import TrainRequest  # noqa: PLC0415
    from forecastlab.usecases.train import train as train_bundle  # noqa: PLC0415

    recipe = options.recipe(config, symbol=symbol, size=size, device=device)
    workspace = options.workspace(deployment or recipe.name, source, store, verbose=verbose)
    with compute_engine(engine):
        trained = train_bundle(workspace, TrainRequest(recipe, until, quick=quick), provenance())
    if as_json:
        output.print_json(
            {"name": trained.name, "location": trained.location, "manifest": trained.manifest}
        )
        return
    rows = []
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


def promote(
    name: Name,
    why: options.Why,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make a bundle the champion, once it verified, gave its known answers and passed the audit.

    Example: forecastlab promote flow_T21X8_T14X8_20250930 --why "first bundle"
    """
    from forecastlab.usecases.audit import promotion_gates  # noqa: PLC0415 - only here: 0.3 s

    workspace = options.workspace(deployment, source, store, verbose=verbose)
    # The audit reads the whole history of all symbols: it draws it, unless a source is named.
    market = options.workspace(deployment, source or "simulated", store, dry_run=True)
    event = registry_verbs.promote(workspace, name, why=why, gates=promotion_gates(market))
    _tell(event, as_json=as_json)


def rollback(
    why: options.Why,
    to: Annotated[
        str | None,
        typer.Option("--to", help="An earlier champion (default: the last).", metavar="NAME"),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Return to an earlier champion: verified first, then one audited event.

    Example: forecastlab rollback --why "calibration drifts"
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    _tell(registry_verbs.rollback(workspace, to=to, why=why), as_json=as_json)


def status(
    at: Annotated[
        str | None, typer.Option("--at", help="What was live at this instant.", metavar="INSTANT")
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show what is live, since when and why; with --at what was live then.

    Example: forecastlab status --at 2025-10-01T12:00:00Z
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    found = current_status(workspace, at=parse_instant(at, what="--at") if at else None)
    if as_json:
        output.print_json(found)
    else:
        _show_status(found)
    if found.refused:
        raise BundleRefused(found.refused, remedy="Roll back, or restore the bundle.")


def _show_status(found: Status) -> None:
    output.say(f"{found.deployment} at {found.at:%Y-%m-%d %H:%M} UTC")
    if found.override:
        output.say(f"override: {found.override} speaks, whatever the registry says")
    if found.champion:
        output.say(f"champion: {found.champion}, since {found.since:%Y-%m-%d %H:%M} UTC")
    else:
        output.say(
            f"champion: none yet; the first publish seats {found.first_champion or 'nothing'}"
        )
    if found.speaks:
        said = "does not verify" if found.refused else "verifies"
        output.say(f"speaks next: {found.speaks}, which {said}")
    if found.newest_record:
        output.say(f"newest record: {found.newest_record}")
    rows = [[e.sequence, e.at, e.kind, e.bundle, e.by, e.why] for e in found.events]
    output.table(["#", "at", "event", "bundle", "by", "why"], rows)


def list_bundles(
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """List the bundles there are, and whether each verifies."""
    workspace = options.workspace(deployment, source, store)
    state, rows = workspace.registry.state(), []
    for name in workspace.bundles.names():
        try:
            manifest = workspace.bundles.find(name).manifest
            said, cut_off = "verifies", manifest.training.cut_off
        except BundleRefused as error:
            said, cut_off = error.facts, None
        rows.append(
            {"name": name, "cut_off": cut_off, "verify": said, "champion": name == state.champion}
        )
    if as_json:
        output.print_json(rows)
    else:
        output.table(
            ["bundle", "cut-off", "verify", "champion"], [list(row.values()) for row in rows]
        )


def show_bundle(
    name: Name,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a bundle's card, or with --json its manifest."""
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
    """Check every hash, the library versions and the known answers; exit 4 if one fails."""
    bundle = open_bundle(options.workspace(None, source, store).bundles.find(name))
    if as_json:
        output.print_json({"name": name, "digest": bundle.files.digest, "verify": "passed"})
    else:
        output.say(f"{name} verifies: {len(bundle.files.files)} files, known answers given.")


def _tell(event: RegistryEvent, *, as_json: bool) -> None:
    if as_json:
        output.print_json(event)
    else:
        output.say(f"{event.kind}: {event.bundle} speaks from now on (event {event.sequence}).")
