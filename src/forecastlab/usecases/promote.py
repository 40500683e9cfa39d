"""Change the champion: promotion and rollback verify first, then write one event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.registry import EventKind, RegistryEvent, RegistryState
from forecastlab.usecases.champion import opened
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.workspace import Workspace

Gate = Callable[[OpenBundle], Mapping[str, Any]]
"""A gate of promotion: returns its report, or raises GateRefused."""


def register(workspace: Workspace, bundle: OpenBundle, *, why: str) -> RegistryEvent:
    """Note that a bundle exists; it does not speak."""
    return _append(workspace, "registered", bundle, why=why, gates={})


def promote(
    workspace: Workspace, name: str, *, why: str, gates: Mapping[str, Gate] | None = None
) -> RegistryEvent:
    """Make a bundle the champion, after it verified, gave its known answers and passed the gates.

    Raises:
        BundleRefused: it does not verify; the champion stays.
        GateRefused: a gate said no; the champion stays.
        UsageError: it is the champion already, or retired.
        PreconditionFailed: another process changed the registry first.
    """
    state = workspace.registry.state()
    _refuse_unfit(state, name)
    bundle = opened(workspace, workspace.bundles.find(name))
    report: dict[str, Any] = {"verify": "passed", "known_answers": "passed"}
    for gate, check in (gates or {}).items():
        report[gate] = dict(check(bundle))
    return _append(workspace, "promoted", bundle, why=why, gates=report)


def rollback(workspace: Workspace, *, to: str | None, why: str) -> RegistryEvent:
    """Return to an earlier champion (default: the one before), verified before the event.

    Raises:
        UsageError: there is no champion to return to, or the name never was one.
        BundleRefused: the target does not verify; the champion stays.
        PreconditionFailed: another process changed the registry first.
    """
    state = workspace.registry.state()
    target = to or state.previous_champion
    if target is None:
        raise UsageError(
            f"{workspace.deployment} has no earlier champion.",
            remedy="Name a bundle with --to, or promote one.",
        )
    _refuse_unfit(state, target)
    if target not in state.champions:
        raise UsageError(
            f"{target} never was the champion of {workspace.deployment}.",
            remedy=f"Promote it instead: `forecastlab promote {target} --why …`.",
        )
    bundle = opened(workspace, workspace.bundles.find(target))
    gates = {"verify": "passed", "known_answers": "passed"}
    return _append(workspace, "rolled_back", bundle, why=why, gates=gates)


def _refuse_unfit(state: RegistryState, name: str) -> None:
    if name == state.champion:
        raise UsageError(f"{name} is the champion already.", remedy="Nothing needs to be done.")
    if name in state.retired:
        raise UsageError(f"{name} is retired.", remedy="Choose another bundle, or train one.")


def _append(
    workspace: Workspace, kind: EventKind, bundle: OpenBundle, *, why: str, gates: Mapping[str, Any]
) -> RegistryEvent:
    if not why.strip():
        raise UsageError("A change of the registry needs a reason.", remedy='Give --why "…".')
    events = workspace.registry.events()
    event = RegistryEvent(
        sequence=len(events) + 1,
        kind=kind,
        deployment=workspace.deployment,
        bundle=bundle.files.name,
        bundle_digest=bundle.files.digest,
        previous=workspace.registry.state().champion if kind != "registered" else None,
        at=workspace.wall.now(),
        by=workspace.by,
        why=why,
        gates=dict(gates),
    )
    workspace.registry.append(event)
    return event
