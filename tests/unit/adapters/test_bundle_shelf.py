"""A look at a bundle tells that its files have changed, without reading its models."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.ports import ABSENT
from tests.support.memory_store import MemoryStore

NAME = "flow_20250930"


def test_a_folder_looks_different_once_a_file_was_written(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / MANIFEST).write_bytes(b"{}")
    (folder / "model.txt").write_bytes(b"broken")
    shelf = BundleShelf(tmp_path, MemoryStore())
    before = shelf.glimpse(NAME)
    assert shelf.glimpse(NAME) == before
    assert shelf.glimpse(folder) == before
    (folder / "model.txt").write_bytes(b"mended")  # of the same size
    os.utime(folder / "model.txt", (1, 1))
    assert shelf.glimpse(NAME) != before


def test_of_the_store_names_and_manifest_are_looked_at_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    written = store.put(f"bundles/{NAME}/{MANIFEST}", b"{}", if_generation=ABSENT)
    store.put(f"bundles/{NAME}/model.txt", b"trees", if_generation=ABSENT)
    asked, get = [], store.get
    monkeypatch.setattr(store, "get", lambda key: (asked.append(key), get(key))[1])
    shelf = BundleShelf(tmp_path, store)
    seen = [shelf.glimpse(NAME)]
    assert set(asked) == {f"bundles/{NAME}/{MANIFEST}"}
    store.put(f"bundles/{NAME}/{MANIFEST}", b"{ }", if_generation=written)
    seen.append(shelf.glimpse(NAME))
    store.put(f"bundles/{NAME}/more.txt", b"", if_generation=ABSENT)
    seen.append(shelf.glimpse(NAME))
    assert len(set(map(repr, seen))) == len(seen)


def test_what_is_no_name_is_not_looked_for(tmp_path: Path) -> None:
    assert BundleShelf(tmp_path, MemoryStore()).glimpse("../elsewhere") is None
