"""Progress bars on stderr where a terminal is attached, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forecastlab.contracts.ports import Progress, Step

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Silent:
    """Shows nothing."""

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Step]:  # noqa: ARG002 - the port's names
        """Give a bar that nobody sees."""
        yield self

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""


class TerminalBars:
    """Draws one bar per piece of work that takes long enough to be seen."""

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Step]:
        """Draw a bar; it is wiped when the work is done."""
        # Imported only where a person watches: it costs 60 ms of a start.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield _Bar(bars, bars.add_task(label, total=total))


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, steps: int = 1) -> None:
        self._bars.advance(self._task, steps)


def progress() -> Progress:
    """Return bars if stderr is a terminal, else silence."""
    return TerminalBars() if sys.stderr.isatty() else Silent()
