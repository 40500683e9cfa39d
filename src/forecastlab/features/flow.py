"""The feature set `flow` (20): `baseline`, and who trades how much; the original's names."""

from __future__ import annotations

from typing import Final

import pandas as pd

from forecastlab.features.baseline import FEATURES as BASELINE_FEATURES
from forecastlab.features.baseline import baseline_features
from forecastlab.features.feature import Feature, FeatureSet, Source
from forecastlab.features.holes import run_by_run
from forecastlab.features.indicators import relative_change, z_score

_EPSILON: Final = 1e-12
"""What the original adds to a denominator; nothing at the scale of real volumes."""

_BASE_SHARE: Final = "taker-buy share of base volume"
_QUOTE_SHARE: Final = "taker-buy share of quote volume"


def _change(name: str, words: str, source: Source) -> Feature:
    formula = f"{words} over that of the day before, less 1"
    return Feature(f"{name}_chg1", formula, "fraction", 2, "1d", source)


def _z_score(name: str, words: str, window: int, source: Source) -> Feature:
    formula = f"{words}, less its mean over the last {window} days, over its standard deviation"
    return Feature(f"{name}_z{window}", formula, "standard deviations", window, "1d", source)


TAKER_SHARES: Final = (
    Feature("taker_buy_base_ratio", _BASE_SHARE, "fraction", 1, "1d", "taker_flow"),
    Feature("taker_buy_quote_ratio", _QUOTE_SHARE, "fraction", 1, "1d", "taker_flow"),
)

Z_SCORES: Final = (
    *(_z_score("taker_buy_base_ratio", _BASE_SHARE, days, "taker_flow") for days in (7, 21)),
    *(_z_score("number_of_trades", "number of trades", days, "trades") for days in (7, 21)),
    *(_z_score("quote_asset_volume", "quote volume", days, "volume") for days in (7, 21)),
)

FEATURES: Final = (
    *BASELINE_FEATURES,
    *TAKER_SHARES,
    Feature("trades_per_volume", "trades over base volume", "trades per coin", 1, "1d", "trades"),
    Feature(
        "quote_per_trade",
        "quote volume over trades",
        "quote currency per trade",
        1,
        "1d",
        "trades",
    ),
    _change("taker_buy_base_ratio", _BASE_SHARE, "taker_flow"),
    _change("taker_buy_quote_ratio", _QUOTE_SHARE, "taker_flow"),
    _change("number_of_trades", "number of trades", "trades"),
    _change("quote_asset_volume", "quote volume", "volume"),
    *Z_SCORES,
)


def flow_features(daily: pd.DataFrame) -> pd.DataFrame:
    """Compute the twenty features of an unbroken run of daily candles.

    Args:
        daily: candle columns, index `open_time` without holes.

    Returns:
        Index of `daily`, columns `FLOW.columns`; NaN until a window is complete.

    Source: the daily reversal system that this one replaces, feature set `flow`.

    >>> names = ("close", "volume", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote")
    >>> daily = pd.DataFrame([[100.0, 8.0, 800.0, 40.0, 2.0, 200.0]], columns=list(names))
    >>> flow_features(daily)[["taker_buy_base_ratio", "quote_per_trade"]].round(3).values.tolist()
    [[0.25, 20.0]]
    """
    volume, quote, trades, taker_base, taker_quote = (
        daily[name].to_numpy(dtype="float64")
        for name in ("volume", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote")
    )
    base_ratio = taker_base / (volume + _EPSILON)
    quote_ratio = taker_quote / (quote + _EPSILON)
    columns = {
        "taker_buy_base_ratio": base_ratio,
        "taker_buy_quote_ratio": quote_ratio,
        "trades_per_volume": trades / (volume + _EPSILON),
        "quote_per_trade": quote / (trades + _EPSILON),
        "taker_buy_base_ratio_chg1": relative_change(base_ratio),
        "taker_buy_quote_ratio_chg1": relative_change(quote_ratio),
        "number_of_trades_chg1": relative_change(trades),
        "quote_asset_volume_chg1": relative_change(quote),
    }
    measured = {
        "taker_buy_base_ratio": base_ratio,
        "number_of_trades": trades,
        "quote_asset_volume": quote,
    }
    for name, values in measured.items():
        columns |= {f"{name}_z{window}": z_score(values, window) for window in (7, 21)}
    return baseline_features(daily).assign(**columns)


FLOW: Final = FeatureSet("flow", "raw", FEATURES, rows=run_by_run(flow_features))
