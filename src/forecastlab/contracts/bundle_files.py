"""A bundle as bytes, and the check that they are what the manifest says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.contracts.manifest import DEMANDED, MANIFEST, FileEntry, Manifest

_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
"""One folder or file name of a bundle: no hidden file, no option, nothing that a shell reads."""


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
    manifest = stated_manifest(found, where=where)
    files = {name: data for name, data in found.items() if name != MANIFEST}
    missing = sorted(manifest.files.keys() - files.keys())
    extra = sorted(files.keys() - manifest.files.keys())
    shared = sorted(files.keys() & manifest.files.keys())
    changed = [name for name in shared if file_entry(files[name]) != manifest.files[name]]
    for names, what in ((missing, "missing"), (extra, "not in its manifest"), (changed, "changed")):
        if names:
            raise _refused(where, f"{', '.join(names)}: {what}")
    return BundleFiles(manifest, found[MANIFEST], files)


def stated_manifest(found: Mapping[str, bytes], *, where: str) -> Manifest:
    """Read a bundle's manifest; whether the files are those that it states is not looked at.

    Raises:
        BundleRefused: no manifest, a field missing, a newer schema, a file or a feature set that
            it does not describe, or a path that does not stay inside of the bundle.
    """
    if MANIFEST not in found:
        raise _refused(where, f"it has no {MANIFEST}")
    try:
        manifest = Manifest.parse(found[MANIFEST], what=f"{where}/{MANIFEST}")
    except DataMalformed as error:
        raise BundleRefused(error.facts, remedy=error.remedy) from error
    unnamed = [name for name in DEMANDED if name not in manifest.files]
    if unnamed:
        raise _refused(where, f"its manifest does not name {', '.join(unnamed)}")
    _refuse_undescribed(manifest, where)
    outside = [name for name in manifest.files if not is_inside(name)]
    if outside:
        raise _refused(where, f"its manifest names the path {outside[0]!r}")
    return manifest


def is_inside(path: str) -> bool:
    r"""Say whether a path is one plain file below the folder that it is relative to.

    Absolute paths, `..`, and every other spelling of a path than its plainest one are none: two
    spellings of one file could otherwise overwrite each other.

    >>> is_inside("model_T21_X8/rule.json"), is_inside("../rule.json"), is_inside("a//b")
    (True, False, False)
    >>> [is_inside(one) for one in ("/etc/passwd", "a\\..\\b", "./a", "a/", "")]
    [False, False, False, False, False]
    """
    parts = path.split("/")
    return all(_PART.fullmatch(part) for part in parts)


def is_name(text: str) -> bool:
    """Say whether a text can name a bundle: one plain folder.

    >>> is_name("flow_T21X8_T14X8_20250930"), is_name("../outputs"), is_name("a/b"), is_name("")
    (True, False, False, False)
    """
    return _PART.fullmatch(text) is not None


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
