"""A bundle as bytes, and the check that they are what the manifest says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.manifest import DEMANDED, MANIFEST, FileEntry, Manifest


@dataclass(frozen=True, eq=False)
class BundleFiles:
    """A verified bundle: its manifest and every other file's bytes.

    Each file name in `files` is relative to the bundle and uses slashes.
    """

    manifest: Manifest
    manifest_bytes: bytes
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """The digest of the manifest's bytes, which hold every other file's hash."""
        return digest(self.manifest_bytes)

    def folder(self, name: str) -> dict[str, bytes]:
        """Return the files of one folder, without the folder's name."""
        prefix = f"{name}/"
        return {
            key.removeprefix(prefix): data
            for key, data in self.files.items()
            if key.startswith(prefix)
        }


def verified(found: Mapping[str, bytes], *, where: str) -> BundleFiles:
    """Check a bundle's bytes against its manifest and return it.

    Raises:
        BundleRefused: no manifest, a field missing, a newer schema; a file missing, extra, or with
            another hash or size than the manifest states.
    """
    if MANIFEST not in found:
        raise _refused(where, f"it has no {MANIFEST}")
    try:
        manifest = Manifest.parse(found[MANIFEST], what=f"{where}/{MANIFEST}")
    except DataMalformed as error:
        raise BundleRefused(error.facts, remedy=error.remedy) from error
    files = {name: data for name, data in found.items() if name != MANIFEST}
    unnamed = [name for name in DEMANDED if name not in manifest.files]
    if unnamed:
        raise _refused(where, f"its manifest does not name {', '.join(unnamed)}")
    _refuse_undescribed(manifest, where)
    for name in manifest.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise _refused(where, f"its manifest names the path {name!r}")
    missing = sorted(manifest.files.keys() - files.keys())
    extra = sorted(files.keys() - manifest.files.keys())
    shared = sorted(files.keys() & manifest.files.keys())
    changed = [name for name in shared if file_entry(files[name]) != manifest.files[name]]
    for names, what in ((missing, "missing"), (extra, "not in its manifest"), (changed, "changed")):
        if names:
            raise _refused(where, f"{', '.join(names)}: {what}")
    return BundleFiles(manifest, found[MANIFEST], files)


def _refuse_undescribed(manifest: Manifest, where: str) -> None:
    """Refuse a manifest whose members read features that it does not describe."""
    members = [
        one for candidate in manifest.candidates.values() for one in candidate.members.values()
    ]
    missing = sorted({one.feature_set for one in members} - manifest.features.keys())
    if missing or not manifest.candidates:
        raise _refused(where, f"its manifest does not describe the features {', '.join(missing)}")


def file_entry(data: bytes) -> FileEntry:
    """Return the hash and size that a manifest states of a file.

    >>> file_entry(b"").bytes
    0
    """
    return FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _refused(where: str, why: str) -> BundleRefused:
    return BundleRefused(
        f"The bundle {where} does not verify: {why}.",
        remedy="Restore it from version control or its bucket, or roll back to another bundle.",
    )
