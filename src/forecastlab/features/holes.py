"""Which holes in the candles a window may reach across, and which end the history.

Windows count candles, not hours: a return over 24 candles across an outage of two hours spans 26
hours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.feature import FeatureKey, Rows
from forecastlab.features.windows import Series

LONGEST_HOLE: Final = timedelta(hours=12)
"""A longer hole in one place ends the history. The hourly candles of 2018 to 2025 have 27 outages:
26 of at most 10 hours, which would each cost the 720 hours after it if they ended the history, and
one of 33 hours, across which prices moved by 6 %. No daily candle may be missing."""


def crossable(interval: Interval) -> int:
    """Return how many candles in one place may be missing inside a window.

    >>> [crossable(one) for one in ("1h", "4h", "1d")]
    [12, 3, 0]
    """
    return LONGEST_HOLE // DURATION[interval]


def unbroken_runs(daily: pd.DataFrame) -> list[pd.DataFrame]:
    """Split daily candles at their holes, oldest run first.

    >>> opens = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05"], tz="UTC")
    >>> [len(run) for run in unbroken_runs(pd.DataFrame(index=opens))]
    [2, 1]
    """
    opens = pd.DatetimeIndex(daily.index)
    starts = np.flatnonzero(opens[1:] - opens[:-1] != DURATION["1d"]) + 1
    edges = [0, *starts.tolist(), len(daily)]
    return [daily.iloc[begin:end] for begin, end in pairwise(edges)]


def run_by_run(compute: Callable[[pd.DataFrame], pd.DataFrame]) -> Rows:
    """Return how a set is computed from daily candles alone, each unbroken run by itself."""

    def rows(view: MarketView, symbol: str, _: FeatureKey) -> pd.DataFrame:
        runs = unbroken_runs(view.candles(symbol, "1d").frame)
        return pd.concat([compute(run) for run in runs])

    return rows


def stretches(opens: pd.DatetimeIndex, interval: Interval) -> list[slice]:
    """Return the stretches of candles that windows may span, oldest first.

    >>> opens = pd.to_datetime([0, 1, 14, 28], unit="h", utc=True)
    >>> stretches(opens, "1h")
    [slice(0, 3, None), slice(3, 4, None)]
    """
    limit_ms = DURATION[interval] // timedelta(milliseconds=1) * (crossable(interval) + 1)
    starts = np.flatnonzero(np.diff(milliseconds(opens)) > limit_ms) + 1
    return [slice(*edges) for edges in pairwise([0, *starts.tolist(), len(opens)])]


def compute_by_stretch(
    candles: pd.DataFrame,
    interval: Interval,
    columns: Sequence[str],
    compute: Callable[[pd.DataFrame], Mapping[str, Series]],
) -> pd.DataFrame:
    """Compute columns of each stretch of candles by itself.

    Args:
        candles: any columns, index `open_time`.
        columns: names that `compute` returns, in the order of the result.

    Returns:
        Index of `candles`, `columns` as float64; NaN where a value is not finite.
    """
    values = np.empty((len(columns), len(candles)))
    for stretch in stretches(pd.DatetimeIndex(candles.index), interval):
        table = compute(candles.iloc[stretch])
        for place, name in enumerate(columns):
            values[place, stretch] = table[name]
    values[~np.isfinite(values)] = np.nan
    return pd.DataFrame(values.T, index=candles.index, columns=list(columns), copy=False)


def milliseconds(instants: pd.Index) -> np.ndarray:
    """Return instants as epoch milliseconds.

    >>> milliseconds(pd.to_datetime([1, 2], unit="s", utc=True)).tolist()
    [1000, 2000]
    """
    return pd.DatetimeIndex(instants).as_unit("ms").asi8
