"""The one way from candles to feature rows, for training and for serving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import DURATION
from forecastlab.features.baseline import baseline_features
from forecastlab.features.catalogue import find_feature_set, lookback
from forecastlab.features.cross import cross_features
from forecastlab.features.direction import direction_features
from forecastlab.features.direction_scaled import direction_scaled_features
from forecastlab.features.feature import FeatureKey
from forecastlab.features.flow import flow_features
from forecastlab.features.realised import daily_variance
from forecastlab.features.regime import quantile_features, regime_features
from forecastlab.features.scaled import scaled_flow_features
from forecastlab.features.signal import VERSIONS, set_name, signal_features
from forecastlab.features.variance import variance_features

__all__ = ["build_features", "build_panel", "lookback"]


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
    columns = list(find_feature_set(key).columns)
    candles = view.candles(symbol, key.interval).frame
    if candles.empty:
        return pd.DataFrame(index=candles.index, columns=columns, dtype="float64")
    if (key.name, key.variant) in _BY_KEY:
        table = _BY_KEY[key.name, key.variant](view, symbol, key).loc[:, columns]
    else:
        table = _BUILDERS[key.name, key.variant](view, symbol).loc[:, columns]
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


_Builder = Callable[[MarketView, str], pd.DataFrame]


def _run_by_run(features_of: Callable[[pd.DataFrame], pd.DataFrame]) -> _Builder:
    def build(view: MarketView, symbol: str) -> pd.DataFrame:
        runs = unbroken_runs(view.candles(symbol, "1d").frame)
        return pd.concat([features_of(run) for run in runs])

    return build


def _variance(view: MarketView, symbol: str) -> pd.DataFrame:
    return variance_features(daily_variance(view, symbol))


_BUILDERS: Final[dict[tuple[str, str], _Builder]] = {
    ("baseline", "raw"): _run_by_run(baseline_features),
    ("flow", "raw"): _run_by_run(flow_features),
    ("flow", "scaled"): _run_by_run(scaled_flow_features),
    ("variance", "raw"): _variance,
}


def _direction_cross(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    own = direction_features(view, symbol, key.interval)
    return pd.concat([own, cross_features(view, symbol, key.references, key.interval)], axis=1)


_BY_KEY: Final[dict[tuple[str, str], Callable[[MarketView, str, FeatureKey], pd.DataFrame]]] = {
    ("direction", "raw"): lambda view, symbol, key: direction_features(view, symbol, key.interval),
    ("direction", "scaled"): lambda view, symbol, key: direction_scaled_features(
        view, symbol, key.references
    ),
    ("cross", "raw"): lambda view, symbol, key: cross_features(
        view, symbol, key.references, key.interval
    ),
    ("direction_cross", "raw"): _direction_cross,
    ("regime", "raw"): lambda view, symbol, key: regime_features(view, symbol, key.interval),
    ("quantile", "raw"): lambda view, symbol, key: quantile_features(view, symbol, key.interval),
    **{(set_name(version), "raw"): signal_features for version in VERSIONS},
}
