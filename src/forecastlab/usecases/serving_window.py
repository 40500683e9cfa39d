"""The serving window: exactly the candles that a forecast reads, whole or refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.candles import Candles, Market, MarketView, describe_gap
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import DataStale, DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval, asof_name
from forecastlab.contracts.manifest import ServingEntry
from forecastlab.contracts.ports import CandleArchive, SourceKind
from forecastlab.contracts.records import SourceReference

_DAY: Final = timedelta(days=1)

INTRADAY: Final[Interval] = "1h"
"""Serving reads daily and hourly candles."""


@dataclass(frozen=True, eq=False)
class ServingWindow:
    """What one forecast reads: the view at its as-of, cut to the window."""

    asof_open: datetime
    view: MarketView
    symbol: str

    @property
    def close(self) -> float:
        """The close of the as-of candle."""
        return float(self.view.candles(self.symbol, "1d").frame["close"].iloc[-1])

    def reference(self, kind: SourceKind) -> SourceReference:
        """Return what a record says of its candles."""
        series = [self.view.candles(self.symbol, interval) for interval in ("1d", INTRADAY)]
        return SourceReference(
            name=kind,
            rows=sum(len(one) for one in series),
            digest=digest("\n".join(one.digest() for one in series).encode()),
            last_open_time_ms=int(self.asof_open.timestamp() * 1000),
        )


def first_needed(asof_open: datetime, needs: ServingEntry) -> datetime:
    """Return the open of the window's first daily candle.

    >>> from datetime import UTC
    >>> needs = ServingEntry(daily_candles=2, shortest=2, whole_days=1)
    >>> first_needed(datetime(2025, 9, 30, tzinfo=UTC), needs).day
    29
    """
    return asof_open - (needs.daily_candles - 1) * _DAY


def last_hour(asof_open: datetime) -> datetime:
    """Return the open of the last hour of the as-of day."""
    return asof_open + _DAY - DURATION[INTRADAY]


def read_market(archive: CandleArchive, symbol: str, first: datetime, last: datetime) -> Market:
    """Read the daily and hourly candles of the days [first, last]."""
    daily = archive.read(symbol, "1d", first, last)
    hourly = archive.read(symbol, INTRADAY, first, last_hour(last))
    return Market([daily, hourly])


def serving_window(
    market: Market, symbol: str, asof_open: datetime, needs: ServingEntry
) -> ServingWindow:
    """Cut the window of one as-of out of a market and check that it is whole.

    Whole means: every daily candle, all hours of the last `whole_days` days, no rejected row. The
    window may begin later, where a symbol's history does, but holds at least the history without
    which the answers would be others. Older holes in the hours are the exchange's outages; the
    features count them as they are.

    Raises:
        DataStale: the as-of candle itself is not there yet.
        DataUnavailable: the window has a hole, a rejected row, or begins too late.
    """
    first = first_needed(asof_open, needs)
    view = market.as_of(asof_open + _DAY)
    daily = view.candles(symbol, "1d").between(first, asof_open)
    hourly = view.candles(symbol, INTRADAY).between(first, last_hour(asof_open))
    if not len(daily) or daily.last_open < asof_open:
        newest = asof_name(daily.last_open, "1d") if len(daily) else "none"
        raise DataStale(
            f"The daily candle {asof_name(asof_open, '1d')} of {symbol} is not there"
            f" (newest: {newest}).",
            remedy="Run `forecastlab update`, and again once the exchange has closed it.",
        )
    _refuse_rejected(daily, first)
    _refuse_rejected(hourly, first)
    if len(daily) < needs.shortest or daily.gaps():
        raise _not_whole(daily, needs.shortest, first)
    recent_from = asof_open - (needs.whole_days - 1) * _DAY
    recent = hourly.between(recent_from, last_hour(asof_open))
    if len(recent) < needs.whole_days * 24:
        raise _not_whole(recent, needs.whole_days * 24, recent_from)
    return ServingWindow(asof_open, Market([daily, hourly]).as_of(asof_open + _DAY), symbol)


def _refuse_rejected(candles: Candles, first: datetime) -> None:
    last = candles.last_open
    rejected = [
        row
        for row in candles.rejected
        if row.open_time is None or first <= row.open_time <= last + DURATION[candles.interval]
    ]
    if rejected:
        when = rejected[0].open_time
        raise DataUnavailable(
            f"{len(rejected)} {candles.interval} row(s) of {candles.symbol} in the serving window"
            f" were refused; the first ({when or 'no time'}): {rejected[0].reason}.",
            remedy="Mend the source; a forecast is published only from a whole window.",
        )


def _not_whole(candles: Candles, needed: int, first: datetime) -> DataUnavailable:
    gaps = candles.gaps()
    hole = (
        describe_gap(gaps[0], candles.interval) if gaps else f"it should begin at {first:%Y-%m-%d}"
    )
    return DataUnavailable(
        f"The serving window of {candles.symbol} {candles.interval} holds {len(candles)} of"
        f" {needed} candles; {hole}.",
        remedy="Run `forecastlab update`, or name a --source with enough history.",
    )
