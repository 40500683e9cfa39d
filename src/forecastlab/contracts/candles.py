"""Candles and markets: what the data means, and who may see which part of it.

A candle is available at its open time plus its interval, never at its `close_time`, which an
exchange halt shortens. `Market.as_of(t)` hands out a view that holds only candles with
`available_at <= t`, of every interval; feature code is given such views and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval, asof_name

COLUMNS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trades",
    "taker_buy_base",
    "taker_buy_quote",
)
INDEX_DTYPE: Final = "datetime64[ms, UTC]"


@dataclass(frozen=True)
class Gap:
    """A hole in a candle series: the opens in [first_missing, last_missing] are not there."""

    first_missing: datetime
    last_missing: datetime
    candles: int


@dataclass(frozen=True)
class RejectedRow:
    """A row that the boundary refused: its open (None if unreadable) and the reason."""

    open_time: datetime | None
    reason: str


@dataclass(frozen=True, eq=False)
class Candles:
    """Closed candles of one symbol and interval.

    Attributes:
        frame: index `open_time` (UTC, unique, ascending, on the interval's grid), float64 columns
            `COLUMNS`. Prices in quote currency, `volume` and `taker_buy_base` in base currency,
            `quote_volume` and `taker_buy_quote` in quote currency, `trades` a count.
        rejected: rows that the boundary refused; they are not in `frame`.
        duplicates: identical repeats that were collapsed.
    """

    symbol: str
    interval: Interval
    frame: pd.DataFrame
    rejected: tuple[RejectedRow, ...] = ()
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def available_at(self) -> pd.DatetimeIndex:
        """Instants at which each candle is known: open time plus interval."""
        return pd.DatetimeIndex(self.frame.index + DURATION[self.interval])

    @property
    def last_open(self) -> datetime:
        """Open of the newest candle.

        Raises:
            DataUnavailable: there is no candle.
        """
        if self.frame.empty:
            raise DataUnavailable(
                f"There is no {self.interval} candle of {self.symbol}.",
                remedy="Run `forecastlab update`, or name another --source.",
            )
        return as_datetime(self.frame.index[-1])

    def until(self, instant: datetime) -> Candles:
        """Return only the candles with `available_at <= instant`."""
        end = int(self.frame.index.searchsorted(_key(instant - DURATION[self.interval]), "right"))
        return self if end == len(self.frame) else self._with(self.frame.iloc[:end])

    def between(self, first_open: datetime, last_open: datetime) -> Candles:
        """Return the candles that open in the closed interval [first_open, last_open]."""
        index = self.frame.index
        begin, end = (
            index.searchsorted(_key(first_open)),
            index.searchsorted(_key(last_open), "right"),
        )
        return self._with(self.frame.iloc[int(begin) : int(end)])

    def gaps(self) -> tuple[Gap, ...]:
        """Return the holes between the first and the last candle, oldest first."""
        step = DURATION[self.interval]
        opens = pd.DatetimeIndex(self.frame.index)
        jumps = np.flatnonzero(np.diff(opens.asi8) != step // _MS)
        found = []
        for i in map(int, jumps):
            before, after = as_datetime(opens[i]), as_datetime(opens[i + 1])
            found.append(Gap(before + step, after - step, (after - before) // step - 1))
        return tuple(found)

    def digest(self) -> str:
        """Return `sha256:…` over symbol, interval and every value, independent of storage."""
        state = hashlib.sha256(f"{self.symbol} {self.interval}\n".encode())
        opens_ms = pd.DatetimeIndex(self.frame.index).asi8
        state.update(np.ascontiguousarray(opens_ms).astype("<i8").tobytes())
        values = self.frame.loc[:, list(COLUMNS)].to_numpy(dtype="<f8", copy=False)
        state.update(np.ascontiguousarray(values).tobytes())
        return f"sha256:{state.hexdigest()}"

    def _with(self, frame: pd.DataFrame) -> Candles:
        return Candles(self.symbol, self.interval, frame, self.rejected, self.duplicates)


@dataclass(frozen=True, eq=False)
class MarketView:
    """What was known at `as_of`: candles of several symbols and intervals, closed by then."""

    as_of: datetime
    _series: Mapping[tuple[str, Interval], Candles] = field(repr=False)
    _funding: Mapping[str, pd.Series] = field(repr=False, default_factory=dict)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols with at least one series, in the order given."""
        return tuple(dict.fromkeys(symbol for symbol, _ in self._series))

    def with_series(
        self, series: Mapping[tuple[str, Interval], Candles], *, as_of: datetime | None = None
    ) -> MarketView:
        """Return the view with other series, and funding as it was known at `as_of`."""
        instant = as_of or self.as_of
        known = pd.Timestamp(instant)
        funding = {name: one.loc[one.index <= known] for name, one in self._funding.items()}
        return MarketView(instant, series, funding)

    def with_funding(self, funding: Mapping[str, pd.Series]) -> MarketView:
        """Return the view with other funding rates, as they were known at `as_of`."""
        return MarketView(self.as_of, self._series, funding).with_series(self._series)

    def has(self, symbol: str, interval: Interval) -> bool:
        """Say whether the series is part of the market (it may still be empty)."""
        return (symbol, interval) in self._series

    def funding(self, symbol: str) -> pd.Series:
        """Return the funding rates that were known at `as_of`; empty where there are none.

        Index: the instant of each payment, UTC, to the millisecond; fractions of the position.
        """
        rates = self._funding.get(symbol)
        return empty_funding() if rates is None else rates

    def candles(self, symbol: str, interval: Interval) -> Candles:
        """Return a series as it was known at `as_of`.

        Raises:
            DataUnavailable: the market holds no such series.
        """
        try:
            return self._series[symbol, interval]
        except KeyError:
            raise DataUnavailable(
                f"There are no {interval} candles of {symbol}.",
                remedy="Name a --source that has them, or take the symbol out of the config.",
            ) from None


class Market:
    """Candles of several symbols and intervals, readable only through `as_of`."""

    def __init__(
        self, series: Iterable[Candles], funding: Mapping[str, pd.Series] | None = None
    ) -> None:
        self._series = {(one.symbol, one.interval): one for one in series}
        self._funding = dict(funding or {})

    def as_of(self, instant: datetime) -> MarketView:
        """Return what was known at `instant`: only candles with `available_at <= instant`."""
        series = {key: one.until(instant) for key, one in self._series.items()}
        return MarketView(instant, series, self._funding).with_series(series)

    def newest(self, symbol: str, interval: Interval) -> datetime:
        """Return the open of the newest candle of one series.

        Raises:
            DataUnavailable: there is none.
        """
        if (symbol, interval) not in self._series:
            return Candles(symbol, interval, empty_frame()).last_open
        return self._series[symbol, interval].last_open

    def series(self) -> tuple[Candles, ...]:
        """Return all series, for accounting (rows, gaps, digests), never for features."""
        return tuple(self._series.values())

    def with_series(self, series: Iterable[Candles]) -> Market:
        """Return a market of these series, with the same funding rates."""
        return Market(series, self._funding)


_MS: Final = pd.Timedelta(milliseconds=1).to_pytimedelta()


def _key(instant: datetime) -> pd.Timestamp:
    return pd.Timestamp(instant).as_unit("ms")


def as_datetime(stamp: pd.Timestamp) -> datetime:
    """Turn an index entry into a plain aware datetime.

    >>> as_datetime(pd.Timestamp("2025-09-30", tz="UTC")).isoformat()
    '2025-09-30T00:00:00+00:00'
    """
    return stamp.to_pydatetime()


def empty_frame() -> pd.DataFrame:
    """Return a candle frame without rows, with the contract's columns and index.

    >>> list(empty_frame().columns)[:4]
    ['open', 'high', 'low', 'close']
    """
    index = pd.DatetimeIndex([], dtype=INDEX_DTYPE, name="open_time")
    return pd.DataFrame({name: np.empty(0) for name in COLUMNS}, index=index)


def empty_funding() -> pd.Series:
    """Return funding rates of a market that has none.

    >>> len(empty_funding())
    0
    """
    index = pd.DatetimeIndex([], dtype=INDEX_DTYPE, name="funding_time")
    return pd.Series(np.empty(0), index=index, name="funding_rate")


def funding_digest(symbol: str, rates: pd.Series) -> str:
    """Return `sha256:…` over a symbol's funding rates: instants and values.

    >>> funding_digest("BTCUSDT", empty_funding())[:11]
    'sha256:cd8c'
    """
    state = hashlib.sha256(f"{symbol} funding\n".encode())
    times_ms = pd.DatetimeIndex(rates.index).as_unit("ms").asi8
    state.update(np.ascontiguousarray(times_ms).astype("<i8").tobytes())
    state.update(rates.to_numpy(dtype="<f8").tobytes())
    return f"sha256:{state.hexdigest()}"


def open_index(open_time_ms: Iterable[int] | np.ndarray) -> pd.DatetimeIndex:
    """Turn epoch milliseconds into the contract's index.

    >>> str(open_index([1759190400000])[0])
    '2025-09-30 00:00:00+00:00'
    """
    values = np.asarray(open_time_ms, dtype="int64").astype("datetime64[ms]")
    return pd.DatetimeIndex(values, name="open_time").tz_localize("UTC")


def describe_gaps(gaps: Sequence[Gap]) -> str:
    """Count gaps for a person.

    >>> describe_gaps([])
    'none'
    """
    missing = sum(gap.candles for gap in gaps)
    return f"{len(gaps)} ({missing} candles)" if gaps else "none"


def describe_gap(gap: Gap, interval: Interval) -> str:
    """Write a gap for a person.

    >>> from datetime import UTC
    >>> t = datetime(2018, 2, 8, 1, tzinfo=UTC)
    >>> describe_gap(Gap(t, t, 1), "1h")
    '2018-02-08T01Z … 2018-02-08T01Z (1 candle)'
    """
    first, last = asof_name(gap.first_missing, interval), asof_name(gap.last_missing, interval)
    return f"{first} … {last} ({gap.candles} candle{'s' if gap.candles != 1 else ''})"
