"""Read closed candles for a caller: from the lake where it has them all, else from the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Final

import pandas as pd

from forecastlab.contracts.candles import Candles, empty_frame
from forecastlab.contracts.errors import DataError
from forecastlab.contracts.intervals import DURATION, Interval, floor_open, last_closed_open
from forecastlab.usecases.single_flight import SingleFlight
from forecastlab.usecases.workspace import Workspace

UPSTREAM: Final = 4
"""Series that are asked of the source at once; an exchange bans who asks too much."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before it no source is asked: an exchange refuses negative times."""

_ROUNDS: Final = 3
"""How often older candles are asked for, where an outage has left fewer than were wanted."""


@dataclass(frozen=True)
class KlineQuery:
    """The newest `limit` candles that open in [first_open, last_open]; None leaves a side open."""

    symbol: str
    interval: Interval
    limit: int
    first_open: datetime | None = None
    last_open: datetime | None = None


class KlineReader:
    """Reads series for many callers at once; who asks for what is being fetched, waits for it.

    This machine's clock says how far to ask, and has no say in what is closed: neither the source
    nor the lake gives an open candle.

    Args:
        told: called after each series that was asked of the source, with the error if there was.
    """

    def __init__(
        self, workspace: Workspace, *, told: Callable[[DataError | None], None] = lambda _: None
    ) -> None:
        self._workspace = workspace
        self._told = told
        self._limiter = BoundedSemaphore(UPSTREAM)
        self._flights: SingleFlight[Candles] = SingleFlight()

    def read(self, query: KlineQuery) -> Candles:
        """Return the candles, oldest first; fewer than `limit` where there are no more.

        Raises:
            UnknownSymbol: the source has no such symbol.
            DataUnavailable: the source cannot be reached.
            DataMalformed: the lake or the source holds something else.
        """
        last = self._last(query)
        found = self._of_files(query, last) if self._in_place else self._newest(query, last)
        return Candles(query.symbol, query.interval, found.iloc[-query.limit :])

    def kept(self, query: KlineQuery) -> Candles | None:
        """Return the candles if no source has to be asked for them, else None.

        Raises:
            DataUnavailable: a file source has none.
            DataMalformed: the lake holds something else.
        """
        last = self._last(query)
        if self._in_place:
            found: pd.DataFrame | None = self._of_files(query, last)
        else:
            first = _first(query, last, query.limit)
            found = self._whole(query, first, last) if first <= last else empty_frame()
        if found is None:
            return None
        return Candles(query.symbol, query.interval, found.iloc[-query.limit :])

    @property
    def _in_place(self) -> bool:
        """Whether the source is files, which are read where they lie."""
        return self._workspace.lake is None

    def _last(self, query: KlineQuery) -> datetime:
        newest = last_closed_open(self._workspace.wall.now(), query.interval)
        return min(floor_open(query.last_open or newest, query.interval), newest)

    def _of_files(self, query: KlineQuery, last: datetime) -> pd.DataFrame:
        read = self._workspace.archive.read
        return read(query.symbol, query.interval, query.first_open, last).frame

    def _newest(self, query: KlineQuery, last: datetime) -> pd.DataFrame:
        """Read back from `last` until there are enough, window by window."""
        step = DURATION[query.interval]
        parts: list[pd.DataFrame] = []
        missing = query.limit
        for _ in range(_ROUNDS):
            first = _first(query, last, missing)
            if first > last or missing <= 0:
                break
            part = self._window(query, first, last)
            if not len(part):
                break
            parts.insert(0, part)
            missing -= len(part)
            last = first - step
        return pd.concat(parts) if parts else empty_frame()

    def _window(self, query: KlineQuery, first: datetime, last: datetime) -> pd.DataFrame:
        kept = self._whole(query, first, last)
        if kept is not None:
            return kept
        symbol, interval = query.symbol, query.interval
        key = (symbol, interval, first, last)
        return self._flights.do(key, lambda: self._fetch(symbol, interval, first, last)).frame

    def _whole(self, query: KlineQuery, first: datetime, last: datetime) -> pd.DataFrame | None:
        """Return the candles of [first, last] if the lake has each of them, else None."""
        symbol, interval = query.symbol, query.interval
        kept = self._workspace.archive.read(symbol, interval, first, last).frame
        return kept if len(kept) == (last - first) // DURATION[interval] + 1 else None

    def _fetch(self, symbol: str, interval: Interval, first: datetime, last: datetime) -> Candles:
        with self._limiter:
            try:
                fetched = self._workspace.source.fetch(symbol, interval, first, last)
            except DataError as error:
                self._told(error)
                raise
        self._told(None)
        return replace(fetched, rejected=())


def _first(query: KlineQuery, last: datetime, wanted: int) -> datetime:
    """Return the open from which so many candles up to `last` would be enough."""
    first = max(last - (wanted - 1) * DURATION[query.interval], _EPOCH)
    if query.first_open is None:
        return first
    return max(first, _next_open(query.first_open, query.interval))


def _next_open(instant: datetime, interval: Interval) -> datetime:
    """Return the first open at or after an instant."""
    opened = floor_open(instant, interval)
    return opened if opened == instant else opened + DURATION[interval]
