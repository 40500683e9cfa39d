"""The registry in a store: created once, gapless, and a lost race is told."""

from __future__ import annotations

import pytest

from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.registry import RegistryEvent
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


def stored(*events: RegistryEvent) -> tuple[MemoryStore, EventRegistry]:
    store = MemoryStore()
    registry = EventRegistry(store, "d")
    for one in events:
        registry.append(one)
    return store, registry


def test_what_is_readable_before_a_corrupt_event_stands() -> None:
    first, second = event(1, "promoted", "a"), event(2, "promoted", "b", "a")
    store, registry = stored(first, second)
    store.put("registry/d/00000003.json", b'{"schema', if_generation=ABSENT)
    events, fault = registry.readable()
    assert events == (first, second)
    assert fault is not None and "00000003" in fault
    with pytest.raises(DataMalformed):
        registry.events()


def test_a_missing_event_ends_what_is_readable() -> None:
    first = event(1, "promoted", "a")
    store, registry = stored(first)
    later = event(3, "promoted", "c", "b")
    store.put("registry/d/00000003.json", later.stored(), if_generation=ABSENT)
    events, fault = registry.readable()
    assert events == (first,)
    assert fault is not None and "hole" in fault


def test_events_in_each_other_s_place_are_out_of_order() -> None:
    store, registry = stored(event(1, "promoted", "a"))
    swapped = event(3, "promoted", "b", "a")
    store.put("registry/d/00000002.json", swapped.stored(), if_generation=ABSENT)
    events, fault = registry.readable()
    assert [one.bundle for one in events] == ["a"]
    assert fault is not None and "out of order" in fault
    with pytest.raises(DataMalformed, match="out of order"):
        registry.state()


def test_an_event_of_another_deployment_is_refused() -> None:
    store, registry = stored()
    foreign = event(1, "promoted", "a").model_copy(update={"deployment": "other"})
    store.put("registry/d/00000001.json", foreign.stored(), if_generation=ABSENT)
    with pytest.raises(DataMalformed, match="belongs to other"):
        registry.events()


def test_a_sound_registry_reads_the_same_both_ways() -> None:
    _, registry = stored(event(1, "promoted", "a"), event(2, "promoted", "b", "a"))
    assert registry.readable() == (registry.events(), None)
    assert registry.of("other").readable() == ((), None)
