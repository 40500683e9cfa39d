"""Append one event to the registry, decided anew where another process came first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from forecastlab.contracts.errors import BundleRefused, PreconditionFailed, UsageError
from forecastlab.contracts.registry import EventKind, RegistryEvent, RegistryState, fold, misfit
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """What is to happen to a bundle, why, and on which evidence."""

    kind: EventKind
    bundle: str
    digest: str
    why: str
    gates: Mapping[str, Any] = field(default_factory=dict)
    forced: bool = False


def append_change(
    workspace: Workspace, change: Change, *, fits: Callable[[RegistryState], None]
) -> RegistryEvent:
    """Append the change under the next number.

    Events of other processes may come first: a training registers its bundle while a promotion
    computes its gates. Each time the state is read anew, and `fits` says whether the change still
    follows from it.

    Args:
        fits: raises where the change was decided on another state.

    Raises:
        BundleRefused: the registry knows another bundle by this name.
        UsageError: the change does not follow from what stands; written, it would end the registry.
    """
    while True:
        events = workspace.registry.events()
        state = fold(events)
        fits(state)
        now = workspace.wall.now()
        event = RegistryEvent(
            sequence=len(events) + 1,
            kind=change.kind,
            deployment=workspace.deployment,
            bundle=change.bundle,
            bundle_digest=change.digest,
            previous=state.champion if change.kind in {"promoted", "rolled_back"} else None,
            # The sequence is the order; a clock that stepped back must not contradict it.
            at=max(now, events[-1].at) if events else now,
            by=workspace.by,
            why=change.why,
            gates=dict(change.gates),
            forced=change.forced,
        )
        _refuse_misfit(state, event)
        try:
            workspace.registry.append(event)
        except PreconditionFailed:
            log.info("another process wrote to the registry; deciding anew")
            continue
        return event


def _refuse_misfit(state: RegistryState, event: RegistryEvent) -> None:
    if state.registered.get(event.bundle, event.bundle_digest) != event.bundle_digest:
        raise BundleRefused(
            f"The registry of {event.deployment} knows another bundle as {event.bundle}.",
            remedy="Two bundles share a name; train again, which takes the next free one.",
        )
    if (fault := misfit(state, event)) is not None:
        raise UsageError(
            f"The change cannot be written: it {fault}.",
            remedy="`forecastlab history` shows what stands; decide anew.",
        )


def still_over(champion: str | None) -> Callable[[RegistryState], None]:
    """Return the check that this champion, over which a change was decided, is still there."""

    def fits(state: RegistryState) -> None:
        if state.champion != champion:
            raise PreconditionFailed(
                f"{state.champion} became the champion first, in place of {champion};"
                " nothing was changed.",
                remedy="`forecastlab status` shows what is live now; decide anew.",
            )

    return fits
