"""The registry in the store: numbered events, each created once."""

from __future__ import annotations

from datetime import datetime

from forecastlab.contracts import keys
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.registry import RegistryEvent, RegistryState, fold


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
            odd = min(set(found) ^ set(expected))
            raise DataMalformed(
                f"the registry of {self._deployment} has a hole or a foreign object at {odd}.",
                remedy="Restore the registry folder from a copy; events are never repaired.",
            )
        return tuple(self._event(key) for key in found)

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
        return RegistryEvent.parse(found.data if found else b"", what=f"registry event {key}")
