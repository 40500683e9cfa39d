"""Run a program with its words appended to a log file that is rotated when it has grown."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from forecastlab.adapters.file_rights import append_to, make_folder
from forecastlab.contracts.errors import StoreUnavailable

_MOST_BYTES: Final = 1_000_000
"""A morning writes about 2 kB: a file lasts for more than a year."""

_KEPT: Final = 4


def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a command, append stdout and stderr to the log, and return its exit code.

    Raises:
        StoreUnavailable: the log cannot be written.
    """
    try:
        make_folder(log.parent)
        _rotate(log)
        with append_to(log) as file:
            file.write(f"--- {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())
            file.flush()
            done = subprocess.run(
                command, stdout=file, stderr=file, cwd=folder, env=environment, check=False
            )
            file.write(f"--- exit code {done.returncode}\n".encode())
    except OSError as error:
        raise StoreUnavailable(
            f"The log {log} cannot be written: {error.strerror or error}.",
            remedy="Check its permissions and free space.",
        ) from error
    return done.returncode


def last_lines(log: Path, count: int) -> list[str]:
    """Return the log's last lines; none where there is no log."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _rotate(log: Path) -> None:
    """Move `log` to `log.1`, `log.1` to `log.2`, …; the oldest falls off."""
    if not log.is_file() or log.stat().st_size < _MOST_BYTES:
        return
    for number in range(_KEPT - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    log.replace(log.with_name(f"{log.name}.1"))
