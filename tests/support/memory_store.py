"""An object store in memory: the fake that keeps the contract, with a hook around each write."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from forecastlab.contracts.errors import PreconditionFailed
from forecastlab.contracts.ports import ABSENT, Generation, StoredObject


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


def _nothing(_: str) -> None:
    pass


class MemoryStore:
    """An `ObjectStore` in memory.

    Attributes:
        before_put, after_put: called with the key around each write, also a lost one; raising
            `Killed` there ends the process that writes.
        written: keys of the writes that took place, in order.
        gets: keys that were read, in order.
    """

    location = "memory"

    def __init__(self) -> None:
        self.before_put: Callable[[str], None] = _nothing
        self.after_put: Callable[[str], None] = _nothing
        self.written: list[str] = []
        self.gets: list[str] = []
        self._objects: dict[str, StoredObject] = {}
        self._lock = Lock()

    def get(self, key: str) -> StoredObject | None:
        """Return an object, or None."""
        self.gets.append(key)
        return self._objects.get(key)

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Write an object if its generation is the given one."""
        self.before_put(key)
        with self._lock:
            current = self._objects.get(key)
            if (current.generation if current else ABSENT) != if_generation:
                raise PreconditionFailed(f"{key} was written by another.", remedy="Read it again.")
            self.written.append(key)
            generation = f"g{len(self.written)}"
            self._objects[key] = StoredObject(bytes(data), generation)
        self.after_put(key)
        return generation

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, in ascending order."""
        return sorted(key for key in self._objects if key.startswith(prefix))

    def contents(self) -> dict[str, bytes]:
        """Return all objects' bytes by key."""
        return {key: self._objects[key].data for key in sorted(self._objects)}
