"""The variant `scaled` of `flow`: the same twenty facts, free of price and volume levels.

Prices in another currency, volumes in another unit, or another symbol's size change nothing, so
that symbols can be pooled and a tree cannot read the date off a level. The lookback is finite: the
last 150 candles give exactly the row that the full history gives. A name that `flow` has too means
the same quantity; `rsi_14` is cut to those 150 candles.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from forecastlab.features.feature import Feature, FeatureSet, Source
from forecastlab.features.flow import TAKER_SHARES, Z_SCORES
from forecastlab.features.holes import run_by_run
from forecastlab.features.indicators import (
    EWMA_WINDOW,
    bounded_log,
    log_change,
    moving_average,
    moving_deviation,
    pure_z_score,
    ratio,
    relative_change,
    windowed_macd_histogram,
    windowed_rsi,
)

LOG_BOUND: Final = 2.0
"""Bound of every logarithm here (a factor of 7.4). On the daily candles of five symbols
0.07 % of the changes of trades and volume lie outside; nothing else does."""


def _against_average(name: str, words: str, window: int, source: Source) -> Feature:
    return Feature(
        f"{name}_to_ma{window}",
        f"log of {words} over its mean of {window} days, within ±{LOG_BOUND:g}",
        "log ratio",
        window,
        "1d",
        source,
    )


def _change(name: str, words: str, source: Source) -> Feature:
    return Feature(
        f"{name}_log_chg1",
        f"log of {words} over that of the day before, within ±{LOG_BOUND:g}",
        "log ratio",
        2,
        "1d",
        source,
    )


FEATURES: Final = (
    Feature(
        "rsi_14",
        "100 × gains / (gains + losses), each an EWMA with centre of mass 13"
        f" over the last {EWMA_WINDOW} candles",
        "points, 0 to 100",
        EWMA_WINDOW,
        "1d",
        "price",
    ),
    _against_average("close", "the close", 7, "price"),
    _against_average("close", "the close", 21, "price"),
    Feature("vol21", "standard deviation of the last 21 returns", "fraction", 22, "1d", "price"),
    Feature(
        "macd_hist_sigma",
        "EWMA of span 12 less EWMA of span 26 of the close, less its own EWMA of span 9, each"
        f" over the last {EWMA_WINDOW} candles; over the close and over vol21",
        "daily standard deviations",
        EWMA_WINDOW,
        "1d",
        "price",
    ),
    _change("close", "the close", "price"),
    *TAKER_SHARES,
    _against_average("trades_per_volume", "trades per base volume", 21, "trades"),
    _against_average("quote_per_trade", "quote volume per trade", 21, "trades"),
    _change("taker_buy_base_ratio", "the taker-buy share of base volume", "taker_flow"),
    _change("taker_buy_quote_ratio", "the taker-buy share of quote volume", "taker_flow"),
    _change("number_of_trades", "the number of trades", "trades"),
    _change("quote_asset_volume", "the quote volume", "volume"),
    *Z_SCORES,
)


def scaled_flow_features(daily: pd.DataFrame) -> pd.DataFrame:
    """Compute the twenty level-free features of an unbroken run of daily candles.

    Args:
        daily: candle columns, index `open_time` without holes.

    Returns:
        Index of `daily`, columns `FLOW_SCALED.columns`; NaN until a window is complete, and where a
        quantity has no logarithm or no spread (a day without a trade).

    >>> names = ("close", "volume", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote")
    >>> daily = pd.DataFrame(
    ...     [[100.0, 8.0, 800.0, 40.0, 2.0, 200.0], [100.0, 8.0, 800.0, 80.0, 4.0, 400.0]],
    ...     columns=list(names),
    ... )
    >>> rows = scaled_flow_features(daily)
    >>> rows[["taker_buy_base_ratio", "number_of_trades_log_chg1"]].iloc[1].round(3).tolist()
    [0.5, 0.693]
    """
    close, volume, quote, trades, taker_base, taker_quote = (
        daily[name].to_numpy(dtype="float64")
        for name in (
            "close",
            "volume",
            "quote_volume",
            "trades",
            "taker_buy_base",
            "taker_buy_quote",
        )
    )
    deviation = moving_deviation(relative_change(close), 21)
    shares = {
        "taker_buy_base_ratio": ratio(taker_base, volume),
        "taker_buy_quote_ratio": ratio(taker_quote, quote),
    }
    averaged = (
        ("close", close, 7),
        ("close", close, 21),
        ("trades_per_volume", ratio(trades, volume), 21),
        ("quote_per_trade", ratio(quote, trades), 21),
    )
    counts = {"number_of_trades": trades, "quote_asset_volume": quote}
    standardised = {"taker_buy_base_ratio": shares["taker_buy_base_ratio"], **counts}
    columns = {
        "rsi_14": windowed_rsi(close),
        "vol21": deviation,
        "macd_hist_sigma": ratio(windowed_macd_histogram(close), close * deviation),
        **shares,
    }
    for name, values, window in averaged:
        against = ratio(values, moving_average(values, window))
        columns[f"{name}_to_ma{window}"] = bounded_log(against, bound=LOG_BOUND)
    for name, values in {"close": close, **shares, **counts}.items():
        columns[f"{name}_log_chg1"] = log_change(values, bound=LOG_BOUND)
    for name, values in standardised.items():
        columns |= {f"{name}_z{window}": pure_z_score(values, window) for window in (7, 21)}
    return pd.DataFrame(columns, index=daily.index).loc[:, list(FLOW_SCALED.columns)]


FLOW_SCALED: Final = FeatureSet("flow", "scaled", FEATURES, rows=run_by_run(scaled_flow_features))
