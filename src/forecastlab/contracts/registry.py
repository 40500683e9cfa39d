"""The registry of a deployment: an append-only, gapless list of events, and their fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.records import Digest, Document

EventKind = Literal["registered", "promoted", "rolled_back", "retired"]

Role = Literal["champion", "former", "rolled back from", "challenger", "retired", "unregistered"]
"""What a bundle is to its deployment; `former` champions are those a rollback may return to."""

_REMEDY: Final = "Restore the registry folder from a copy; events are never repaired."


class RegistryEvent(Document):
    """One change of a deployment's registry: what, from, to, who, when, why, on which evidence.

    `bundle` is the bundle that the event is about; for `promoted` and `rolled_back` it is the new
    champion and `previous` the one before (null for the first). `forced` says that gates which
    refused were passed over; `gates` holds what they said.
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
    forced: bool = False


@dataclass(frozen=True)
class RegistryState:
    """What the events of a deployment add up to.

    Attributes:
        since: when the champion took over.
        registered: every bundle that an event names -> its digest, in the order of the events.
        champions: who was champion before whom; what was rolled back is off this stack.
        spoke: every bundle that ever was champion.
        watch: when the promotion that brought the champion replaced another; None after a
            rollback and for the first champion, which have nothing to return to.
        as_of: when the last event came into force: the latest instant up to it.
    """

    champion: str | None = None
    champion_digest: str | None = None
    since: datetime | None = None
    registered: dict[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    champions: tuple[str, ...] = ()
    spoke: frozenset[str] = frozenset()
    watch: datetime | None = None
    as_of: datetime | None = None

    @property
    def previous_champion(self) -> str | None:
        """The champion that a rollback without a name returns to."""
        earlier = [
            name for name in self.champions if name != self.champion and name not in self.retired
        ]
        return earlier[-1] if earlier else None

    @property
    def challengers(self) -> tuple[str, ...]:
        """The bundles that are in shadow: never champion, not retired, in order of registration."""
        return tuple(
            name for name in self.registered if name not in self.spoke and name not in self.retired
        )

    def role(self, bundle: str) -> Role:
        """Return what a bundle is to the deployment.

        >>> RegistryState().role("a")
        'unregistered'
        """
        if bundle == self.champion:
            return "champion"
        if bundle in self.retired:
            return "retired"
        if bundle in self.champions:
            return "former"
        if bundle in self.spoke:
            return "rolled back from"
        return "challenger" if bundle in self.registered else "unregistered"


def watched_until(state: RegistryState, hours: float) -> datetime | None:
    """Return when the watch of the last promotion ends; None where no promotion is watched.

    >>> from datetime import UTC
    >>> promoted = datetime(2025, 10, 1, tzinfo=UTC)
    >>> watched_until(RegistryState(watch=promoted), 48).isoformat()
    '2025-10-03T00:00:00+00:00'
    """
    return None if state.watch is None else state.watch + timedelta(hours=hours)


def events_until(events: Sequence[RegistryEvent], at: datetime | None) -> tuple[RegistryEvent, ...]:
    """Return the events before the first one later than `at` (None: all of them).

    The sequence is the order: what follows an event of a clock that ran ahead waits for it.
    """
    late = (place for place, event in enumerate(events) if at is not None and event.at > at)
    return tuple(events[: next(late, len(events))])


def sound_part(events: Sequence[RegistryEvent]) -> tuple[tuple[RegistryEvent, ...], str | None]:
    """Return the events up to the first that cannot follow from those before, and why it cannot.

    >>> sound_part([])
    ((), None)
    """
    state = RegistryState()
    for place, event in enumerate(events):
        try:
            state = _next(state, event, expected=place + 1)
        except DataMalformed as error:
            return tuple(events[:place]), error.facts
    return tuple(events), None


def fold(events: Sequence[RegistryEvent], *, at: datetime | None = None) -> RegistryState:
    """Return the state after the events before the first one later than `at` (None: after all).

    Raises:
        DataMalformed: the sequence has a hole, or an event does not follow from those before.

    >>> fold([]).champion is None
    True
    """
    state = RegistryState()
    for expected, event in enumerate(events, start=1):
        if at is not None and event.at > at:
            break
        state = _next(state, event, expected=expected)
    return state


def _stack(champions: tuple[str, ...], event: RegistryEvent) -> tuple[str, ...]:
    """Return who was champion before whom; a rollback takes off all that came after its target."""
    if event.kind == "rolled_back" and event.bundle in champions:
        return champions[: champions.index(event.bundle) + 1]
    return (*(name for name in champions if name != event.bundle), event.bundle)


def _next(state: RegistryState, event: RegistryEvent, *, expected: int) -> RegistryState:
    """Return the state after an event, in force from its instant or the latest one before it."""
    if event.sequence != expected:
        raise DataMalformed(
            f"registry event {expected} of {event.deployment} is missing or out of order.",
            remedy=_REMEDY,
        )
    if (fault := misfit(state, event)) is not None:
        raise DataMalformed(
            f"registry event {event.sequence} of {event.deployment} {fault}.", remedy=_REMEDY
        )
    instant = event.at if state.as_of is None else max(state.as_of, event.at)
    registered = {**state.registered, event.bundle: event.bundle_digest}
    state = replace(state, registered=registered, as_of=instant)
    if event.kind == "registered":
        return state
    if event.kind == "retired":
        return replace(state, retired=state.retired | {event.bundle})
    replaces = event.kind == "promoted" and state.champion is not None
    return replace(
        state,
        champion=event.bundle,
        champion_digest=event.bundle_digest,
        since=instant,
        champions=_stack(state.champions, event),
        spoke=state.spoke | {event.bundle},
        watch=instant if replaces else None,
    )


def misfit(state: RegistryState, event: RegistryEvent) -> str | None:
    """Say why an event cannot follow a state, or None."""
    bundle, changes = event.bundle, event.kind in {"promoted", "rolled_back"}
    faults = {
        f"knows {bundle} by another digest than the events before it": (
            state.registered.get(bundle, event.bundle_digest) != event.bundle_digest
        ),
        f"retires the champion {bundle}": event.kind == "retired" and bundle == state.champion,
        f"replaces {event.previous}, but {state.champion} was live": (
            changes and event.previous != state.champion
        ),
        f"lets {bundle} speak, which is retired": changes and bundle in state.retired,
        f"returns to {bundle}, which was no champion": (
            event.kind == "rolled_back" and bundle not in state.champions
        ),
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)
