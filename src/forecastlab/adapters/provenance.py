"""Where a bundle comes from: commit and installed packages. Never fails a run, by contract."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import distributions
from typing import Final

_DESCRIBE: Final = ("git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")


@cache
def git_commit() -> str:
    """Return the commit of the working tree, with `-dirty` if it has changes, or `unknown`."""
    try:
        described = subprocess.run(
            _DESCRIBE,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip() or "unknown"


def packages() -> dict[str, str]:
    """Return name and version of every installed distribution."""
    found = {dist.metadata["Name"].lower(): dist.version for dist in distributions()}
    return dict(sorted(found.items()))


def user_name() -> str:
    """Return who runs this process; containers often run as a user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def python_version() -> str:
    """Return the interpreter's version."""
    return platform.python_version()
