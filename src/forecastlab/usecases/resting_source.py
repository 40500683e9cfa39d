"""A source that is left alone for a while once it could not be reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import DataError, DataUnavailable, UnknownSymbol
from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.ports import SourceKind
from forecastlab.usecases.workspace import Workspace

PAUSE_S: Final = 30.0
"""How long it is left alone; twice the deadline of one series in a service."""

T = TypeVar("T")


class RestingSource:
    """The source and the clock of a workspace; after a failure neither is asked for a while.

    Signals read a dozen series. With an exchange that is down each would wait for its deadline,
    and so would every caller; here the first one does. A clock that has told the time once goes on
    by itself.

    Args:
        told: called after each series that was asked for, with the error if there was.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        pause_s: float = PAUSE_S,
        told: Callable[[DataError | None], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspace = workspace
        self._pause_s = pause_s
        self._told = told
        self._monotonic = monotonic
        self._failed: tuple[DataUnavailable, float] | None = None
        self._knows_time = False

    @property
    def kind(self) -> SourceKind:
        """The kind of the source."""
        return self._workspace.source.kind

    @property
    def error(self) -> DataUnavailable | None:
        """Why it could not be reached; None once it answered again."""
        return None if self._failed is None else self._failed[0]

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the closed candles that open in [first_open, last_open].

        Raises:
            UnknownSymbol: the source has no such symbol.
            DataUnavailable: it cannot be reached, or could not be a moment ago.
        """
        source = self._workspace.source
        self._refuse_while_resting()
        try:
            found = self._noted(lambda: source.fetch(symbol, interval, first_open, last_open))
        except DataError as error:
            self._told(None if isinstance(error, UnknownSymbol) else error)
            raise
        self._told(None)
        return found

    def now(self) -> datetime:
        """Return what the workspace's clock says.

        Raises:
            DataUnavailable: it cannot be asked, or could not be a moment ago.
        """
        if not self._knows_time:
            self._refuse_while_resting()
            self._noted(self._workspace.clock.now)
            self._knows_time = True
        return self._workspace.clock.now()

    def _refuse_while_resting(self) -> None:
        if self._failed is not None and self._monotonic() - self._failed[1] < self._pause_s:
            error = self._failed[0]
            raise DataUnavailable(error.facts, remedy=error.remedy)

    def _noted(self, call: Callable[[], T]) -> T:
        """Return what a call returns, and note whether the source could be reached."""
        try:
            found = call()
        except UnknownSymbol:
            self._failed = None
            raise
        except DataUnavailable as error:
            self._failed = error, self._monotonic()
            raise
        self._failed = None
        return found


def rested(workspace: Workspace, source: RestingSource) -> Workspace:
    """Return the workspace on a source that rests."""
    return replace(workspace, source=source, clock=source)
