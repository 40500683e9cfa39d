"""The pin of a store: created once, checked ever after."""

from __future__ import annotations

import pytest

from forecastlab.adapters.overlay_store import OverlayStore
from forecastlab.adapters.store_pin import check_pin, pin_store
from forecastlab.contracts.errors import DataMalformed, UsageError
from tests.support.memory_store import MemoryStore


def test_first_pin_is_written_and_kept() -> None:
    store = MemoryStore()
    pin_store(store, "simulated")
    pin_store(store, "simulated")
    assert store.written == ["store.json"]
    assert store.contents()["store.json"] == (
        b'{\n  "schema_version": 1,\n  "source": "simulated"\n}\n'
    )


@pytest.mark.parametrize("kind", ["file", "binance"])
def test_another_kind_is_refused_with_the_remedy(kind: str) -> None:
    store = MemoryStore()
    pin_store(store, "simulated")
    with pytest.raises(UsageError, match=f"holds simulated.*not {kind} ones.*--store") as caught:
        pin_store(store, kind)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert store.written == ["store.json"]


def test_checking_writes_nothing() -> None:
    store = MemoryStore()
    assert not check_pin(store, "file")
    assert store.written == []
    pin_store(store, "file")
    assert check_pin(store, "file")


def test_dry_run_pins_in_memory_only() -> None:
    below = MemoryStore()
    above = OverlayStore(below)
    pin_store(above, "file")
    assert check_pin(above, "file")
    assert below.written == []


def test_of_two_first_runs_the_second_is_checked() -> None:
    store = MemoryStore()
    raced: list[str] = []

    def other_run(key: str) -> None:
        if not raced:
            raced.append(key)
            pin_store(store, "simulated")

    store.before_put = other_run
    with pytest.raises(UsageError, match="holds simulated"):
        pin_store(store, "binance")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"schema_version": 1, "source": "guess"}'])
def test_damaged_pin_is_malformed(data: bytes) -> None:
    store = MemoryStore()
    store.put("store.json", data, if_generation="")
    with pytest.raises(DataMalformed, match=r"store\.json in memory"):
        pin_store(store, "file")
