"""Where bundles lie: the folder of shipped bundles first, then the store."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from forecastlab.adapters.bundle_cache import BundleCache
from forecastlab.contracts import keys
from forecastlab.contracts.bundle_files import BundleFiles, is_name, verified
from forecastlab.contracts.errors import (
    BundleRefused,
    ConfigError,
    DataMalformed,
    PreconditionFailed,
    StoreUnavailable,
)
from forecastlab.contracts.manifest import CARD, MANIFEST, Manifest
from forecastlab.contracts.ports import ABSENT, FirstChampion, ObjectStore
from forecastlab.contracts.toml_text import parse_toml

CHAMPIONS: Final = "champions.toml"


class BundleShelf:
    """Finds, verifies and keeps bundles; nothing is overwritten and nothing is unpickled.

    Args:
        cache: keeps files of the store on this machine; None asks the store for all of them.
    """

    def __init__(self, models: Path, store: ObjectStore, cache: BundleCache | None = None) -> None:
        self._models = models
        self._store = store
        self._cache = cache

    def names(self) -> tuple[str, ...]:
        """Return the names of all bundles that can be loaded, sorted."""
        stored: dict[str, set[str]] = {}
        for key in self._store.list("bundles/"):
            _, name, *file = key.split("/", 2)
            stored.setdefault(name, set()).update(file)
        # A shipped bundle's manifest and card are shown in the store; its models are not there.
        whole = {
            name for name, files in stored.items() if MANIFEST in files and files - {MANIFEST, CARD}
        }
        return tuple(sorted({*self.shipped()} | whole))

    def shipped(self) -> tuple[str, ...]:
        """Return the names of the bundles in the folder of shipped ones, sorted."""
        return tuple(sorted(path.parent.name for path in self._models.glob(f"*/{MANIFEST}")))

    def find(self, name: str) -> BundleFiles:
        """Return a verified bundle by name.

        Raises:
            BundleRefused: there is none of this name, or it does not verify.
        """
        where, found = self.as_found(name)
        return _named(verified(found, where=where), name)

    def read_folder(self, folder: Path) -> BundleFiles:
        """Return the verified bundle in a folder.

        Raises:
            BundleRefused: no folder, a link in it, or it does not verify.
        """
        where, found = self.as_found(folder)
        return _named(verified(found, where=where), folder.resolve().name)

    def as_found(self, at: str | Path) -> tuple[str, Mapping[str, bytes]]:
        """Return where a bundle lies and its files as they are; who asks is to verify them.

        Args:
            at: a bundle's name, or its folder.

        Raises:
            BundleRefused: there is none, or a link in it.
        """
        if isinstance(at, Path):
            return str(at), _in_folder(at)
        if not is_name(at):  # an event or an option may say anything, `../..` too
            raise BundleRefused(
                f"{at!r} is no name of a bundle.",
                remedy="`forecastlab bundles list` shows those there are.",
            )
        if (self._models / at / MANIFEST).is_file():
            return str(self._models / at), _in_folder(self._models / at)
        prefix = keys.bundle(at)
        found = self._stored(prefix)
        if not found:
            raise BundleRefused(
                f"There is no bundle {at!r} in {self._models} or {self._store.location}.",
                remedy="`forecastlab bundles list` shows those there are.",
            )
        return f"{self._store.location}/{prefix.rstrip('/')}", found

    def glimpse(self, at: str | Path) -> object:
        """Return what differs once a bundle's files were changed; its models are not read.

        In a folder that is each file's size and time. In the store it is the names and the
        manifest: a model that is put right there under the same manifest is not noticed.
        """
        folder = at if isinstance(at, Path) else self._models / at
        if isinstance(at, Path) or (is_name(at) and (folder / MANIFEST).is_file()):
            return tuple(_stamp(path) for path in sorted(folder.rglob("*")))
        if not is_name(at):
            return None
        prefix = keys.bundle(at)
        return tuple(self._store.list(prefix)), self._bytes(f"{prefix}{MANIFEST}")

    def first_champion(self, deployment: str) -> FirstChampion | None:
        """Return the champion that `champions.toml` names for a deployment, or None.

        Raises:
            ConfigError: the file cannot be read.
        """
        path = self._models / CHAMPIONS
        if not path.is_file():
            return None
        try:
            named = parse_toml(path.read_text(encoding="utf-8"), what=str(path)).get(deployment)
            return FirstChampion(str(named["bundle"]), str(named["digest"])) if named else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path} cannot be read: {error}.",
                remedy=f"Write [{deployment}] with `bundle` and `digest`; see `bundles verify`.",
            ) from error

    def taken(self, name: str) -> bool:
        """Say whether a bundle's name is in use."""
        return (self._models / name).exists() or bool(self._store.list(keys.bundle(name)))

    def keep_in_folder(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write a new bundle into the folder of shipped bundles, whole or not at all.

        Raises:
            StoreUnavailable: the folder cannot be written, or the name is taken.
        """
        target, temporary = self._models / name, self._models / f".{name}-{uuid4().hex[:8]}"
        try:
            _write(temporary, files)
            temporary.rename(target)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise StoreUnavailable(
                f"The bundle {target} cannot be written: {error.strerror or error}.",
                remedy="Check the folder's permissions and free space, and that the name is free.",
            ) from error
        return str(target)

    def keep_in_store(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write a new bundle into the store, `meta.json` last, and return where it lies.

        A bundle that lies there whole is not sent again: a rollback must not wait for that.
        """
        prefix = keys.bundle(name)
        there = {key.removeprefix(prefix) for key in self._store.list(prefix)}
        whole = there == set(files) and self._bytes(f"{prefix}{MANIFEST}") == files[MANIFEST]
        for key in sorted(() if whole else files, key=lambda key: (key == MANIFEST, key)):
            self._create(f"{prefix}{key}", files[key])
        return f"{self._store.location}/{prefix.rstrip('/')}"

    def show_in_store(self, bundle: BundleFiles) -> None:
        """Copy what readers of the store need of a bundle: its manifest and its card."""
        for key, data in ((CARD, bundle.files[CARD]), (MANIFEST, bundle.manifest_bytes)):
            self._create(f"{keys.bundle(bundle.name)}{key}", data)

    def _create(self, key: str, data: bytes) -> None:
        try:
            self._store.put(key, data, if_generation=ABSENT)
        except PreconditionFailed:
            there = self._store.get(key)
            if there is None or there.data != data:
                raise BundleRefused(
                    f"{key} in {self._store.location} has other bytes than this bundle.",
                    remedy="Two bundles share a name; train again, which takes the next free one.",
                ) from None

    def _stored(self, prefix: str) -> dict[str, bytes]:
        """Return the files under a prefix of the store, by name; none is verified yet."""
        names = [key.removeprefix(prefix) for key in self._store.list(prefix)]
        if self._cache is None or MANIFEST not in names:
            return {name: self._bytes(f"{prefix}{name}") for name in names}
        found = {MANIFEST: self._bytes(f"{prefix}{MANIFEST}")}
        try:
            stated = Manifest.parse(found[MANIFEST], what=MANIFEST).files
        except DataMalformed:  # who verifies the bundle says what is wrong with it
            stated = {}
        for name in names:
            fetch = partial(self._bytes, f"{prefix}{name}")
            if name in stated:
                found[name] = self._cache.read(stated[name], fetch)
            elif name != MANIFEST:
                found[name] = fetch()
        return found

    def _bytes(self, key: str) -> bytes:
        found = self._store.get(key)
        return found.data if found else b""


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder and read them back; raises OSError."""
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if any((folder / key).read_bytes() != data for key, data in files.items()):
        raise OSError("what was written reads back differently")


def _in_folder(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by its path with slashes.

    Raises:
        BundleRefused: no folder, or a link in it.
    """
    if not folder.is_dir():
        raise BundleRefused(f"There is no bundle in {folder}.", remedy="Name an existing folder.")
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BundleRefused(
                f"{path} is a link; a bundle holds files only.", remedy="Copy the file itself."
            )
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = _read(path)
    return found


def _stamp(path: Path) -> tuple[str, int, int]:
    """Return a file's path, size and time of change; zeros for one that has just gone."""
    try:
        found = path.lstat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_size, found.st_mtime_ns


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleRefused(
            f"{path} cannot be read: {error.strerror or error}.", remedy="Check its permissions."
        ) from error


def _named(bundle: BundleFiles, name: str) -> BundleFiles:
    if bundle.name != name:
        raise BundleRefused(
            f"The bundle in {name!r} says that it is {bundle.name!r}.",
            remedy="Folders keep the bundle's name; restore it under its own.",
        )
    return bundle
