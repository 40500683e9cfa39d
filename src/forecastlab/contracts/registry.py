"""The registry of a deployment: an append-only, gapless list of events, and their fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.records import Digest, Document

EventKind = Literal["registered", "promoted", "rolled_back", "retired"]


class RegistryEvent(Document):
    """One change of a deployment's registry: what, from, to, who, when, why, on which evidence.

    `bundle` is the bundle that the event is about; for `promoted` and `rolled_back` it is the new
    champion and `previous` the one before (null for the first).
    """

    schema_version: Literal[1] = 1
    sequence: int
    kind: EventKind
    deployment: str
    bundle: str
    bundle_digest: Digest
    previous: str | None
    at: AwareDatetime
    by: str
    why: str
    gates: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class RegistryState:
    """What the events of a deployment add up to."""

    champion: str | None = None
    champion_digest: str | None = None
    since: datetime | None = None
    registered: dict[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    champions: tuple[str, ...] = ()

    @property
    def previous_champion(self) -> str | None:
        """The champion that a rollback without a name returns to."""
        earlier = [
            name for name in self.champions if name != self.champion and name not in self.retired
        ]
        return earlier[-1] if earlier else None


def fold(events: Sequence[RegistryEvent], *, at: datetime | None = None) -> RegistryState:
    """Return the state after the events before the first one later than `at` (None: after all).

    Raises:
        DataMalformed: the sequence has a hole, or an event does not follow from those before.

    >>> fold([]).champion is None
    True
    """
    state = RegistryState()
    for expected, event in enumerate(events, start=1):
        if event.sequence != expected:
            raise DataMalformed(
                f"registry event {expected} of {event.deployment} is missing or out of order.",
                remedy="Restore the registry folder from a copy; events are never repaired.",
            )
        if at is not None and event.at > at:
            break
        state = _apply(state, event)
    return state


def _stack(champions: tuple[str, ...], event: RegistryEvent) -> tuple[str, ...]:
    """Return who was champion before whom; a rollback takes off all that came after its target."""
    if event.kind == "rolled_back" and event.bundle in champions:
        return champions[: champions.index(event.bundle) + 1]
    return (*(name for name in champions if name != event.bundle), event.bundle)


def _apply(state: RegistryState, event: RegistryEvent) -> RegistryState:
    state = replace(state, registered={**state.registered, event.bundle: event.bundle_digest})
    if event.kind == "registered":
        return state
    if event.kind == "retired":
        return replace(state, retired=state.retired | {event.bundle})
    if event.previous != state.champion:
        raise DataMalformed(
            f"registry event {event.sequence} of {event.deployment} replaces {event.previous},"
            f" but {state.champion} was live.",
            remedy="Restore the registry folder from a copy; events are never repaired.",
        )
    return replace(
        state,
        champion=event.bundle,
        champion_digest=event.bundle_digest,
        since=event.at,
        champions=_stack(state.champions, event),
    )
