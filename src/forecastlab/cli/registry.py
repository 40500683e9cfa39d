"""Commands of the registry: promote, rollback, retire, status, history."""

from __future__ import annotations

from typing import Annotated

import typer

from forecastlab.bootstrap import provenance
from forecastlab.cli import options, output
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.intervals import parse_instant
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases import history as told
from forecastlab.usecases import promote as registry_verbs
from forecastlab.usecases.retire import retire as retire_bundle
from forecastlab.usecases.status import Status
from forecastlab.usecases.status import status as current_status

Name = Annotated[str, typer.Argument(help="The bundle's name.", metavar="NAME")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (promote, rollback, retire, status, history):
        app.command()(command)


def promote(
    name: Name,
    why: options.Why,
    force: Annotated[
        bool,
        typer.Option("--force", help="Promote although gates refuse; recorded as such."),
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Compare a changed recipe in small, for trials."),
    ] = False,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make a bundle the champion, once it verified, gave its known answers and passed its gates.

    A first champion passes the audit. A refit also health, shadow, and a bound on what moves; a
    changed recipe a walk-forward of both recipes on the same folds, which takes minutes.

    Example: forecastlab promote flow_T21X8_T14X8_20250930 --why "first bundle"
    """
    # The gates read evaluation and audit, which no other of these commands pays for: 0.3 s.
    from forecastlab.usecases.promotion.chosen import Examination  # noqa: PLC0415

    workspace = options.workspace(deployment, source, store, verbose=verbose)
    # The audit reads the whole history of all symbols: it draws it, unless a source is named.
    market = options.workspace(deployment, source or "simulated", store, dry_run=True)
    gates = Examination(workspace, market, provenance, quick=quick).gates
    event = registry_verbs.promote(workspace, name, why=why, gates=gates, force=force)
    if as_json:
        output.print_json(event)
        return
    _tell(event)
    output.say(f"Gates: {told.gate_summary(event)}.")
    until = current_status(workspace).watched_until
    if until is not None:
        output.say(f"It is watched until {until:%Y-%m-%d %H:%M} UTC. The way back:")
        output.say(f'  forecastlab rollback --deployment {event.deployment} --why "…"')


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
    event = registry_verbs.rollback(workspace, to=to, why=why)
    if as_json:
        output.print_json(event)
    else:
        _tell(event)


def retire(
    name: Name,
    why: options.Why,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Take a bundle out of use for good; its files and what it said stay.

    Example: forecastlab retire flow_T21X8_T14X8_20250930 --why "trained on bad candles"
    """
    workspace = options.workspace(deployment, source, store, verbose=verbose)
    event = retire_bundle(workspace, name, why=why)
    if as_json:
        output.print_json(event)
    else:
        output.say(f"{event.bundle} is retired (event {event.sequence}).")


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
    if found.damage:
        raise DataMalformed(
            f"The registry is damaged: {found.damage}",
            remedy="Restore its folder from a copy; until then nothing can be promoted.",
        )
    if found.refused:
        remedy = "Roll back, restore the bundle, or unset what names it."
        raise BundleRefused(found.refused, remedy=remedy)


def history(
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """List every event of the registry: what, who, when, why, and what the gates said.

    Example: forecastlab history --json
    """
    events = options.workspace(deployment, source, store, verbose=verbose).registry.events()
    if as_json:
        output.print_json([told.as_document(one) for one in events])
        return
    _show_events(events)
    for one in events:
        if one.gates:
            output.say(f"{one.sequence}: {told.gate_summary(one)}")


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
    if found.previous:
        output.say(f"a rollback returns to: {found.previous}")
    if found.watched_until:
        output.say(f"watched until: {found.watched_until:%Y-%m-%d %H:%M} UTC")
    if found.challengers:
        output.say(f"in shadow: {', '.join(found.challengers)}")
    if found.newest_record:
        output.say(f"newest record: {found.newest_record}")
    _show_events(found.events)


def _show_events(events: tuple[RegistryEvent, ...]) -> None:
    rows = [
        [e.sequence, e.at, f"{e.kind} (forced)" if e.forced else e.kind, e.bundle, e.by, e.why]
        for e in events
    ]
    output.table(["#", "at", "event", "bundle", "by", "why"], rows)


def _tell(event: RegistryEvent) -> None:
    output.say(f"{event.kind}: {event.bundle} speaks from now on (event {event.sequence}).")
