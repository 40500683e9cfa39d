"""Files of bundles that lie in a bucket, kept on this machine under their own hash."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from forecastlab.adapters.file_rights import create_file, demand_own_folder
from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.manifest import FileEntry


def cache_folder(home: Path) -> Path:
    """Return where a user's programs keep what they can fetch again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "forecastlab" / "bundles"


class BundleCache:
    """A folder of files by hash: what it gives was hashed again, and it may vanish at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, entry: FileEntry, fetch: Callable[[], bytes]) -> bytes:
        """Return the file that a manifest states: from here, or else fetched and kept.

        A folder that cannot be used, or is another user's, costs the fetch, and fails nothing.
        Bytes that are not those of the manifest are returned and not kept; whoever verifies the
        bundle refuses them.
        """
        path = self._folder / entry.sha256
        with suppress(OSError):
            demand_own_folder(self._folder)
            data = path.read_bytes()
            if file_entry(data) == entry:
                return data
        data = fetch()
        if file_entry(data) == entry:
            with suppress(OSError):
                self._keep(path, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        demand_own_folder(self._folder)
        temporary = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
        try:
            with create_file(temporary, private=True) as file:
                file.write(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
