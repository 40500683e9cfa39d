"""Change the champion: promotion and rollback verify first, then write one event."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forecastlab.contracts.errors import PreconditionFailed, UsageError
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.registry import EventKind, RegistryEvent, RegistryState, fold
from forecastlab.usecases.champion import opened
from forecastlab.usecases.gates import refuse_without_view
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

Gate = Callable[[OpenBundle], Mapping[str, Any]]
"""A gate of promotion: returns its report, or raises GateRefused."""


def register(workspace: Workspace, bundle: OpenBundle, *, why: str) -> RegistryEvent:
    """Note that a bundle exists; it does not speak. Its place among the events does not matter."""
    while True:
        try:
            events = workspace.registry.events()
            return _append(workspace, events, "registered", bundle, why=why, gates={})
        except PreconditionFailed:
            log.info("another process wrote to the registry; trying the next number")


def promote(
    workspace: Workspace, name: str, *, why: str, gates: Mapping[str, Gate] | None = None
) -> RegistryEvent:
    """Make a bundle the champion, after it verified, gave its known answers and passed the gates.

    A forecaster that is for research only is no obstacle, as long as another may have a view.

    Raises:
        BundleRefused: it does not verify; the champion stays.
        GateRefused: a gate said no, or no forecaster may have a view; the champion stays.
        UsageError: it is the champion already, or retired.
        PreconditionFailed: another process changed the registry first.
    """
    events = workspace.registry.events()
    _refuse_unfit(fold(events), name, why)
    bundle = opened(workspace, workspace.bundles.find(name))
    report: dict[str, Any] = {"verify": "passed", "known_answers": "passed"}
    report["forecasters"] = refuse_without_view(bundle)
    for gate, check in (gates or {}).items():
        report[gate] = dict(check(bundle))
    _share(workspace, bundle)
    return _append(workspace, events, "promoted", bundle, why=why, gates=report)


def rollback(workspace: Workspace, *, to: str | None, why: str) -> RegistryEvent:
    """Return to an earlier champion (default: the one before), verified before the event.

    Raises:
        UsageError: there is no champion to return to, or the name is none.
        BundleRefused: the target does not verify; the champion stays.
        PreconditionFailed: another process changed the registry first.
    """
    events = workspace.registry.events()
    state = fold(events)
    target = to or state.previous_champion
    if target is None:
        raise UsageError(
            f"{workspace.deployment} has no earlier champion.",
            remedy="Name a bundle with --to, or promote one.",
        )
    _refuse_unfit(state, target, why)
    if target not in state.champions:
        raise UsageError(
            f"{target} is no earlier champion of {workspace.deployment}.",
            remedy=f"Promote it instead: `forecastlab promote {target} --why …`.",
        )
    bundle = opened(workspace, workspace.bundles.find(target))
    gates = {"verify": "passed", "known_answers": "passed"}
    _share(workspace, bundle)
    return _append(workspace, events, "rolled_back", bundle, why=why, gates=gates)


def _share(workspace: Workspace, bundle: OpenBundle) -> None:
    """Keep a champion's files beside the registry: a job with other shipped bundles reads both."""
    files = bundle.files
    workspace.bundles.keep_in_store(files.name, {**files.files, MANIFEST: files.manifest_bytes})


def _refuse_unfit(state: RegistryState, name: str, why: str) -> None:
    if not why.strip():
        raise UsageError("A change of the registry needs a reason.", remedy='Give --why "…".')
    if name == state.champion:
        raise UsageError(f"{name} is the champion already.", remedy="Nothing needs to be done.")
    if name in state.retired:
        raise UsageError(f"{name} is retired.", remedy="Choose another bundle, or train one.")


def _append(
    workspace: Workspace,
    events: Sequence[RegistryEvent],
    kind: EventKind,
    bundle: OpenBundle,
    *,
    why: str,
    gates: Mapping[str, Any],
) -> RegistryEvent:
    event = RegistryEvent(
        sequence=len(events) + 1,
        kind=kind,
        deployment=workspace.deployment,
        bundle=bundle.files.name,
        bundle_digest=bundle.files.digest,
        previous=fold(events).champion if kind != "registered" else None,
        at=workspace.wall.now(),
        by=workspace.by,
        why=why,
        gates=dict(gates),
    )
    workspace.registry.append(event)
    return event
