"""A store that holds nothing and keeps nothing: what a store in memory lies over."""

from __future__ import annotations

from typing import Final

from forecastlab.contracts.errors import StoreUnavailable
from forecastlab.contracts.ports import Generation, StoredObject


class EmptyStore:
    """An `ObjectStore` without an object; under an `OverlayStore` it makes one in memory."""

    location: Final = "memory"

    def get(self, key: str) -> StoredObject | None:  # noqa: ARG002 - the port's names
        """Return None: there is none."""
        return None

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:  # noqa: ARG002
        """Refuse.

        Raises:
            StoreUnavailable: always.
        """
        raise StoreUnavailable(f"Nothing keeps {key}.", remedy="Name a store.")

    def list(self, prefix: str) -> list[str]:  # noqa: ARG002 - the port's names
        """Return no key."""
        return []
