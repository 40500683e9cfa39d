"""Keys of the HTTP service that change while it runs: read again when a file of theirs does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from forecastlab.contracts.errors import ConfigError

_LOOK_S: Final = 0.5
"""Seconds between two looks at the files, which cost 5 µs; a request must not pay for each."""

_log = logging.getLogger(__name__)


class WatchedKeys:
    """Gives the keys that are in force.

    Where they can no longer be read, the last ones stay in force, and the log says so: a file that
    is being replaced must lock nobody out.

    Args:
        read: reads them all.
        files: where they come from; a file that is absent counts as a version too.

    Raises:
        ConfigError: they cannot be read now.
    """

    def __init__(
        self,
        read: Callable[[], tuple[str, ...]],
        files: Sequence[Path],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._files = tuple(files)
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._version = self._current()
        self._keys = read()

    def __call__(self) -> tuple[str, ...]:
        """Return the keys, those of a changed file half a second after the change at the latest."""
        now = self._monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            version = self._current()
            if version != self._version:
                self._version = version
                self._reread()
        return self._keys

    def _reread(self) -> None:
        try:
            self._keys = self._read()
        except ConfigError as error:
            _log.error("the keys stay as they were: %s", error)
        else:
            _log.warning("%d keys are accepted from now on", len(self._keys))

    def _current(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(_version(one) for one in self._files)


def read_key_file(path: Path) -> tuple[str, ...]:
    """Return the keys of a file: one a line, without blank lines and those that begin with `#`.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"FORECASTLAB_API_KEYS_FILE cannot be read: {error}.", remedy="Name a file of keys."
        ) from error
    stripped = (line.strip() for line in lines)
    return tuple(line for line in stripped if line and not line.startswith("#"))


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        # Behind a link too: mounted secrets are links that are turned over.
        stat = path.stat()
    except OSError:
        return None
    # The time of change tells of a file that could not be read and was then given its mode, too.
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
