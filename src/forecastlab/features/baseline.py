"""The feature set `baseline` (6): the original's names, formulas and order.

`ma7`, `ma21` and `macd_hist` are price levels, so a model that reads them learns the date; the
variant `scaled` of `flow` says the same without levels.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from forecastlab.features.feature import Feature, FeatureSet
from forecastlab.features.holes import run_by_run
from forecastlab.features.indicators import (
    EWMA_WINDOW,
    macd_histogram,
    moving_average,
    moving_deviation,
    relative_change,
    rsi,
)

START_DEPENDENT: Final = ("rsi_14", "macd_hist")
"""Features whose EWMAs reach back to the first candle of the unbroken run. Their lookback is the
length from which on the start hardly matters (see `EWMA_WINDOW`), not a hard edge."""

_ENDLESS: Final = f"over the whole history (before the last {EWMA_WINDOW} candles: next to nothing)"

FEATURES: Final = (
    Feature(
        "rsi_14",
        f"100 - 100 / (1 + gains / losses), each an EWMA with centre of mass 13 {_ENDLESS}",
        "points, 0 to 100",
        EWMA_WINDOW,
        "1d",
        "price",
    ),
    Feature("ma7", "mean of the last 7 closes", "price", 7, "1d", "price"),
    Feature("ma21", "mean of the last 21 closes", "price", 21, "1d", "price"),
    Feature("vol21", "standard deviation of the last 21 returns", "fraction", 22, "1d", "price"),
    Feature(
        "macd_hist",
        "EWMA of span 12 less EWMA of span 26 of the close, less its own EWMA of span 9,"
        f" {_ENDLESS}",
        "price",
        EWMA_WINDOW,
        "1d",
        "price",
    ),
    Feature("ret1", "close over the previous close, less 1", "fraction", 2, "1d", "price"),
)


def baseline_features(daily: pd.DataFrame) -> pd.DataFrame:
    """Compute the six features of an unbroken run of daily candles.

    Args:
        daily: candle columns, index `open_time` without holes.

    Returns:
        Index of `daily`, columns `BASELINE.columns`; NaN until a window is complete.

    Source: the daily reversal system that this one replaces, feature set `baseline`.

    >>> daily = pd.DataFrame({"close": [100.0, 110.0, 99.0]})
    >>> baseline_features(daily)["ret1"].round(3).tolist()
    [nan, 0.1, -0.1]
    """
    close = daily["close"].to_numpy(dtype="float64")
    returns = relative_change(close)
    columns = {
        "rsi_14": rsi(close),
        "ma7": moving_average(close, 7),
        "ma21": moving_average(close, 21),
        "vol21": moving_deviation(returns, 21),
        "macd_hist": macd_histogram(close),
        "ret1": returns,
    }
    return pd.DataFrame(columns, index=daily.index)


BASELINE: Final = FeatureSet("baseline", "raw", FEATURES, rows=run_by_run(baseline_features))
