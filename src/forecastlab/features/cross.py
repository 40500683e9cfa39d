"""The feature set `cross`: seven comparisons of a symbol with each reference (21 with three).

Only candles of the same open are compared: where the reference has none, every value whose window
would hold it is missing; nothing is carried forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import Interval
from forecastlab.features.direction_columns import VOLATILITY_SCALE
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet
from forecastlab.features.holes import compute_by_stretch
from forecastlab.features.windows import (
    Series,
    change,
    ratio,
    window_correlation,
    window_deviation,
)

NAME: Final = "cross"
RETURNS: Final = (1, 5, 21)
CORRELATIONS: Final = (20, 60)

_QUOTES: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD")
_TARGET: Final = "target"


def cross_features(
    view: MarketView, symbol: str, references: tuple[str, ...], interval: Interval
) -> pd.DataFrame:
    """Compute the set at every candle of a symbol in the view.

    Returns:
        Index `open_time` (the symbol's candles), columns `cross_set(references, interval).columns`.

    Raises:
        DataUnavailable: the market has no such candles of the symbol or of a reference.
    """
    closes = view.candles(symbol, interval).frame[["close"]].set_axis([_TARGET], axis=1)
    for one in references:
        closes[one] = view.candles(one, interval).frame["close"].reindex(closes.index)
    columns = cross_set(references, interval).columns
    return compute_by_stretch(closes, interval, columns, _compare)


@lru_cache(maxsize=16)
def cross_set(references: tuple[str, ...], interval: Interval) -> FeatureSet:
    """Describe the set for some references, on candles of an interval.

    >>> cross_set(("BTCUSDT", "SOLUSDT"), "1h").columns[6:8]
    ('btc_vol_ratio', 'sol_ret_1')
    """
    features = tuple(one for symbol in references for one in _described(symbol, interval))
    return FeatureSet(NAME, "raw", features, interval, rows=_rows)


def _rows(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    return cross_features(view, symbol, key.references, key.interval)


def base_asset(symbol: str) -> str:
    """Return the lower-case base asset, which begins the names of a reference's columns.

    >>> base_asset("BTCUSDT")
    'btc'
    """
    for quote in _QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote).lower()
    return symbol.lower()


def _described(symbol: str, interval: Interval) -> Iterator[Feature]:
    def one(name: str, formula: str, unit: str, lookback: int) -> Feature:
        return Feature(f"{prefix}_{name}", formula, unit, lookback, interval, "price")

    prefix = base_asset(symbol)
    for n in RETURNS:
        yield one(f"ret_{n}", f"{symbol}: close over that {n} before, less 1", "fraction", n + 1)
    for n in CORRELATIONS:
        words = f"correlation of the returns of {n} candles with those of {symbol}"
        yield one(f"target_corr_{n}", words, "ratio", n + 1)
    strength = f"return over 5 candles less that of {symbol}"
    yield one("rel_strength", strength, "fraction", 6)
    volatility = (
        "standard deviation of 20 log returns, times √24 as in hvol_20, over that of 20 returns of"
        f" {symbol}, which is not scaled (the original's)"
    )
    yield one("vol_ratio", volatility, "ratio", 21)


def _compare(closes: pd.DataFrame) -> Mapping[str, Series]:
    target = closes[_TARGET].to_numpy(dtype="float64")
    moves, strength = change(target), change(target, 5)
    volatility = VOLATILITY_SCALE * window_deviation(np.log1p(moves), 20)
    columns: dict[str, Series] = {}
    for symbol in closes.columns.drop(_TARGET):
        close, prefix = closes[symbol].to_numpy(dtype="float64"), base_asset(symbol)
        returns = {n: change(close, n) for n in RETURNS}
        columns |= {f"{prefix}_ret_{n}": one for n, one in returns.items()}
        for n in CORRELATIONS:
            columns[f"{prefix}_target_corr_{n}"] = window_correlation(moves, returns[1], n)
        columns[f"{prefix}_rel_strength"] = strength - returns[5]
        columns[f"{prefix}_vol_ratio"] = ratio(volatility, window_deviation(returns[1], 20))
    return columns
