"""A simulated market as a candle source: the offline demo, and the controls of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.adapters.simulated_paths import ASSETS, HOURS, hourly_values
from forecastlab.contracts.candles import COLUMNS, Candles, open_index
from forecastlab.contracts.errors import UnknownSymbol
from forecastlab.contracts.intervals import DURATION, Interval, last_closed_open
from forecastlab.contracts.ports import Clock, SourceKind

START: Final = datetime(2018, 1, 1, tzinfo=UTC)

DEMO_VOL_OF_VOL: Final = 0.5
"""Standard deviation of the log volatility, about that of daily BTCUSDT."""

_AHEAD: Final = 400
"""Days drawn beyond the clock, so that a simulated year of mornings draws once or twice."""

_MS: Final = timedelta(milliseconds=1)


class SimulatedMarket:
    """A seeded market whose law is known (`adapters.simulated_paths`) and has two knobs.

    With both at 0 there is nothing to find. `vol_of_vol` alone makes events predictable, but no
    direction; `drift_signal` plants a known dependence of the next days on the taker flow. Hours
    are drawn; 4h and 1d candles are summed from them. Equal arguments give equal candles, whatever
    was asked before, and a later clock only adds candles.

    Args:
        seed: not negative.
        clock: decides which candles are closed.
        drift_signal: expected log return of the next day, in daily volatilities, per unit of flow
            pressure.
        vol_of_vol: standard deviation of the log volatility.
        start: the first candle's open, a midnight in UTC.
    """

    kind: Final[SourceKind] = "simulated"

    def __init__(
        self,
        seed: int,
        *,
        clock: Clock,
        drift_signal: float = 0.0,
        vol_of_vol: float = 0.0,
        symbols: Sequence[str] = tuple(ASSETS),
        start: datetime = START,
    ) -> None:
        self._seed, self._clock = seed, clock
        self._drift_signal, self._vol_of_vol = drift_signal, vol_of_vol
        self._symbols, self._start = tuple(symbols), start
        self._hours: dict[str, np.ndarray] = {}
        self._series: dict[tuple[str, Interval], Candles] = {}

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the closed candles that open in [first_open, last_open].

        Raises:
            UnknownSymbol: the market has no such symbol.
        """
        if symbol not in self._symbols:
            raise UnknownSymbol(
                f"The simulated market has no {symbol}.",
                remedy=f"It has {', '.join(self._symbols)}.",
            )
        last = min(last_open, last_closed_open(self._clock.now(), interval))
        return self._drawn(symbol, interval, last).between(first_open or self._start, last)

    def _drawn(self, symbol: str, interval: Interval, last_open: datetime) -> Candles:
        """Return candles up to `last_open` and beyond."""
        needed = (last_open - self._start) // timedelta(days=1) + 1
        hours = self._hours.get(symbol)
        if hours is None or len(hours) < needed * HOURS:
            self._hours[symbol] = hours = hourly_values(
                symbol,
                max(needed, 0) + _AHEAD,
                seed=self._seed,
                drift_signal=self._drift_signal,
                vol_of_vol=self._vol_of_vol,
            )
            for known in [key for key in self._series if key[0] == symbol]:
                del self._series[known]
        if (symbol, interval) not in self._series:
            self._series[symbol, interval] = self._joined(symbol, interval, hours)
        return self._series[symbol, interval]

    def _joined(self, symbol: str, interval: Interval, hours: np.ndarray) -> Candles:
        """Join hours into candles: first open, highest high, lowest low, last close, sums."""
        step = DURATION[interval]
        parts = hours.reshape(-1, step // timedelta(hours=1), len(COLUMNS))
        # Rounded again, for sums of five-decimal volumes carry float noise.
        sums = np.round(parts[:, :, 4:].sum(axis=1), 5)
        opens, closes = parts[:, 0, 0], parts[:, -1, 3]
        highs, lows = parts[:, :, 1].max(axis=1), parts[:, :, 2].min(axis=1)
        values = np.column_stack([opens, highs, lows, closes, sums])
        start_ms = int(self._start.timestamp() * 1000)
        index = open_index(start_ms + step // _MS * np.arange(len(values)))
        return Candles(symbol, interval, pd.DataFrame(values, index=index, columns=list(COLUMNS)))
