"""Bundles of a bucket are fetched once, and what is kept is never trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from forecastlab.adapters.bundle_cache import BundleCache, cache_folder
from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.contracts import keys
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.ports import ABSENT
from tests.support.imports import ROOT
from tests.support.memory_store import MemoryStore

SHIPPED: Final = next((ROOT / "models/production").glob("*/meta.json")).parent
MANIFEST: Final = f"{keys.bundle(SHIPPED.name)}meta.json"


@pytest.fixture
def store() -> MemoryStore:
    """A store that holds a whole bundle."""
    held = MemoryStore()
    for path in SHIPPED.rglob("*"):
        if path.is_file():
            key = f"{keys.bundle(SHIPPED.name)}{path.relative_to(SHIPPED).as_posix()}"
            held.put(key, path.read_bytes(), if_generation=ABSENT)
    return held


def shelf(store: MemoryStore, folder: Path) -> BundleShelf:
    return BundleShelf(folder / "no models", store, BundleCache(folder / "cache"))


def test_the_second_time_only_the_manifest_is_fetched(store: MemoryStore, tmp_path: Path) -> None:
    first = shelf(store, tmp_path).find(SHIPPED.name)
    assert len(store.gets) > 10
    store.gets.clear()
    again = shelf(store, tmp_path).find(SHIPPED.name)
    assert store.gets == [MANIFEST]
    assert (again.files, again.digest) == (first.files, first.digest)


def test_a_bundle_that_lies_there_whole_is_not_sent_again(
    store: MemoryStore, tmp_path: Path
) -> None:
    """A rollback keeps its target's files first, and has two seconds on a distant bucket."""
    found = shelf(store, tmp_path).find(SHIPPED.name)
    files = {**found.files, "meta.json": found.manifest_bytes}
    sent: list[str] = []
    store.before_put = sent.append
    store.gets.clear()
    shelf(store, tmp_path).keep_in_store(SHIPPED.name, files)
    assert (sent, store.gets) == ([], [MANIFEST])
    with pytest.raises(BundleRefused, match="other bytes"):
        shelf(store, tmp_path).keep_in_store(SHIPPED.name, {**files, "meta.json": b"{}"})


@pytest.mark.parametrize("spoiled", [b"", b"anything"])
def test_what_was_spoiled_is_fetched_again(
    store: MemoryStore, tmp_path: Path, spoiled: bytes
) -> None:
    first = shelf(store, tmp_path).find(SHIPPED.name)
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(spoiled)
    assert shelf(store, tmp_path).find(SHIPPED.name).files == first.files
    store.gets.clear()
    shelf(store, tmp_path).find(SHIPPED.name)
    assert store.gets == [MANIFEST], "it was mended"


def test_a_bundle_that_is_changed_in_the_store_is_refused_and_not_kept(
    store: MemoryStore, tmp_path: Path
) -> None:
    key = f"{keys.bundle(SHIPPED.name)}known_answers.json"
    found = store.get(key)
    assert found is not None
    store.put(key, b"{}", if_generation=found.generation)
    for _ in range(2):
        with pytest.raises(BundleRefused, match=r"known_answers\.json: changed"):
            shelf(store, tmp_path).find(SHIPPED.name)


def test_a_file_too_few_or_too_many_in_the_store_is_refused(
    store: MemoryStore, tmp_path: Path
) -> None:
    shelf(store, tmp_path).find(SHIPPED.name)
    store.put(f"{keys.bundle(SHIPPED.name)}more.txt", b"x", if_generation=ABSENT)
    with pytest.raises(BundleRefused, match=r"more\.txt: not in its manifest"):
        shelf(store, tmp_path).find(SHIPPED.name)


def test_a_spoiled_manifest_is_told_by_who_verifies(store: MemoryStore, tmp_path: Path) -> None:
    found = store.get(MANIFEST)
    assert found is not None
    store.put(MANIFEST, b"{}", if_generation=found.generation)
    with pytest.raises(BundleRefused, match=r"meta\.json"):
        shelf(store, tmp_path).find(SHIPPED.name)


def test_a_folder_that_cannot_be_used_fails_nothing(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert shelf(store, tmp_path).find(SHIPPED.name).name == SHIPPED.name


def test_the_folder_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder(tmp_path) == tmp_path / ".cache/forecastlab/bundles"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache_folder(tmp_path) == Path("/elsewhere/forecastlab/bundles")
