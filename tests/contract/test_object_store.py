"""The contract of every object store; the fake and the real ones pass the same suite."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from forecastlab.adapters.local_store import LocalStore
from forecastlab.adapters.overlay_store import OverlayStore
from forecastlab.contracts.errors import PreconditionFailed
from forecastlab.contracts.ports import ABSENT, ObjectStore
from tests.support.memory_store import MemoryStore

MakeStore = Callable[[Path], ObjectStore]

STORES: dict[str, MakeStore] = {
    "local": lambda folder: LocalStore(folder / "store"),
    "memory": lambda _: MemoryStore(),
    "overlay": lambda folder: OverlayStore(LocalStore(folder / "store")),
}


@pytest.fixture(params=[*STORES, "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "gcs":
        return request.getfixturevalue("gcs_store")
    return STORES[request.param](tmp_path)


def test_absent_object_is_none(store: ObjectStore) -> None:
    assert store.get("runs/none.json") is None
    assert list(store.list("")) == []


def test_created_object_reads_back_with_its_generation(store: ObjectStore) -> None:
    generation = store.put("a/b.json", b"one", if_generation=ABSENT)
    found = store.get("a/b.json")
    assert found is not None
    assert (found.data, found.generation) == (b"one", generation)


def test_second_create_fails_and_changes_nothing(store: ObjectStore) -> None:
    store.put("a.json", b"one", if_generation=ABSENT)
    with pytest.raises(PreconditionFailed):
        store.put("a.json", b"two", if_generation=ABSENT)
    found = store.get("a.json")
    assert found is not None and found.data == b"one"


def test_second_create_of_equal_bytes_fails_too(store: ObjectStore) -> None:
    """A claim is a create: of two processes that write the same claim, one has it."""
    store.put("claim", b"mine", if_generation=ABSENT)
    with pytest.raises(PreconditionFailed):
        store.put("claim", b"mine", if_generation=ABSENT)


def test_swap_needs_the_current_generation(store: ObjectStore) -> None:
    first = store.put("a.json", b"one", if_generation=ABSENT)
    second = store.put("a.json", b"two", if_generation=first)
    with pytest.raises(PreconditionFailed):
        store.put("a.json", b"three", if_generation=first)
    found = store.get("a.json")
    assert found is not None and (found.data, found.generation) == (b"two", second)


def test_swap_back_to_equal_bytes_is_a_new_generation(store: ObjectStore) -> None:
    first = store.put("a.json", b"one", if_generation=ABSENT)
    second = store.put("a.json", b"two", if_generation=first)
    third = store.put("a.json", b"one", if_generation=second)
    assert len({first, second, third}) == 3
    with pytest.raises(PreconditionFailed):
        store.put("a.json", b"late", if_generation=first)


def test_swap_of_an_absent_object_fails(store: ObjectStore) -> None:
    with pytest.raises(PreconditionFailed):
        store.put("a.json", b"one", if_generation="some-generation")
    assert store.get("a.json") is None


def test_list_is_sorted_and_bounded_by_the_prefix(store: ObjectStore) -> None:
    for key in ("p/b.json", "p/a.json", "p/sub/c.json", "pq/d.json", "q/e.json"):
        store.put(key, b"x", if_generation=ABSENT)
    assert list(store.list("p/")) == ["p/a.json", "p/b.json", "p/sub/c.json"]
    assert list(store.list("p")) == ["p/a.json", "p/b.json", "p/sub/c.json", "pq/d.json"]
    assert list(store.list("p/b")) == ["p/b.json"]
    assert list(store.list("nothing/")) == []


def test_overlay_leaves_the_store_below_untouched(tmp_path: Path) -> None:
    below = LocalStore(tmp_path / "store")
    generation = below.put("a.json", b"one", if_generation=ABSENT)
    above = OverlayStore(below)
    above.put("a.json", b"two", if_generation=generation)
    above.put("b.json", b"new", if_generation=ABSENT)
    found = above.get("a.json")
    assert found is not None and found.data == b"two"
    assert above.list("") == ["a.json", "b.json"]
    assert below.list("") == ["a.json"]
    unchanged = below.get("a.json")
    assert unchanged is not None and unchanged.data == b"one"


def _create(folder: str, number: int, start: object) -> bool:
    start.wait()  # type: ignore[attr-defined]
    try:
        LocalStore(Path(folder)).put("race.json", f"{number}".encode(), if_generation=ABSENT)
    except PreconditionFailed:
        return False
    return True


def _count_up(folder: str, times: int) -> None:
    store = LocalStore(Path(folder))
    done = 0
    while done < times:
        found = store.get("count")
        value = int(found.data) if found else 0
        try:
            store.put(
                "count",
                str(value + 1).encode(),
                if_generation=found.generation if found else ABSENT,
            )
            done += 1
        except PreconditionFailed:
            continue


def test_of_twelve_creators_one_wins(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(4) as pool:
        start = manager.Event()
        pending = [pool.apply_async(_create, (str(tmp_path), i, start)) for i in range(4)]
        start.set()
        results = [one.get(timeout=60) for one in pending]
        results += pool.starmap(_create, [(str(tmp_path), i, start) for i in range(4, 12)])
    assert sum(results) == 1


def test_no_swap_is_lost_between_processes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.starmap(_count_up, [(str(tmp_path), 25)] * 4)
    found = LocalStore(tmp_path).get("count")
    assert found is not None and int(found.data) == 100
