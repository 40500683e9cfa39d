"""The one way from candles to feature rows, for training and for serving."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.features.catalogue import find_feature_set
from forecastlab.features.feature import FeatureKey


def build_features(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    """Compute a feature set at every candle of the view, of the interval that the key names.

    A row depends on nothing after its candle: the rows of an earlier view are the first rows of a
    later one, to the last bit.

    Returns:
        Index `open_time` (the symbol's candles), the set's columns in order; NaN where a value is
        missing. In `baseline` and `flow` a hole in the daily candles ends the history: no window
        reaches across it. `variance` leaves missing days out of its averages.

    Raises:
        UsageError: there is no such feature set.
        DataUnavailable: the market has no such candles of the symbol.
    """
    feature_set = find_feature_set(key)
    columns = list(feature_set.columns)
    candles = view.candles(symbol, key.interval).frame
    if candles.empty:
        return pd.DataFrame(index=candles.index, columns=columns, dtype="float64")
    table = feature_set.rows(view, symbol, key).loc[:, columns]
    return table.where(np.isfinite(table))


def build_panel(view: MarketView, symbols: Iterable[str], key: FeatureKey) -> pd.DataFrame:
    """Compute the complete rows of several symbols, for learners.

    Returns:
        Index (`symbol`, `open_time`) in the order of `symbols`, the set's columns; rows with a
        missing value are left out, and so are symbols without such candles in the view.

    Raises:
        UsageError: there is no such feature set.
    """
    tables = {
        symbol: build_features(view, symbol, key).dropna()
        for symbol in symbols
        if view.has(symbol, key.interval) and len(view.candles(symbol, key.interval))
    }
    if tables:
        return pd.concat(tables, names=["symbol", "open_time"])
    index = pd.MultiIndex.from_arrays([[], []], names=["symbol", "open_time"])
    return pd.DataFrame(columns=list(find_feature_set(key).columns), index=index)
