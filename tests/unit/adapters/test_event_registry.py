"""The registry in a store: created once, gapless, and a lost race is told."""

from __future__ import annotations

import pytest

from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed
from forecastlab.contracts.ports import ABSENT
from tests.support.memory_store import MemoryStore
from tests.unit.contracts.test_registry import event


def test_two_promoters_at_once_one_wins_and_the_other_is_told() -> None:
    store = MemoryStore()
    one, other = EventRegistry(store, "d"), EventRegistry(store, "d")
    one.append(event(1, "promoted", "a"))
    with pytest.raises(PreconditionFailed, match="decide anew"):
        other.append(event(1, "promoted", "b"))
    assert other.state().champion == "a"


def test_deployments_do_not_mix() -> None:
    store = MemoryStore()
    EventRegistry(store, "d").append(event(1, "promoted", "a"))
    assert EventRegistry(store, "d2").state().champion is None


@pytest.mark.parametrize("key", ["registry/d/00000003.json", "registry/d/notes.txt"])
def test_holes_and_foreign_objects_are_refused(key: str) -> None:
    store = MemoryStore()
    registry = EventRegistry(store, "d")
    registry.append(event(1, "promoted", "a"))
    store.put(key, b"{}", if_generation=ABSENT)
    with pytest.raises(DataMalformed, match="hole or a foreign object"):
        registry.state()


def test_a_corrupt_event_is_refused_by_name() -> None:
    store = MemoryStore()
    store.put("registry/d/00000001.json", b"{", if_generation=ABSENT)
    with pytest.raises(DataMalformed, match="00000001"):
        EventRegistry(store, "d").state()
