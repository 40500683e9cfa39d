"""A store whose writes stay in memory: what `--dry-run` runs on."""

from __future__ import annotations

from forecastlab.contracts.errors import PreconditionFailed
from forecastlab.contracts.ports import ABSENT, Generation, ObjectStore, StoredObject


class OverlayStore:
    """An `ObjectStore` that reads through to another one and never writes to it."""

    def __init__(self, below: ObjectStore) -> None:
        self._below = below
        self._written: dict[str, StoredObject] = {}
        self._writes = 0

    @property
    def location(self) -> str:
        """The address of the store below."""
        return self._below.location

    def get(self, key: str) -> StoredObject | None:
        """Return the object written here, else the one below."""
        return self._written.get(key) or self._below.get(key)

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Keep the object in memory, under the same preconditions."""
        current = self.get(key)
        if (current.generation if current else ABSENT) != if_generation:
            raise PreconditionFailed(
                f"{key} in {self.location} is not in the state that this write expects.",
                remedy="Another process wrote it; read it again.",
            )
        self._writes += 1
        generation = f"memory-{self._writes}"
        self._written[key] = StoredObject(data, generation)
        return generation

    def list(self, prefix: str) -> list[str]:
        """Return the keys of both, in ascending order."""
        here = (key for key in self._written if key.startswith(prefix))
        return sorted({*here, *self._below.list(prefix)})
