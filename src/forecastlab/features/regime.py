"""The feature sets `regime` (10) and `quantile` (15): how a market moves, for models of its range.

All are free of price levels. `funding_rate` is that of the set `direction`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import Interval
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet, Rows, Source
from forecastlab.features.funding import funding_at, funding_lookback
from forecastlab.features.holes import compute_by_stretch
from forecastlab.features.technical import straightness, true_range
from forecastlab.features.windows import (
    Series,
    change,
    ratio,
    window_deviation,
    window_max,
    window_mean,
    window_min,
    window_moments,
    window_rank,
    window_z_score,
)

BAND: Final = 20
"""Candles of a Bollinger band."""
BAND_RANK: Final = 120
Z_WINDOW: Final = 60
Z_BOUND: Final = 5.0
QUIET: Final = 1e-3
"""Share of the mean volume of 20 candles that a candle counts for at least: the logarithm of a
candle without a trade."""

_Row = tuple[str, str, str, int, Source]
Columns = dict[str, Series]


def regime_features(view: MarketView, symbol: str, interval: Interval) -> pd.DataFrame:
    """Compute the set `regime` at every candle of a symbol in the view.

    Returns:
        Index `open_time`, columns `regime_set(interval).columns`; NaN where a value is missing. A
        column without a source (`sources_absent`) holds NaN alone.

    Raises:
        DataUnavailable: the market has no such candles of the symbol.
    """
    candles = view.candles(symbol, interval).frame
    return regime_table(candles, interval, funding=view.funding(symbol))


def quantile_features(view: MarketView, symbol: str, interval: Interval) -> pd.DataFrame:
    """Compute the set `quantile`, as `regime_features` does `regime`."""
    candles = view.candles(symbol, interval).frame
    return quantile_table(candles, interval, funding=view.funding(symbol))


def regime_table(
    candles: pd.DataFrame, interval: Interval, *, funding: pd.Series | None = None
) -> pd.DataFrame:
    """Compute the set `regime` from candles and, where there are any, funding rates.

    >>> from forecastlab.contracts.candles import empty_frame
    >>> regime_table(empty_frame(), "1h").shape
    (0, 10)
    """

    def compute(stretch: pd.DataFrame) -> Columns:
        return _regime(stretch, funding_at(funding, stretch.index, interval))

    return compute_by_stretch(candles, interval, regime_set(interval).columns, compute)


def quantile_table(
    candles: pd.DataFrame, interval: Interval, *, funding: pd.Series | None = None
) -> pd.DataFrame:
    """Compute the set `quantile` from candles and, where there are any, funding rates.

    >>> from forecastlab.contracts.candles import empty_frame
    >>> quantile_table(empty_frame(), "1h").shape
    (0, 15)
    """

    def compute(stretch: pd.DataFrame) -> Columns:
        rate = funding_at(funding, stretch.index, interval)
        return _regime(stretch, rate) | _surprises(stretch, rate)

    return compute_by_stretch(candles, interval, quantile_set(interval).columns, compute)


@lru_cache(maxsize=3)
def regime_set(interval: Interval) -> FeatureSet:
    """Describe the set `regime` on candles of an interval.

    >>> max(one.lookback for one in regime_set("1h").features)
    139
    """
    return _described("regime", interval, _regime_rows, rows=_regime_of)


@lru_cache(maxsize=3)
def quantile_set(interval: Interval) -> FeatureSet:
    """Describe the set `quantile` on candles of an interval: `regime` and five more.

    >>> quantile_set("1h").columns[10:]
    ('funding_z', 'oi_z', 'basis_z', 'taker_imbalance', 'volume_surprise')
    """
    return _described("quantile", interval, _regime_rows, _surprise_rows, rows=_quantile_of)


def _regime_of(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    return regime_features(view, symbol, key.interval)


def _quantile_of(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    return quantile_features(view, symbol, key.interval)


def _described(
    name: str, interval: Interval, *parts: Callable[[Interval], Iterator[_Row]], rows: Rows
) -> FeatureSet:
    features = tuple(
        Feature(column, formula, unit, lookback, interval, source)
        for part in parts
        for column, formula, unit, lookback, source in part(interval)
    )
    return FeatureSet(name, "raw", features, interval, rows=rows)


def _regime_rows(interval: Interval) -> Iterator[_Row]:
    band = f"{BAND} closes"
    yield "atr_pct", "mean true range of 14 candles over close", "fraction", 15, "price"
    spread = f"standard deviation of 5 log returns over that of {BAND}"
    yield "vol_ratio", spread, "ratio", BAND + 1, "price"
    width = f"twice the standard deviation of {band} over their mean"
    yield "bb_width", width, "fraction", BAND, "price"
    rank = f"rank of bb_width among the last {BAND_RANK}, over {BAND_RANK}"
    yield "bb_width_rank", rank, "rank", BAND + BAND_RANK - 1, "price"
    yield "momentum_5", "close over the close 5 before, less 1", "fraction", 6, "price"
    line = f"R² of a straight line through {band}; 0 where they do not differ"
    yield "trend_r2", line, "fraction", BAND, "price"
    yield "vol_ma_ratio", f"mean volume of 5 over that of {BAND}", "ratio", BAND, "volume"
    extent = f"range of 3 candles over that of {BAND}; 0 in no range"
    yield "range_ratio", extent, "ratio", BAND, "price"
    newest = "newest funding rate known at the close, one hour after its stamp; at most 24 h old"
    yield "funding_rate", newest, "fraction", funding_lookback(interval), "funding"
    yield "ma60_slope", "mean of 60 closes over that 5 before, less 1", "fraction", 65, "price"


def _surprise_rows(interval: Interval) -> Iterator[_Row]:
    against = f"less its mean of {Z_WINDOW}, over its standard deviation, within ±{Z_BOUND:g}"
    age = funding_lookback(interval) + Z_WINDOW - 1
    unit = "standard deviations"
    yield "funding_z", f"funding_rate {against}", unit, age, "funding"
    interest = f"relative change of the value of open interest {against}"
    yield "oi_z", interest, unit, Z_WINDOW + 1, "open_interest"
    basis = "1 less the candle's mean price over its close (0 without a trade),"
    yield "basis_z", f"{basis} {against}", unit, Z_WINDOW, "volume"
    taker = "2 × taker-buy share of volume - 1; 0 in a candle without a trade"
    yield "taker_imbalance", taker, "fraction", 1, "taker_flow"
    volume = f"log of volume, at least {QUIET:g} of its mean of {BAND},"
    yield "volume_surprise", f"{volume} {against}", unit, Z_WINDOW + BAND - 1, "volume"


def _regime(candles: pd.DataFrame, rate: Series) -> Columns:
    high, low, close, volume = (
        candles[name].to_numpy(dtype="float64") for name in ("high", "low", "close", "volume")
    )
    log_return = np.log1p(change(close))
    mean, deviation = window_moments(close, BAND)
    width = 2.0 * deviation / mean
    recent, whole = (window_max(high, n) - window_min(low, n) for n in (3, BAND))
    return {
        "atr_pct": window_mean(true_range(high, low, close), 14) / close,
        "vol_ratio": ratio(window_deviation(log_return, 5), window_deviation(log_return, BAND)),
        "bb_width": width,
        "bb_width_rank": window_rank(width, BAND_RANK),
        "momentum_5": change(close, 5),
        "trend_r2": straightness(close, BAND),
        "vol_ma_ratio": ratio(window_mean(volume, 5), window_mean(volume, BAND)),
        "range_ratio": ratio(recent, whole, otherwise=0.0),
        "funding_rate": rate,
        "ma60_slope": change(window_mean(close, 60), 5),
    }


def _surprises(candles: pd.DataFrame, rate: Series) -> Columns:
    close, volume, quote, bought = (
        candles[name].to_numpy(dtype="float64")
        for name in ("close", "volume", "quote_volume", "taker_buy_base")
    )
    basis = np.where(volume > 0, 1.0 - ratio(quote, volume * close), 0.0)
    floored = np.maximum(volume, QUIET * window_mean(volume, BAND))
    log_volume = np.log(np.where(floored > 0, floored, np.nan))
    return {
        "funding_z": window_z_score(rate, Z_WINDOW, bound=Z_BOUND),
        "oi_z": np.full(len(close), np.nan),
        "basis_z": window_z_score(basis, Z_WINDOW, bound=Z_BOUND),
        "taker_imbalance": 2.0 * ratio(bought, volume, otherwise=0.5) - 1.0,
        "volume_surprise": window_z_score(log_volume, Z_WINDOW, bound=Z_BOUND),
    }
