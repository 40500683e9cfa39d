"""A store that can be read, and written only where it is said: what a challenger runs beside."""

from __future__ import annotations

from collections.abc import Sequence

from forecastlab.contracts.errors import StoreUnavailable
from forecastlab.contracts.ports import ABSENT, Generation, ObjectStore, StoredObject


class GuardedStore:
    """An `ObjectStore` that reads all, creates objects below one prefix, and replaces none.

    Args:
        may_create: the prefix; None lets nothing be written.
    """

    def __init__(self, below: ObjectStore, may_create: str | None = None) -> None:
        self._below = below
        self._may_create = may_create

    @property
    def location(self) -> str:
        """The address of the store below."""
        return self._below.location

    def get(self, key: str) -> StoredObject | None:
        """Return an object of the store below, or None."""
        return self._below.get(key)

    def list(self, prefix: str) -> Sequence[str]:
        """Return the keys of the store below, in ascending order."""
        return self._below.list(prefix)

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Create an object below the prefix.

        Raises:
            StoreUnavailable: the key lies elsewhere, or an object would be replaced.
        """
        allowed = self._may_create is not None and key.startswith(self._may_create)
        if not allowed or if_generation != ABSENT:
            raise StoreUnavailable(
                f"{key} in {self.location} cannot be written from beside the champion.",
                remedy="Only the job that publishes writes there.",
            )
        return self._below.put(key, data, if_generation=ABSENT)
