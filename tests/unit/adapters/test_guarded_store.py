"""What runs beside the champion reads all and writes nothing but new objects of its own."""

from __future__ import annotations

import pytest

from forecastlab.adapters.guarded_store import GuardedStore
from forecastlab.contracts.errors import PreconditionFailed, StoreUnavailable
from forecastlab.contracts.ports import ABSENT
from tests.support.memory_store import MemoryStore

PREFIX = "shadow/d/"


@pytest.fixture
def below() -> MemoryStore:
    store = MemoryStore()
    store.put("predictions/latest.json", b"sealed", if_generation=ABSENT)
    store.put(f"{PREFIX}a.json", b"said", if_generation=ABSENT)
    return store


@pytest.mark.parametrize("may_create", [None, PREFIX])
@pytest.mark.parametrize(
    "key",
    ["predictions/latest.json", "registry/d/00000002.json", "shadow/d2/a.json", "shadow/d", ""],
)
def test_other_keys_take_no_write(below: MemoryStore, may_create: str | None, key: str) -> None:
    before, store = below.contents(), GuardedStore(below, may_create)
    found = store.get(key)
    for generation in (ABSENT, found.generation if found else "g1"):
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            store.put(key, b"mine", if_generation=generation)
    assert below.contents() == before


def test_a_guard_without_a_prefix_takes_no_write_at_all(below: MemoryStore) -> None:
    with pytest.raises(StoreUnavailable):
        GuardedStore(below).put(f"{PREFIX}b.json", b"new", if_generation=ABSENT)


def test_below_the_prefix_objects_are_created_and_never_replaced(below: MemoryStore) -> None:
    store = GuardedStore(below, PREFIX)
    store.put(f"{PREFIX}b.json", b"new", if_generation=ABSENT)
    there = store.get(f"{PREFIX}b.json")
    assert there is not None and there.data == b"new"
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        store.put(f"{PREFIX}b.json", b"newer", if_generation=there.generation)
    with pytest.raises(PreconditionFailed):
        store.put(f"{PREFIX}a.json", b"other", if_generation=ABSENT)
    assert store.list(PREFIX) == [f"{PREFIX}a.json", f"{PREFIX}b.json"]
    assert store.location == below.location
