"""The lake: fetched candles in an object store, appended and never overwritten in silence.

1h candles lie in one object per month, 4h and 1d candles in one per year. Each object is written by
compare-and-swap, oldest first, so that a kill leaves whole objects and the next run adds the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from forecastlab.adapters.candle_partitions import (
    EMPTY,
    Partition,
    by_period,
    decoded,
    encoded,
    merged,
    period_of,
)
from forecastlab.contracts import keys
from forecastlab.contracts.candles import COLUMNS, Candles, as_datetime, empty_frame, open_index
from forecastlab.contracts.errors import PreconditionFailed, StoreUnavailable
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.ports import ABSENT, AppendReport, Generation, ObjectStore

Span = tuple[datetime | None, datetime]
"""Opens [first, last] that a lake lacks; first None means from the first candle there is."""

Result = TypeVar("Result")

_SUFFIX: Final = ".parquet"

_ATTEMPTS: Final = 20
"""Writes of one object before giving up; each lost one means that another writer got through."""

CANDLES_REVISED: Final = "candles_revised"
"""The log event that a run report counts: the exchange tells a candle otherwise than at first."""

_log = logging.getLogger(__name__)


class CandleLake:
    """Candles kept in an object store, by series and period.

    The first-seen candle of an open time stays in force. A different one seen later is a revision:
    it lies beside it in the same object, with the instant at which it was seen, until
    `accept_revisions` puts it in force; the candle that it replaces is kept too.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the candles in force that open in [first_open, last_open]; empty if none.

        Only the objects that overlap the request are read.

        Raises:
            DataMalformed: an object is damaged; the message names it.
        """
        oldest = "" if first_open is None else period_of(first_open, interval)
        newest = period_of(last_open, interval)
        parts = [
            self._partition(symbol, interval, period)[0].candles_in_force()
            for period in self._periods(symbol, interval)
            if oldest <= period <= newest
        ]
        if not parts:
            return Candles(symbol, interval, empty_frame())
        opens_ms = np.concatenate([opens for opens, _ in parts])
        values = np.concatenate([values for _, values in parts])
        frame = pd.DataFrame(values, index=open_index(opens_ms), columns=list(COLUMNS))
        whole = Candles(symbol, interval, frame)
        return whole.between(first_open or as_datetime(frame.index[0]), last_open)

    def missing_spans(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> tuple[Span, ...]:
        """Return the spans of [first_open, last_open] that hold no candle, oldest first.

        Holes in the middle are among them: those that a kill left, and the exchange's own outages,
        which stay empty however often they are fetched.
        """
        kept = self.read(symbol, interval, first_open, last_open)
        if not len(kept):
            return (
                ((first_open, last_open),) if first_open is None or first_open <= last_open else ()
            )
        step = DURATION[interval]
        oldest = as_datetime(kept.frame.index[0])
        spans: list[Span] = [(gap.first_missing, gap.last_missing) for gap in kept.gaps()]
        if first_open is None or first_open < oldest:
            spans.insert(0, (first_open, oldest - step))
        if kept.last_open < last_open:
            spans.append((kept.last_open + step, last_open))
        return tuple(spans)

    def append(self, candles: Candles, *, seen_at: datetime) -> AppendReport:
        """Keep what is missing, each object written once, and keep revisions beside.

        Raises:
            StoreUnavailable: the store cannot be written; what was written before stays.
            DataMalformed: an object is damaged; it is left as it is.
        """
        seen_ms = int(seen_at.timestamp() * 1000)
        new = equal = revised = 0
        for period, opens_ms, values in by_period(candles):
            merge = partial(merged, opens_ms=opens_ms, values=values, seen_ms=seen_ms)
            report = self._swapped(candles.symbol, candles.interval, period, merge)
            new, equal = new + report.new, equal + report.equal
            revised += report.revised
        if revised:
            _log.warning(
                "%d candles of %s %s differ from those first seen; `--accept-revisions` takes them",
                revised,
                candles.symbol,
                candles.interval,
                extra={"fields": {"event": CANDLES_REVISED}},
            )
        return AppendReport(new, equal, revised)

    def pending_revisions(self, symbol: str, interval: Interval) -> int:
        """Count the candles of which a newer version lies beside the one in force."""
        periods = self._periods(symbol, interval)
        return sum(self._partition(symbol, interval, one)[0].pending() for one in periods)

    def accept_revisions(self, symbol: str, interval: Interval) -> int:
        """Put the newest version of every candle in force; return how many changed."""
        periods = self._periods(symbol, interval)
        return sum(self._swapped(symbol, interval, one, _accepted) for one in periods)

    def _swapped(
        self,
        symbol: str,
        interval: Interval,
        period: str,
        change: Callable[[Partition], tuple[Partition, Result]],
    ) -> Result:
        """Change one object by compare-and-swap; a change that returns its argument writes none."""
        key = keys.candle_partition(symbol, interval, period)
        for _ in range(_ATTEMPTS):
            kept, generation = self._partition(symbol, interval, period)
            changed, result = change(kept)
            if changed is kept:
                return result
            try:
                self._store.put(key, encoded(changed), if_generation=generation)
            except PreconditionFailed:
                continue
            return result
        raise StoreUnavailable(
            f"{key} in {self._store.location} was changed by others {_ATTEMPTS} times in a row.",
            remedy="Run the command again; nothing is lost.",
        )

    def _partition(
        self, symbol: str, interval: Interval, period: str
    ) -> tuple[Partition, Generation]:
        key = keys.candle_partition(symbol, interval, period)
        found = self._store.get(key)
        if found is None:
            return EMPTY, ABSENT
        return decoded(found.data, key=key, interval=interval), found.generation

    def _periods(self, symbol: str, interval: Interval) -> list[str]:
        """Return the periods that are kept, oldest first."""
        prefix = keys.candles(symbol, interval)
        names = (key.removeprefix(prefix) for key in self._store.list(prefix))
        return [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]


def _accepted(partition: Partition) -> tuple[Partition, int]:
    pending = partition.pending()
    return (partition.accepted() if pending else partition), pending
