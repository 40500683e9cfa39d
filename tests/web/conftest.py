"""Stores on disk, one of each world, made once for all tests of the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from forecastlab.contracts.ports import ObjectStore
from tests.support import dashboard_store as worlds
from tests.support.dashboard_documents import put_documents
from tests.support.memory_store import MemoryStore

PAGES: Final = (
    *("today", "history", "track_record", "models", "research", "operations", "analyst"),
)


def full(store: ObjectStore, now: datetime) -> None:
    put_documents(store, worlds.full(store, now))
    worlds.full_hourly(store, now)


def simulated(store: ObjectStore, now: datetime) -> None:
    put_documents(store, worlds.full(store, now, source="simulated"))


WORLDS: Final[dict[str, Callable[[ObjectStore, datetime], object]]] = {
    "full": full,
    "empty": worlds.empty,
    "one_record": worlds.one_record,
    "broken_record": worlds.broken_record,
    "stale": worlds.stale,
    "skewed": worlds.skewed,
    "simulated": simulated,
}


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what gives a world's store, made when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("stores"), dict[str, Path]()

    def store_of(world: str) -> Path:
        if world not in made:
            store, there = MemoryStore(), folder / world
            there.mkdir()
            WORLDS[world](store, datetime.now(UTC))
            made[world] = worlds.on_disk(store, there)
        return made[world]

    return store_of
