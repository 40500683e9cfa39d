"""A morning that a machine's own scheduler runs: what, where, when, and where its words go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal

RunMode = Literal["dry", "live"]
Slot = tuple[int, int]
"""Hour and minute of a day, on the machine's own clock."""


@dataclass(frozen=True)
class ScheduledJob:
    """The job as it is written into a scheduler; every path is absolute.

    Attributes:
        command: program and arguments, mode included.
        folder: where it runs, so that the same `.env` and relative paths count as now.
        environment: the settings that the shell has now and the scheduler would not have.
        slots: when to run, on the machine's clock; two where summer time moves it.
        log: the rotated file.
    """

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    slots: tuple[Slot, ...]
    log: Path
    mode: RunMode


@dataclass(frozen=True)
class Installed:
    """What a scheduler says of the job: its mode, None where there is none; and where it lies."""

    scheduler: str
    mode: RunMode | None
    where: str


def local_slots(zone: tzinfo | None, start: datetime) -> tuple[Slot, ...]:
    """Return 00:05 UTC on the clock of a zone (None: this machine's), over the year from `start`.

    A scheduler that knows only its own clock is given every reading; where summer time gives two,
    the run at the wrong one finds nothing to do.

    >>> from zoneinfo import ZoneInfo
    >>> january = datetime(2025, 1, 1, tzinfo=UTC)
    >>> [local_slots(ZoneInfo(zone), january) for zone in ("Asia/Shanghai", "Europe/Berlin")]
    [((8, 5),), ((1, 5), (2, 5))]
    """
    first = start.astimezone(UTC).replace(hour=0, minute=5, second=0, microsecond=0)
    local = ((first + timedelta(days=day)).astimezone(zone) for day in range(366))
    return tuple(sorted({(one.hour, one.minute) for one in local}))
