"""The object store as a local folder, with a bucket's preconditions.

Create is a temporary file, fsync, then `link`, which fails if the name exists. Compare-and-swap is
the same with `rename`, under one lock per store. A kill leaves the old bytes or the new ones, and
at most a temporary file that no listing shows, and that a later process removes.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final
from uuid import uuid4

from forecastlab.adapters.file_rights import append_to, create_file, make_folder
from forecastlab.contracts.errors import PreconditionFailed, StoreUnavailable, UsageError
from forecastlab.contracts.ports import ABSENT, Generation, StoredObject

_HIDDEN: Final = ".forecastlab"
"""Folder of the lock and the temporary files, on the same file system as the objects."""

_PRIVATE: Final = frozenset({"state"})
"""Folders of a store that no other user of the machine reads; a dashboard of his needs the rest."""

_ORPHANED_S: Final = 86_400.0
"""Temporary files older than a day were left by a kill: no write takes so long."""


class LocalStore:
    """An `ObjectStore` in a folder; the folder is made at the first write."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_swept = False

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self._root)

    def get(self, key: str) -> StoredObject | None:
        """Return an object, or None where there is none."""
        path = self._path(key)
        with self._reported("read"):
            try:
                with path.open("rb") as file:
                    data = file.read()
                    return StoredObject(data, _generation(os.fstat(file.fileno()), data))
            except (FileNotFoundError, IsADirectoryError):
                return None

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Write an object if its generation is still `if_generation`."""
        path = self._path(key)
        with self._reported("written"):
            temporary = self._temporary(data, private=_is_private(key))
            try:
                self._make_folder(path.parent)
                if if_generation == ABSENT:
                    self._create(temporary, path, key)
                else:
                    self._swap(temporary, path, key, if_generation)
                _sync_folder(path.parent)
                return _generation(path.stat(), data)
            finally:
                temporary.unlink(missing_ok=True)

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, in ascending order."""
        inner = prefix[: prefix.rfind("/") + 1]
        folder = self._path(inner.rstrip("/")) if inner else self._root
        with self._reported("read"):
            keys = [path.relative_to(self._root).as_posix() for path in _files(folder)]
        # Hidden files are this store's own or a file manager's, never objects.
        return sorted(key for key in keys if key.startswith(prefix) and "/." not in f"/{key}")

    def _create(self, temporary: Path, path: Path, key: str) -> None:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise _lost(key, self.location) from None

    def _swap(self, temporary: Path, path: Path, key: str, if_generation: Generation) -> None:
        with self._locked():
            current = self.get(key)
            if current is None or current.generation != if_generation:
                raise _lost(key, self.location)
            temporary.rename(path)

    def _make_folder(self, folder: Path) -> None:
        """Make the folder of an object; above what is private stands what all may read."""
        if not folder.is_dir():
            make_folder(self._root)
            inner = folder.relative_to(self._root)
            for one in (*reversed(inner.parents), inner):
                make_folder(self._root / one, private=_is_private(f"{one}/"))

    def _temporary(self, data: bytes, *, private: bool) -> Path:
        """Write the bytes to a synced temporary file."""
        make_folder(self._root)
        folder = self._root / _HIDDEN
        make_folder(folder, private=True)
        temporary = folder / f"{uuid4().hex}.tmp"
        try:
            with create_file(temporary, private=private) as file:
                self._sweep(folder, now_s=os.fstat(file.fileno()).st_mtime)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _sweep(self, folder: Path, *, now_s: float) -> None:
        """Remove what killed processes left, once per process; what cannot be removed stays.

        Args:
            now_s: the file system's own time: another machine's clock may be days away from ours.
        """
        if self._is_swept:
            return
        self._is_swept = True
        for one in folder.glob("*.tmp"):
            with suppress(OSError):
                if now_s - one.stat().st_mtime > _ORPHANED_S:
                    one.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with append_to(self._root / _HIDDEN / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _reported(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(
                f"The store {self.location} cannot be {done}: {error.strerror or error}.",
                remedy="Check its permissions and free space, or name another --store.",
            ) from error

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        odd = not key or key.startswith("/") or key.endswith("/") or "\0" in key
        if odd or {"..", _HIDDEN} & set(parts):
            raise UsageError(f"{key!r} is no key.", remedy="Keys are relative paths without `..`.")
        return self._root / key


def _is_private(key: str) -> bool:
    """Say whether a key is its owner's alone: what processes remember, not what is published."""
    return not _PRIVATE.isdisjoint(key.split("/")[:-1])


def _files(folder: Path) -> Iterator[Path]:
    # os.walk swallows errors by default; a store that cannot be listed must say so.
    if not folder.is_dir():
        return
    for parent, _, names in os.walk(folder, onerror=_raise):
        yield from (Path(parent) / name for name in names)


def _raise(error: OSError) -> None:
    raise error


def _generation(stat: os.stat_result, data: bytes) -> Generation:
    # The inode and time change with every write; the checksum covers a file system whose clock is
    # coarser than two writes.
    return f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{zlib.crc32(data):08x}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lost(key: str, location: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"{key} in {location} is not in the state that this write expects.",
        remedy="Another process wrote it; read it again.",
    )
