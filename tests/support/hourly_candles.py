"""Hourly candles made of a path of closes, for labels that read highs and lows as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import COLUMNS, Candles, open_index

HOUR_MS = 3_600_000


def hourly_candles(
    closes: Sequence[float] | np.ndarray, *, wick: float = 0.0, missing: Sequence[int] = ()
) -> Candles:
    """Return hourly candles from 1970-01-01; highs and lows lie `wick` (a fraction) outside."""
    close = np.asarray(closes, dtype="float64")
    open_ = np.r_[close[:1], close[:-1]]
    frame = pd.DataFrame(
        dict.fromkeys(COLUMNS, close), index=open_index(np.arange(len(close)) * HOUR_MS)
    ).assign(
        open=open_,
        high=np.maximum(open_, close) * (1 + wick),
        low=np.minimum(open_, close) * (1 - wick),
    )
    return Candles("BTCUSDT", "1h", frame.drop(frame.index[list(missing)]))


def random_hours(hours: int, *, seed: int = 0, missing: Sequence[int] = ()) -> Candles:
    """Return hourly candles of a random walk of .5 % an hour."""
    steps = np.random.default_rng(seed).normal(0, 0.005, hours)
    return hourly_candles(100 * np.exp(np.cumsum(steps)), wick=0.002, missing=missing)
