"""The feature set `variance`: ten scale-free measures of how much a symbol moves, and the level.

Each value depends on the last 1,500 daily candles at most, so that serving reads a finite window
and gets what the full history gives. The first candle of the window lends its close only: its own
variance would need a return from before the window.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet
from forecastlab.features.realised import daily_variance

WINDOW: Final = 1500
"""Daily candles that a value may depend on. The cut costs nothing: the log loss of first_passage on
BTCUSDT 1d is 1.0272 with it and 1.0274 without at T14_X8, 1.0126 and 1.0128 at T21_X8."""

CENTRES: Final = (1, 5, 125, 400)
"""Centres of mass, in days, of the averages that are compared with the one of `LEVEL_CENTRE`."""

LEVEL_CENTRE: Final = 25
LEVEL: Final = "log_rv_25"
"""The column that holds the scale: log variance per day. The others are free of it."""

DOWNSIDE_SCALE: Final = {28: 8.0, 91: 14.0}
"""Factors that bring the downside shares over these days to the spread of the other columns."""

_HOURS: Final = 24


def _average(centre: int) -> Feature:
    return Feature(
        name=f"rv_{centre}_25",
        formula=f"log of the mean daily realised variance with centre of mass {centre} days,"
        " less that with centre of mass 25",
        unit="log ratio of variances",
        lookback=WINDOW * _HOURS,
        interval="1h",
        source="price",
    )


def _share(name: str, days: int, formula: str) -> Feature:
    return Feature(
        name=f"{name}_{days}",
        formula=formula,
        unit="scaled fraction",
        lookback=(days + 1) * _HOURS,
        interval="1h",
        source="price",
    )


def _downside(days: int) -> Feature:
    share = f"the share of the {days}-day realised variance that falls on negative returns"
    return _share("downside", days, f"{DOWNSIDE_SCALE[days]:g} * ({share} - 0.5)")


def _bipower(days: int) -> Feature:
    return _share("bipower", days, f"5 * (bipower over realised variance of {days} days) - 4.5")


FEATURES: Final = (
    *(_average(centre) for centre in CENTRES),
    _downside(28),
    _bipower(28),
    Feature(
        name="volume_7_91",
        formula="log of the mean quote volume of 7 days over that of 91 days, clipped to ±3",
        unit="log ratio",
        lookback=91,
        interval="1d",
        source="volume",
    ),
    Feature(
        name="log_rv_deviation_28",
        formula="standard deviation of the log realised variance over 28 days, less 0.6",
        unit="log variance",
        lookback=29 * _HOURS,
        interval="1h",
        source="price",
    ),
    _downside(91),
    _bipower(91),
    Feature(
        name=LEVEL,
        formula="log of the mean daily realised variance with centre of mass 25 days",
        unit="log variance per day",
        lookback=WINDOW * _HOURS,
        interval="1h",
        source="price",
    ),
)
"""The ten inputs of the recipe, in its order, and the level."""


def variance_features(daily: pd.DataFrame, *, window: int = WINDOW) -> pd.DataFrame:
    """Compute the feature set `variance` at each daily close.

    Args:
        daily: what `daily_variance` gives; one row per daily candle.
        window: daily candles that a value may depend on, the as-of candle included; the oldest of
            them lends its close only.

    Returns:
        Index of `daily`, columns `VARIANCE.columns`; missing until enough days are there.

    >>> index = pd.date_range("2024-01-01", periods=30, tz="UTC")
    >>> daily = pd.DataFrame({"quote_volume": 1e6, "rv": 4e-4}, index=index)
    >>> daily = daily.assign(bipower=0.9 * daily["rv"], downside=0.5 * daily["rv"])
    >>> last = variance_features(daily).iloc[-1]
    >>> last[["rv_5_25", "downside_28", "log_rv_25"]].round(3).abs().tolist()
    [0.0, 0.0, 7.824]
    """
    rv, volume = (daily[name].to_numpy(dtype="float64") for name in ("rv", "quote_volume"))
    level = _log(windowed_ewma(rv, LEVEL_CENTRE, window - 1))
    columns = {
        f"rv_{centre}_25": _log(windowed_ewma(rv, centre, window - 1)) - level for centre in CENTRES
    }
    for days in (28, 91):
        total = _window_mean(rv, days, least=7)
        shares = {
            name: _window_mean(daily[name].to_numpy(dtype="float64"), days, least=7)
            / np.where(total > 0, total, np.nan)
            for name in ("downside", "bipower")
        }
        columns[f"downside_{days}"] = DOWNSIDE_SCALE[days] * (shares["downside"] - 0.5)
        columns[f"bipower_{days}"] = 5 * shares["bipower"] - 4.5
    volume_ratio = _log(_window_mean(volume, 7, least=3)) - _log(_window_mean(volume, 91, least=14))
    columns["volume_7_91"] = np.clip(volume_ratio, -3, 3)
    columns["log_rv_deviation_28"] = _window_deviation(_log(rv), 28, least=14) - 0.6
    columns[LEVEL] = level
    return pd.DataFrame(columns, index=daily.index).loc[:, list(VARIANCE.columns)]


def _rows(view: MarketView, symbol: str, _: FeatureKey) -> pd.DataFrame:
    return variance_features(daily_variance(view, symbol))


VARIANCE: Final = FeatureSet("variance", "raw", FEATURES, rows=_rows)


def windowed_ewma(values: np.ndarray, centre: float, window: int) -> np.ndarray:
    """Return the exponentially weighted mean of the last `window` values, missing ones left out.

    The same as pandas' `ewm(com=centre, adjust=True, ignore_na=True).mean()` on each window alone.
    It is the endless mean less its own tail, which takes one pass instead of one per row.

    Args:
        values: shape (days,), oldest first.
        centre: centre of mass in days; min(21, centre + 1) values must be there.

    >>> windowed_ewma(np.array([8.0, 1.0, 4.0]), 1.0, 2).round(3)
    array([  nan, 3.333, 3.   ])
    """
    decay = centre / (1 + centre)
    present = np.isfinite(values)
    seen = np.concatenate([[0], np.cumsum(present)])
    known = values[present]
    mean = pd.Series(known).ewm(com=centre, adjust=True).mean().to_numpy()
    total = np.concatenate([[0.0], mean * (1 - decay ** np.arange(1, len(known) + 1))])
    last = np.arange(1, len(values) + 1)
    newest, oldest = seen[last], seen[np.maximum(last - window, 0)]
    count = newest - oldest
    enough = count >= min(21, centre + 1)
    weight = np.where(enough, 1 - decay**count, np.nan)
    return np.asarray((total[newest] - decay**count * total[oldest]) / weight)


def _windows(values: np.ndarray, days: int) -> np.ndarray:
    """Return the last `days` values per row, NaN where there are fewer; shape (rows, days)."""
    padded = np.concatenate([np.full(days, np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, days)[1:]


def _window_mean(values: np.ndarray, days: int, *, least: int) -> np.ndarray:
    """Return the mean over the last `days` values that are there; NaN with fewer than `least`."""
    windows = _windows(values, days)
    count = np.isfinite(windows).sum(axis=1)
    return np.asarray(np.nan_to_num(windows).sum(axis=1) / np.where(count >= least, count, np.nan))


def _window_deviation(values: np.ndarray, days: int, *, least: int) -> np.ndarray:
    """Return the standard deviation (ddof 1) over the last `days` values that are there."""
    windows = _windows(values, days)
    distance = np.nan_to_num(windows - _window_mean(values, days, least=least)[:, None])
    count = np.isfinite(windows).sum(axis=1)
    return np.asarray(
        np.sqrt((distance**2).sum(axis=1) / np.where(count >= least, count - 1, np.nan))
    )


def _log(values: np.ndarray) -> np.ndarray:
    """Return the logarithm; NaN where a value is 0 (a day without a trade) or missing."""
    return np.log(np.where(values > 0, values, np.nan))
