"""What a folder adds to the store contract: kills, full disks, foreign keys, permissions."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forecastlab.adapters.local_store import LocalStore
from forecastlab.contracts.errors import StoreUnavailable, UsageError
from forecastlab.contracts.ports import ABSENT


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root ignores permission bits; drop to `nobody` for the test's length."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_read_only_folder_is_a_clear_error_and_stays_readable() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        LocalStore(folder).put("a.json", b"one", if_generation=ABSENT)
        for path in (Path(name), folder, folder / "a.json", folder / ".forecastlab"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with as_ordinary_user():
            store = LocalStore(folder)
            with pytest.raises(StoreUnavailable, match="Check its permissions"):
                store.put("b.json", b"two", if_generation=ABSENT)
            found = store.get("a.json")
        assert found is not None and found.data == b"one"
        assert LocalStore(folder).list("") == ["a.json"]
        for path in (Path(name), folder, folder / ".forecastlab"):
            path.chmod(0o755)


def test_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a.json", b"one", if_generation=ABSENT)
    generation = store.get("a.json").generation  # type: ignore[union-attr]
    # The file-size limit makes the kernel itself refuse the write, as a full disk does.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for key, expected in (("b.json", ABSENT), ("a.json", generation)):
            with pytest.raises(StoreUnavailable, match="free space"):
                store.put(key, b"x" * 5000, if_generation=expected)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert store.list("") == ["a.json"]
    found = store.get("a.json")
    assert found is not None and found.data == b"one"
    assert list((tmp_path / ".forecastlab").glob("*.tmp")) == []


def test_disk_full_at_sync_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreUnavailable, match="No space left"):
        LocalStore(tmp_path).put("a.json", b"one", if_generation=ABSENT)
    assert LocalStore(tmp_path).list("") == []


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../../b", ".forecastlab/lock"])
def test_foreign_keys_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(UsageError):
        LocalStore(tmp_path).put(key, b"x", if_generation=ABSENT)


def test_a_file_in_the_way_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreUnavailable):
        LocalStore(tmp_path / "store").put("a.json", b"x", if_generation=ABSENT)


KILLED = """
import os, signal, sys
from pathlib import Path
from forecastlab.adapters import local_store

def kill(*_): os.kill(os.getpid(), signal.SIGKILL)

stage, folder = sys.argv[1], Path(sys.argv[2])
if stage == "before_sync": local_store.os.fsync = kill
if stage == "before_link": local_store.os.link = kill
if stage == "before_rename": local_store.Path.rename = kill
if stage == "after_link":
    link = local_store.os.link
    def link_then_die(*paths): link(*paths); kill()
    local_store.os.link = link_then_die
store = local_store.LocalStore(folder)
found = store.get("a.json")
store.put("a.json", b"two", if_generation=found.generation if found else "")
"""


@pytest.mark.parametrize(
    ("stage", "exists", "expected"),
    [
        ("before_sync", False, None),
        ("before_link", False, None),
        ("after_link", False, b"two"),
        ("before_rename", True, b"one"),
    ],
)
def test_a_kill_leaves_the_old_bytes_or_the_new(
    tmp_path: Path, stage: str, exists: bool, expected: bytes | None
) -> None:
    store = LocalStore(tmp_path)
    if exists:
        store.put("a.json", b"one", if_generation=ABSENT)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, stage, str(tmp_path)], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    found = store.get("a.json")
    assert (found.data if found else None) == expected
    generation = found.generation if found else ABSENT
    store.put("a.json", b"three", if_generation=generation)
    again = store.get("a.json")
    assert again is not None and again.data == b"three"


def test_what_a_kill_left_goes_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalStore(tmp_path).put("a.json", b"one", if_generation=ABSENT)
    hidden = tmp_path / ".forecastlab"
    old, young = hidden / "0a.tmp", hidden / "0b.tmp"
    for one in (old, young):
        one.write_bytes(b"half of an obj")
    os.utime(old, (0, 0))
    # A clock that is days ahead makes no writer's file old.
    monkeypatch.setattr(time, "time", lambda: young.stat().st_mtime + 200_000)
    store = LocalStore(tmp_path)
    assert store.list("") == ["a.json"]
    assert old.exists(), "who only reads removes nothing"
    store.put("b.json", b"two", if_generation=ABSENT)
    assert (old.exists(), young.exists()) == (False, True)
    assert store.list("") == ["a.json", "b.json"]
