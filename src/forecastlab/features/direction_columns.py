"""The arithmetic of the feature set `direction`; `direction.py` says in words what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.intervals import Interval
from forecastlab.features.funding import funding_at
from forecastlab.features.holes import milliseconds
from forecastlab.features.technical import (
    cci,
    kdj,
    macd,
    rsi,
    sign_beyond_rounding,
    streak,
    true_range,
)
from forecastlab.features.windows import (
    Series,
    change,
    lagged,
    ratio,
    window_correlation,
    window_deviation,
    window_max,
    window_mean,
    window_min,
    window_rank,
    window_sum,
)

RETURNS: Final = (1, 2, 3, 5, 8, 13, 21)
RANK_WINDOW: Final = 60
OFI_WINDOW: Final = 60
"""As long as the ranks' window: what the original's endless sum said of the recent past."""
FUNDING_CANDLES: Final = 8

VOLATILITY_SCALE: Final = np.sqrt(24.0)
"""The original's, whatever the interval: a daily volatility on hourly candles."""

_HOUR_MS: Final = 3_600_000
_MONDAY: Final = 4
"""Days from the epoch, a Thursday, to the first Monday."""

Columns = dict[str, Series]


def direction_columns(
    candles: pd.DataFrame, interval: Interval, funding: pd.Series | None
) -> Columns:
    """Compute every column of the set on a stretch of candles that windows may span."""
    of = {name: candles[name].to_numpy(dtype="float64") for name in candles.columns}
    return {
        **_momentum(of["close"]),
        **_averages(of["close"]),
        **_macd(of["close"]),
        **_oscillators(of),
        **_volatility(of),
        **_volume(of),
        **_taker_flow(of),
        **_candle_shape(of),
        **_calendar(candles.index),
        **_perpetual(funding_at(funding, candles.index, interval)),
    }


def _momentum(close: Series) -> Columns:
    returns = {n: change(close, n) for n in {*RETURNS, 10, 20}}
    log_return = np.log1p(returns[1])
    columns = {f"ret_{n}": returns[n] for n in RETURNS}
    columns |= {"log_ret_1": log_return, "log_ret_5": np.log1p(returns[5])}
    columns |= {f"roc_{n}": returns[n] for n in (5, 10, 20)}
    for n in (5, 20):
        deviation = window_deviation(log_return, n)
        columns[f"hvol_{n}"] = VOLATILITY_SCALE * deviation
        columns[f"sharpe_{n}"] = ratio(returns[n], deviation)
        columns[f"cum_ret_{n}_rank"] = window_rank(returns[n], RANK_WINDOW)
    columns["hvol_ratio"] = ratio(columns["hvol_5"], columns["hvol_20"])
    bend = close - 2.0 * lagged(close, 5) + lagged(close, 10)
    columns["momentum_accel_rel"] = bend / close
    columns["price_percentile"] = window_rank(close, RANK_WINDOW)
    return columns


def _averages(close: Series) -> Columns:
    mean = {n: window_mean(close, n) for n in (5, 10, 20, 60)}
    columns = {f"dist_MA{n}": close / one - 1.0 for n, one in mean.items()}
    columns |= {f"slope_MA{n}": change(one, 3) for n, one in mean.items()}
    columns["ma_cross_5_20"] = mean[5] / mean[20] - 1.0
    columns["ma_cross_5_20_prev"] = lagged(columns["ma_cross_5_20"], 1)
    columns["ma_cross_10_60"] = mean[10] / mean[60] - 1.0
    return columns


def _macd(close: Series) -> Columns:
    dif, dea = macd(close)
    bar = 2.0 * (dif - dea)
    cross = sign_beyond_rounding(bar, close)
    return {
        "macd_dif": dif / close,
        "macd_dea": dea / close,
        "macd_bar": bar / close,
        "macd_bar_change_rel": (bar - lagged(bar, 1)) / close,
        "macd_cross": cross,
        "macd_cross_prev": lagged(cross, 1),
    }


def _oscillators(of: Mapping[str, Series]) -> Columns:
    high, low, close = of["high"], of["low"], of["close"]
    k, d = kdj(high, low, close)
    columns = {"k": k, "d": d, "j": 3.0 * k - 2.0 * d, "cci": cci(high, low, close) / 200.0}
    columns |= {f"rsi{span}": rsi(close, span) for span in (6, 12)}
    for name in ("rsi6", "rsi12", "cci"):
        columns[f"{name}_slope"] = columns[name] - lagged(columns[name], 3)
    return columns


def _volatility(of: Mapping[str, Series]) -> Columns:
    high, low, close = of["high"], of["low"], of["close"]
    extent = true_range(high, low, close)
    return {
        "atr_14": window_mean(extent, 14) / close,
        "atr_5": window_mean(extent, 5) / close,
        "hl_position": ratio(close - low, high - low, otherwise=0.5),
        "dist_high_20": 1.0 - window_max(high, 20) / close,
        "dist_low_20": 1.0 - window_min(low, 20) / close,
    }


def _volume(of: Mapping[str, Series]) -> Columns:
    close, volume = of["close"], of["volume"]
    mean = window_mean(volume, 20)
    large = np.where(np.isnan(mean), np.nan, volume > 2.0 * mean)
    agree = np.sign(close - lagged(close, 1)) * np.sign(volume - lagged(volume, 1))
    return {
        "vol_ratio_5_20": ratio(window_mean(volume, 5), mean),
        "vol_change": change(volume),
        "vol_price_corr_10": window_correlation(close, volume, 10),
        "vol_price_agree": window_mean(agree, 5),
        "large_trade_ratio": window_mean(large, 10),
    }


def _taker_flow(of: Mapping[str, Series]) -> Columns:
    volume, bought = of["volume"], of["taker_buy_base"]
    share = ratio(bought, volume, otherwise=0.5)
    imbalance = 2.0 * share - 1.0
    total = window_sum(imbalance, OFI_WINDOW)
    net = window_sum(2.0 * bought - volume, 5)
    return {
        "taker_buy_ratio": share,
        "ofi": imbalance,
        "ofi_ma5": window_mean(imbalance, 5),
        "ofi_std5": window_deviation(imbalance, 5),
        f"ofi_sum_{OFI_WINDOW}": total,
        f"ofi_sum_{OFI_WINDOW}_slope": (total - lagged(total, 5)) / OFI_WINDOW,
        "buy_sell_pressure": ratio(net, window_sum(volume, 5), otherwise=0.0),
    }


def _candle_shape(of: Mapping[str, Series]) -> Columns:
    open_, high, low, close = of["open"], of["high"], of["low"], of["close"]
    extent, body, bull = high - low, np.abs(close - open_), close > open_
    return {
        "body_ratio": ratio(body, extent, otherwise=0.0),
        "upper_shadow_ratio": ratio(high - np.maximum(close, open_), extent, otherwise=0.0),
        "lower_shadow_ratio": ratio(np.minimum(close, open_) - low, extent, otherwise=0.0),
        "is_bull": bull.astype("float64"),
        "bull_streak": streak(bull),
        "bear_streak": streak(~bull),
        "avg_body_3": window_mean(body, 3) / close,
        "max_range_3": window_max(extent, 3) / close,
    }


def _calendar(opens: pd.Index) -> Columns:
    hours = milliseconds(opens) // _HOUR_MS
    places = {"hour": (hours % 24, 24), "dow": ((hours // 24 - _MONDAY) % 7, 7)}
    columns: Columns = {}
    for name, (place, period) in places.items():
        angle = 2.0 * np.pi * np.arange(period) / period
        columns |= {f"{name}_sin": np.sin(angle)[place], f"{name}_cos": np.cos(angle)[place]}
    return columns


def _perpetual(rate: Series) -> Columns:
    nothing = np.full(len(rate), np.nan)
    return {
        "funding_rate": rate,
        "funding_rate_ma": window_mean(rate, FUNDING_CANDLES),
        "oi_change": nothing,
        "oi_change_5": nothing,
    }
