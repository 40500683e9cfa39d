"""Raw rows for tests, as a file or an exchange gives them."""

from __future__ import annotations

import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import Interval
from tests.support.synthetic import synthetic_market


def candles(days: int = 20, interval: Interval = "1d", *, seed: int = 0) -> Candles:
    """Draw valid candles of BTCUSDT from 2018-01-01."""
    (series,) = synthetic_market(days, seed=seed, intervals=(interval,)).series()
    return series


def raw_rows(series: Candles) -> pd.DataFrame:
    """Return candles as raw rows under the contract's names, `open_time` in epoch ms."""
    table = series.frame.reset_index()
    table["open_time"] = table["open_time"].astype("int64")
    return table
