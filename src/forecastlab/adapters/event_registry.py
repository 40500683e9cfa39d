"""The registry in the store: numbered events, each created once."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.registry import RegistryEvent, RegistryState, fold, sound_part

_REMEDY: Final = "Restore the registry folder from a copy; events are never repaired."


class EventRegistry:
    """Reads and appends a deployment's registry events."""

    def __init__(self, store: ObjectStore, deployment: str) -> None:
        self._store = store
        self._deployment = deployment

    def events(self) -> tuple[RegistryEvent, ...]:
        """Return all events, oldest first.

        Raises:
            DataMalformed: an event cannot be read, or the numbers have a hole.
        """
        found = self._store.list(keys.registry(self._deployment))
        expected = [keys.registry_event(self._deployment, i + 1) for i in range(len(found))]
        if found != expected:
            raise self._odd(min(set(found) ^ set(expected)))
        return tuple(self._event(key) for key in found)

    def readable(self) -> tuple[tuple[RegistryEvent, ...], str | None]:
        """Return the events before the first that is damaged or missing, and what is wrong with it.

        What speaks is read from these: a damaged event must not end the forecasts. Whoever changes
        the registry reads all of them.
        """
        events: list[RegistryEvent] = []
        for number, key in enumerate(self._store.list(keys.registry(self._deployment)), start=1):
            try:
                if key != keys.registry_event(self._deployment, number):
                    raise self._odd(key)
                events.append(self._event(key))
            except DataMalformed as error:
                sound, fault = sound_part(events)
                return sound, fault or error.facts
        return sound_part(events)

    def of(self, deployment: str) -> EventRegistry:
        """Return the registry of another deployment in the same store."""
        return EventRegistry(self._store, deployment)

    def state(self, *, at: datetime | None = None) -> RegistryState:
        """Return the fold of the events up to `at` (None: all)."""
        return fold(self.events(), at=at)

    def append(self, event: RegistryEvent) -> None:
        """Append an event under its own sequence number.

        Raises:
            PreconditionFailed: another event took the number; read again and decide anew.
        """
        key = keys.registry_event(self._deployment, event.sequence)
        try:
            self._store.put(key, event.stored(), if_generation=ABSENT)
        except PreconditionFailed:
            raise PreconditionFailed(
                f"Another process changed the registry of {self._deployment} first.",
                remedy="`forecastlab status` shows what is live now; decide anew.",
            ) from None

    def _event(self, key: str) -> RegistryEvent:
        found = self._store.get(key)
        event = RegistryEvent.parse(found.data if found else b"", what=f"registry event {key}")
        if event.deployment != self._deployment:
            raise DataMalformed(
                f"registry event {key} belongs to {event.deployment}.", remedy=_REMEDY
            )
        return event

    def _odd(self, key: str) -> DataMalformed:
        return DataMalformed(
            f"the registry of {self._deployment} has a hole or a foreign object at {key}.",
            remedy=_REMEDY,
        )
