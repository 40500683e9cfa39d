"""The arithmetic of `direction` (scaled); `direction_scaled.py` says in words what it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.features.holes import milliseconds
from forecastlab.features.technical import macd, rsi, true_range
from forecastlab.features.windows import (
    Series,
    change,
    ewma,
    lagged,
    ratio,
    window_max,
    window_mean,
    window_min,
    window_sum,
)

SIGMA_SPAN: Final = 168
SIGMA_WINDOW: Final = 672
"""Hours that the standard deviation sees: 28 days, four spans."""
SLOW_SIGMA_SPAN: Final = 20
SLOW_SIGMA_WINDOW: Final = 80
"""The same in 4h or 1d candles."""

RETURNS: Final = (1, 2, 3, 6, 8, 12, 18, 24, 48, 72, 168, 336, 720)
AVERAGES: Final = (6, 12, 24, 72, 168, 720)
RSI_SPANS: Final = (6, 14)
RANGE_RATIOS: Final = ((5, 24), (24, 168))
VARIANCE_RATIOS: Final = ((6, 24), (24, 168), (168, SIGMA_WINDOW))
DOWNSIDES: Final = (24, 168)
PLACES: Final = (24, 168, 720)
VOLUMES: Final = (1, 6, 24)
TRADES: Final = 6
ACTIVITY: Final = 168
"""Hours of the mean that volume and trades are held against."""
IMBALANCES: Final = (1, 6, 24, 168)

SLOW_RETURNS: Final = (1, 5, 20)
SLOW_AVERAGE: Final = 20
SLOW_RSI_SPAN: Final = 7
SLOW_VOLUMES: Final = (5, 20)

LEADER_RETURNS: Final = (1, 3, 6, 24)
MARKET_RETURNS: Final = (1, 3, 6, 12, 24, 168)
STRENGTHS: Final = (6, 24, 168)
DISPERSION: Final = 24
LEAST_SYMBOLS: Final = 3
"""Symbols that make a market; fewer where fewer are named."""

BOUND: Final = 6.0
"""Bound of what is counted in standard deviations."""
LOG_BOUND: Final = 3.0
"""Bound of logarithms of ratios: a factor of 20."""

_HOUR_MS: Final = 3_600_000
_MONDAY: Final = 4
"""Days from the epoch, a Thursday, to the first Monday."""

Columns = dict[str, Series]


def hourly_columns(candles: pd.DataFrame) -> Columns:
    """Compute the columns that need the symbol's hours alone, on a stretch of candles."""
    of = {name: candles[name].to_numpy(dtype="float64") for name in candles.columns}
    returns = np.log1p(change(of["close"]))
    sigma = _deviation(returns, SIGMA_SPAN, SIGMA_WINDOW)
    return {
        **_prices(of["close"], sigma),
        **_spreads(of, returns),
        **_candle_shape(of, sigma),
        **_activity(of),
        **_calendar(candles.index),
    }


def slow_columns(candles: pd.DataFrame) -> Columns:
    """Compute the columns of 4h or 1d candles, without their prefix, on a stretch of candles."""
    close, volume = (candles[name].to_numpy(dtype="float64") for name in ("close", "quote_volume"))
    sigma = _deviation(np.log1p(change(close)), SLOW_SIGMA_SPAN, SLOW_SIGMA_WINDOW)
    short, long = SLOW_VOLUMES
    return {
        **_moves(np.log(close), sigma, SLOW_RETURNS),
        f"above_mean_{SLOW_AVERAGE}": _above_mean(close, sigma, SLOW_AVERAGE),
        f"centred_rsi_{SLOW_RSI_SPAN}": rsi(close, SLOW_RSI_SPAN) - 0.5,
        f"volume_{short}_{long}": _log_ratio(window_mean(volume, short), window_mean(volume, long)),
    }


def market_moves(candles: pd.DataFrame) -> Columns:
    """Compute a symbol's part in the market, `move_n`, on a stretch of its hours."""
    close = candles["close"].to_numpy(dtype="float64")
    sigma = _deviation(np.log1p(change(close)), SIGMA_SPAN, SIGMA_WINDOW)
    return _moves(np.log(close), sigma, MARKET_RETURNS)


def market_columns(own: Columns, market: Sequence[Columns]) -> Columns:
    """Compute how a symbol's moves compare with those of a market.

    Args:
        own: the symbol's `market_moves`.
        market: those of each symbol of the market, at the same rows; NaN where it has none.
    """
    columns: Columns = {}
    least = min(LEAST_SYMBOLS, len(market))
    for n in MARKET_RETURNS:
        moves = [one[f"move_{n}"] for one in market]
        known = [np.isfinite(one) for one in moves]
        count = np.sum(known, axis=0)
        count = np.where(count >= least, count, np.nan)
        mean = _total(moves, known) / count
        columns[f"market_move_{n}"] = mean
        if n in STRENGTHS:
            columns[f"strength_{n}"] = own[f"move_{n}"] - mean
        if n == DISPERSION:
            squares = _total([(one - mean) ** 2 for one in moves], known)
            columns[f"dispersion_{n}"] = np.sqrt(squares / count)
    return columns


def _total(values: Sequence[Series], known: Sequence[np.ndarray]) -> Series:
    """Return the sum over symbols of the known values, in the order of the symbols."""
    total = np.zeros(len(values[0]))
    for one, there in zip(values, known, strict=True):
        total += np.where(there, one, 0.0)
    return total


def _deviation(returns: Series, span: int, window: int) -> Series:
    """Return the root of the EWMA of squared returns; NaN where nothing moved."""
    variance = ewma(returns * returns, span, window)
    return np.asarray(np.sqrt(np.where(variance > 0, variance, np.nan)))


def _moves(log_close: Series, sigma: Series, horizons: Sequence[int]) -> Columns:
    """Return the log return over each number of candles, in standard deviations."""
    columns = {}
    for n in horizons:
        move = (log_close - lagged(log_close, n)) / (sigma * np.sqrt(n))
        columns[f"move_{n}"] = np.clip(move, -BOUND, BOUND)
    return columns


def _above_mean(close: Series, sigma: Series, window: int) -> Series:
    distance: Series = np.log(close / window_mean(close, window)) / (sigma * np.sqrt(window))
    return np.clip(distance, -BOUND, BOUND)


def _prices(close: Series, sigma: Series) -> Columns:
    columns = _moves(np.log(close), sigma, RETURNS)
    columns |= {f"above_mean_{n}": _above_mean(close, sigma, n) for n in AVERAGES}
    columns |= {f"centred_rsi_{n}": rsi(close, n) - 0.5 for n in RSI_SPANS}
    dif, dea = macd(close)
    columns["macd_dif_sigma"] = np.clip(dif / (close * sigma), -BOUND, BOUND)
    columns["macd_bar_sigma"] = np.clip((dif - dea) / (close * sigma), -BOUND, BOUND)
    return columns


def _spreads(of: Mapping[str, Series], returns: Series) -> Columns:
    high, low, close = of["high"], of["low"], of["close"]
    squares, extent = returns * returns, true_range(high, low, close)
    columns = {}
    for name, values, pairs in (
        ("range", extent, RANGE_RATIOS),
        ("variance", squares, VARIANCE_RATIOS),
    ):
        for short, long in pairs:
            parts = window_mean(values, short), window_mean(values, long)
            columns[f"{name}_{short}_{long}"] = _log_ratio(*parts)
    down = squares * (returns < 0)
    for n in DOWNSIDES:
        share = ratio(window_sum(down, n), window_sum(squares, n), otherwise=0.5)
        columns[f"downside_{n}"] = share - 0.5
    for n in PLACES:
        bottom, top = window_min(low, n), window_max(high, n)
        columns[f"place_{n}"] = ratio(close - bottom, top - bottom, otherwise=0.5) - 0.5
    return columns


def _candle_shape(of: Mapping[str, Series], sigma: Series) -> Columns:
    open_, high, low, close = of["open"], of["high"], of["low"], of["close"]
    extent = high - low
    return {
        "signed_body": ratio(close - open_, extent, otherwise=0.0),
        "upper_wick": ratio(high - np.maximum(open_, close), extent, otherwise=0.0),
        "lower_wick": ratio(np.minimum(open_, close) - low, extent, otherwise=0.0),
        "range_sigma": np.minimum(np.log(high / low) / sigma, BOUND),
    }


def _activity(of: Mapping[str, Series]) -> Columns:
    volume, trades, bought = of["quote_volume"], of["trades"], of["taker_buy_quote"]
    usual = window_mean(volume, ACTIVITY)
    columns = {f"volume_{n}_{ACTIVITY}": _log_ratio(window_mean(volume, n), usual) for n in VOLUMES}
    count, counts = window_mean(trades, TRADES), window_mean(trades, ACTIVITY)
    columns[f"trades_{TRADES}_{ACTIVITY}"] = _log_ratio(count, counts)
    net = 2.0 * bought - volume
    for n in IMBALANCES:
        share = ratio(window_sum(net, n), window_sum(volume, n), otherwise=0.0)
        columns[f"imbalance_{n}"] = share
    return columns


def _calendar(opens: pd.Index) -> Columns:
    hours = milliseconds(opens) // _HOUR_MS
    hour, weekday = hours % 24, (hours // 24 - _MONDAY) % 7
    columns: Columns = {}
    for name, unit, period in (("day", hour, 24), ("half_day", hour, 12), ("week", weekday, 7)):
        angle = 2.0 * np.pi * np.arange(period) / period
        place = unit % period
        columns |= {f"{name}_sin": np.sin(angle)[place], f"{name}_cos": np.cos(angle)[place]}
    return columns


def _log_ratio(numerator: Series, denominator: Series) -> Series:
    """Return the log of a ratio within ±3; -3 where the numerator is zero."""
    least = np.exp(-LOG_BOUND)
    return np.log(np.clip(ratio(numerator, denominator), least, 1.0 / least))
