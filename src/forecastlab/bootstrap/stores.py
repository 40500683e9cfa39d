"""Stores and archives at the places that are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.adapters.local_store import LocalStore
from forecastlab.contracts.archive import Archive
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.contracts.ports import CandleArchive, ObjectStore


def _local(location: str) -> ObjectStore:
    return LocalStore(Path(location))


def _bucket(location: str) -> ObjectStore:
    try:
        # The client costs 0.4 s of a start, and only those who keep a bucket install it.
        from forecastlab.adapters.gcs_store import GcsStore  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The store {location} needs {error.name}, which is not installed.",
            remedy="Install it with `pip install 'forecastlab[cloud]'`.",
        ) from error
    return GcsStore(location)


STORES: Final[Mapping[str, Callable[[str], ObjectStore]]] = {
    "": _local,
    "gs": _bucket,
}
"""What stands before `://` in a store's location -> how it is opened; a further one adds a line."""


def open_store(location: str) -> ObjectStore:
    """Open the store at a location.

    Raises:
        UsageError: the location's scheme is unknown.
        ConfigError: it names no bucket, or the client of buckets is not installed.
    """
    scheme = location.partition("://")[0] if "://" in location else ""
    if scheme not in STORES or location.startswith("://"):
        known = ", ".join(f"{one}://…" for one in STORES if one)
        raise UsageError(
            f"The store {location!r} has an unknown scheme.",
            remedy=f"Name a local folder, or one of: {known}.",
        )
    return STORES[scheme](location)


def open_archive(path: Path) -> Archive:
    """Open a bundle's archive; nothing is read or written yet."""
    from forecastlab.adapters.bundle_archive import BundleArchive  # noqa: PLC0415 - two commands

    return BundleArchive(path)


def open_lake(store: ObjectStore) -> CandleArchive:
    """Open the candles that a store keeps, for reading alone."""
    return CandleLake(store)
