"""Folders and files with the rights that are meant, under whatever umask a process runs.

What is published may be read by everyone on the machine, and written by its owner alone. What is
private (state, caches, logs) is its owner's alone. A stricter umask wins; a laxer one
opens nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO, Final

_FILE: Final = {False: 0o644, True: 0o600}
_FOLDER: Final = {False: 0o755, True: 0o700}
"""Private or not -> the rights that are asked for, less those that the umask takes."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MORE: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder, and those above it that are missing; one that is there keeps its rights."""
    for one in (*reversed(folder.parents), folder):
        if not one.is_dir():
            one.mkdir(_FOLDER[private], exist_ok=True)


def create_file(path: Path, *, private: bool = False) -> IO[bytes]:
    """Create a file and open it; what stands there already, a link too, is an error."""
    return os.fdopen(os.open(path, _NEW, _FILE[private]), "wb")


def append_to(path: Path) -> IO[bytes]:
    """Open a private file at its end, and create it where there is none."""
    return os.fdopen(os.open(path, _MORE, _FILE[True]), "ab")


def demand_own_folder(folder: Path) -> None:
    """Make a private folder, or demand that the one there is this user's own.

    In a folder that others may write to, as `/tmp`, one of them may have made it first: to be read
    from, or with links in it that lead what is written elsewhere.

    Raises:
        PermissionError: it is a link, another user's, or others may write to it.
    """
    make_folder(folder, private=True)
    found = folder.lstat()
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not own or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EACCES, "it is not this user's own folder", str(folder))
