"""Who may read and write what is written, whatever umask the process was given."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forecastlab.adapters.bundle_cache import BundleCache
from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.adapters.file_rights import create_file, demand_own_folder
from forecastlab.adapters.local_store import LocalStore
from forecastlab.adapters.rotated_log import run_logged
from forecastlab.adapters.sqlite_cache import SqliteCache
from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.errors import BundleRefused, UsageError
from forecastlab.contracts.ports import ABSENT
from tests.support.memory_store import MemoryStore


@contextmanager
def umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


def rights(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)


RECORD, STATE = "predictions/daily/2025-09-30.json", "state/breaker/inference.json"


@pytest.mark.parametrize(
    ("mask", "file", "folder"), [(0o000, "0o644", "0o755"), (0o077, "0o600", "0o700")]
)
def test_records_are_read_by_others_and_state_is_not(
    tmp_path: Path, mask: int, file: str, folder: str
) -> None:
    root = tmp_path / "made" / "store"
    with umask(mask):
        store = LocalStore(root)
        for key in (STATE, RECORD):
            store.put(key, b"{}", if_generation=ABSENT)
        found = store.get(STATE)
        assert found is not None
        store.put(STATE, b"[]", if_generation=found.generation)
    for path in (root.parent, root, root / "predictions", (root / RECORD).parent):
        assert rights(path) == folder, path
    assert rights(root / RECORD) == file
    for path in (root / "state", root / "state" / "breaker", root / ".forecastlab"):
        assert rights(path) == "0o700", path
    assert rights(root / STATE) == "0o600"
    assert rights(root / ".forecastlab" / "lock") == "0o600"


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_caches_and_logs_are_their_owners_alone(tmp_path: Path, mask: int) -> None:
    async def kept() -> None:
        cache = SqliteCache(tmp_path / "cache" / "answers.sqlite")
        await cache.put("a", b"1", ttl_s=60)
        for path in (tmp_path / "cache").iterdir():
            assert rights(path) == "0o600", path
        await cache.close()

    with umask(mask):
        asyncio.run(kept())
        data = b"model"
        BundleCache(tmp_path / "bundles").read(file_entry(data), lambda: data)
        run_logged([sys.executable, "-c", "print('said')"], tmp_path / "logs" / "daily.log")
    assert rights(tmp_path / "cache") == rights(tmp_path / "bundles") == "0o700"
    assert rights(tmp_path / "bundles" / file_entry(data).sha256) == "0o600"
    assert rights(tmp_path / "logs" / "daily.log") == "0o600"
    assert "said" in (tmp_path / "logs" / "daily.log").read_text(encoding="utf-8")


def test_a_file_is_created_through_no_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "link")
    assert not target.exists()


def test_a_folder_that_others_may_have_made_is_not_used(tmp_path: Path) -> None:
    open_to_all, real = tmp_path / "open", tmp_path / "real"
    for folder in (open_to_all, real):
        folder.mkdir()
    open_to_all.chmod(0o777)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").write_bytes(b"")
    for path in (open_to_all, tmp_path / "link"):
        with pytest.raises(PermissionError):
            demand_own_folder(path)
    with pytest.raises(OSError, match="file"):
        demand_own_folder(tmp_path / "file")
    real.chmod(0o755)  # as earlier versions made it
    demand_own_folder(real)


def test_another_users_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "his"
    folder.mkdir(mode=0o700)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(PermissionError):
        demand_own_folder(folder)


def test_a_cache_folder_of_others_costs_the_fetch_alone(tmp_path: Path) -> None:
    """What others could have planted is not even read: a pipe under a hash would wait for ever."""
    data = b"model"
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)
    os.mkfifo(folder / file_entry(data).sha256)
    assert BundleCache(folder).read(file_entry(data), lambda: data) == data

    async def asked() -> bytes | None:
        cache = SqliteCache(folder / "answers.sqlite")
        await cache.put("a", b"1", ttl_s=60)
        found = await cache.get("a")
        await cache.close()
        return found

    assert asyncio.run(asked()) is None
    assert not (folder / "answers.sqlite").exists()


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/etc/passwd", "a\0b", "", "a/", ".forecastlab/x"]
)
def test_no_key_leads_out_of_a_store(tmp_path: Path, key: str) -> None:
    store = LocalStore(tmp_path / "store")
    with pytest.raises(UsageError):
        store.get(key)
    with pytest.raises(UsageError):
        store.put(key, b"", if_generation=ABSENT)


@pytest.mark.parametrize("prefix", ["../", "a/../../", "/etc/", "../x"])
def test_no_prefix_leads_out_of_a_store(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "secret").write_bytes(b"")
    with pytest.raises(UsageError):
        LocalStore(tmp_path / "store").list(prefix)


@pytest.mark.parametrize("name", ["../other", "..", "/etc", "a/b", ".hidden", "", "a\0b"])
def test_no_name_leads_to_a_bundle_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleRefused, match="no name of a bundle"):
        BundleShelf(tmp_path / "models", MemoryStore()).find(name)
