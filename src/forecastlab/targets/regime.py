"""What the market does next, whichever way: whether it moves widely, and whether it trends.

Both labels compare the window t+1 … t+`horizon` with what was known at t. A row whose window is not
complete has no label; it is never a quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import DURATION
from forecastlab.targets.base import labelled, whole_windows

HORIZON: Final = 12
"""Candles ahead of both labels."""

MIN_KNOWN: Final = 60
"""Fewest known ranges among the last `window` behind a threshold; a gap takes some away."""


@dataclass(frozen=True)
class ForwardRange:
    """Whether the next `horizon` candles range wider than most that were known by then.

    The range is (highest high − lowest low of t+1 … t+`horizon`) / c_t. The threshold is the
    `quantile` of the ranges that had resolved at t among those of the last `window` as-ofs
    t−`horizon`−`window`+1 … t−`horizon`; the newest `horizon` ranges still look ahead and stay out.
    So the base rate is about 1 − `quantile`, in calm years and in wild ones.
    """

    horizon: int = HORIZON
    window: int = 240
    quantile: float = 0.55

    def labels(self, candles: Candles) -> pd.DataFrame:
        """Return the labels (1: wide) whose window is whole and whose threshold is known.

        Columns and index as every target's; the first threshold needs `window` + `horizon` candles.

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> highs = np.r_[np.full(80, 2.0), np.full(20, 3.0)]
        >>> opens = open_index(np.arange(100) * 3_600_000)
        >>> frame = pd.DataFrame({name: 1.0 for name in COLUMNS}, index=opens).assign(high=highs)
        >>> labels = ForwardRange(2, 60).labels(Candles("BTCUSDT", "1h", frame))
        >>> labels.reindex(opens)["label"][60:80:6].tolist()
        [nan, 0.0, 0.0, 1.0]
        """
        ranges = self._ranges(candles)
        threshold = self._thresholds(candles, ranges)
        known = np.flatnonzero(np.isfinite(ranges) & np.isfinite(threshold))
        wide = (ranges[known] > threshold[known]).astype("int64")
        return labelled(wide, known, candles, horizon=self.horizon)

    def _ranges(self, candles: Candles) -> np.ndarray:
        """Return the range ahead of each candle; NaN where its window is not whole."""
        frame, ranges = candles.frame, np.full(len(candles), np.nan)
        known = np.flatnonzero(whole_windows(candles, ahead=self.horizon))
        if len(known):
            high, low = (frame[name].to_numpy(dtype="float64") for name in ("high", "low"))
            top = sliding_window_view(high, self.horizon).max(axis=1)[known + 1]
            bottom = sliding_window_view(low, self.horizon).min(axis=1)[known + 1]
            ranges[known] = (top - bottom) / frame["close"].to_numpy(dtype="float64")[known]
        return ranges

    def _thresholds(self, candles: Candles, ranges: np.ndarray) -> np.ndarray:
        """Return the threshold known at each candle; NaN before the first whole `window`."""
        opens = pd.DatetimeIndex(candles.frame.index)
        if not len(opens):
            return np.empty(0)
        # On the clock's grid a gap takes up its time, so that windows are spans of time.
        grid = pd.date_range(opens[0], opens[-1], freq=DURATION[candles.interval])
        past = pd.Series(ranges, opens).reindex(grid).shift(self.horizon)
        rolling = past.rolling(self.window, min_periods=MIN_KNOWN).quantile(self.quantile)
        rolling.iloc[: self.horizon + self.window - 1] = np.nan
        return rolling.reindex(opens).to_numpy()


@dataclass(frozen=True)
class ForwardTrend:
    """Whether the close moves further than one average candle's true range.

    `1` if |c_{t+horizon} − c_t| > ATR_t, the plain mean of the last `atr` true ranges up to t.
    """

    horizon: int = HORIZON
    atr: int = 14

    def labels(self, candles: Candles) -> pd.DataFrame:
        """Return the labels (1: trends) whose window, `atr` candles back included, is whole.

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> opens = open_index(np.arange(20) * 3_600_000)
        >>> close = np.r_[np.full(16, 10.0), 12.5, 14.0, 14.0, 14.0]
        >>> frame = pd.DataFrame({name: close for name in COLUMNS}, index=opens)
        >>> frame = frame.assign(high=close + 1, low=close - 1)
        >>> ForwardTrend(2).labels(Candles("BTCUSDT", "1h", frame))["label"].tolist()
        [1, 1, 0, 0]
        """
        frame = candles.frame
        high, low, close = (
            frame[name].to_numpy(dtype="float64") for name in ("high", "low", "close")
        )
        known = np.flatnonzero(whole_windows(candles, back=self.atr, ahead=self.horizon))
        reach = np.zeros(len(known))
        # Candle by candle, so that a sum depends on its window alone, to the last bit.
        for lag in range(self.atr):
            at = known - lag
            reach += np.maximum(high[at], close[at - 1]) - np.minimum(low[at], close[at - 1])
        moved = np.abs(close[known + self.horizon] - close[known])
        return labelled(
            (moved > reach / self.atr).astype("int64"), known, candles, horizon=self.horizon
        )
