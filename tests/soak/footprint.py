"""What a process and its store hold on to: memory, open files, threads, temporary files."""

from __future__ import annotations

import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Footprint:
    """What is held at one moment.

    Attributes:
        temporaries: files of the store that have no name yet; only a kill leaves one.
    """

    memory_mb: float
    files: int
    threads: int
    temporaries: int


def footprint(store: Path) -> Footprint:
    """Measure this process, after what nobody refers to is gone."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return Footprint(
        memory_mb=pages * _PAGE_MB,
        files=len(list(Path("/proc/self/fd").iterdir())),
        threads=threading.active_count(),
        temporaries=len(list(store.glob(".forecastlab/*.tmp"))),
    )
