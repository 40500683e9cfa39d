"""The command line in a process of its own: on the desk's clock, and killed where it is told to.

    python -m tests.soak.process INSTANT KEY ARGUMENT…

INSTANT is what this machine's clock shows. KEY is part of the store's key at whose write the
process kills itself, the object's bytes on the disk and its name not; `-` lets it live.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from forecastlab.adapters import local_store
from forecastlab.adapters.clocks import SystemClock
from forecastlab.cli import main


def die_at(part: str) -> None:
    """Kill this process where an object would get a name with this part."""

    def deadly(naming: Callable[..., Any]) -> Callable[..., Any]:
        def name(old: Path, new: Path) -> Any:
            if part in Path(new).as_posix():
                os.kill(os.getpid(), signal.SIGKILL)
            return naming(old, new)

        return name

    local_store.os.link = deadly(os.link)
    Path.rename = deadly(Path.rename)  # type: ignore[method-assign]


def set_clock(instant: datetime) -> None:
    """Let this machine's clock show an instant."""
    SystemClock.now = lambda self: instant  # type: ignore[method-assign]


if __name__ == "__main__":
    shown, key, *arguments = sys.argv[1:]
    set_clock(datetime.fromisoformat(shown))
    if key != "-":
        die_at(key)
    sys.argv = ["forecastlab", *arguments]
    main()
