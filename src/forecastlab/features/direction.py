"""The feature set `direction` (80): the names and the order of the hourly direction system.

A value is the original's wherever the original's is a function of a finite window without a price
unit. What differs: averages are cut to finite windows (`technical.py`), no window is cut short at
the start of the history, a candle without a trade or without a range counts as balanced instead of
missing, and four columns have a successor under a name of its own: `momentum_accel_rel`,
`macd_bar_change_rel`, `ofi_sum_60`, `ofi_sum_60_slope`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import Interval
from forecastlab.features.direction_columns import (
    FUNDING_CANDLES,
    OFI_WINDOW,
    RANK_WINDOW,
    RETURNS,
    direction_columns,
)
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet, Source
from forecastlab.features.funding import funding_lookback
from forecastlab.features.holes import compute_by_stretch
from forecastlab.features.technical import (
    D_LOOKBACK,
    DEA_LOOKBACK,
    DIF_LOOKBACK,
    K_LOOKBACK,
    STREAK_BOUND,
)
from forecastlab.features.windows import EWMA_SPANS

NAME: Final = "direction"

_Row = tuple[str, str, str, int, Source]
"""Name, formula, unit, lookback, source."""

_CUT: Final = f"each average over its last {EWMA_SPANS} spans"


def direction_features(view: MarketView, symbol: str, interval: Interval) -> pd.DataFrame:
    """Compute the set at every candle of a symbol in the view.

    Returns:
        Index `open_time`, columns `direction_set(interval).columns`; NaN where a value is missing.
        A column without a source (`sources_absent`) holds NaN alone.

    Raises:
        DataUnavailable: the market has no such candles of the symbol.
    """
    candles = view.candles(symbol, interval).frame
    return direction_table(candles, interval, funding=view.funding(symbol))


def direction_table(
    candles: pd.DataFrame, interval: Interval, *, funding: pd.Series | None = None
) -> pd.DataFrame:
    """Compute the set from candles and, where there are any, funding rates.

    Source: the hourly direction system that this one replaces, its list of 80 names.

    >>> from forecastlab.contracts.candles import empty_frame
    >>> direction_table(empty_frame(), "1h").shape
    (0, 80)
    """
    return compute_by_stretch(
        candles,
        interval,
        direction_set(interval).columns,
        lambda stretch: direction_columns(stretch, interval, funding),
    )


@lru_cache(maxsize=3)
def direction_set(interval: Interval) -> FeatureSet:
    """Describe the set on candles of an interval.

    >>> hourly = direction_set("1h")
    >>> hourly.columns[12:14], max(one.lookback for one in hourly.features)
    (('momentum_accel_rel', 'price_percentile'), 350)
    """
    described = (
        *_momentum(),
        *_trend(),
        *_oscillators(),
        *_volatility(),
        *_volume(),
        *_candle_shape(),
        *_calendar(),
        *_statistics(),
        *_perpetual(interval),
    )
    features = tuple(
        Feature(name, formula, unit, lookback, interval, source)
        for name, formula, unit, lookback, source in described
    )
    return FeatureSet(NAME, "raw", features, interval, rows=_rows)


def _rows(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    return direction_features(view, symbol, key.interval)


def _momentum() -> Iterator[_Row]:
    for n in RETURNS:
        yield f"ret_{n}", f"close over the close {n} before, less 1", "fraction", n + 1, "price"
    for n in (1, 5):
        yield f"log_ret_{n}", f"log of close over the close {n} before", "log", n + 1, "price"
    for n in (5, 10, 20):
        yield f"roc_{n}", f"close over the close {n} before, less 1", "fraction", n + 1, "price"
    bend = (
        "close less twice the close 5 before plus the close 10 before, over the close"
        " (the original's momentum_accel is not divided: it is in price units)"
    )
    yield "momentum_accel_rel", bend, "fraction", 11, "price"
    rank = f"rank of the close among the last {RANK_WINDOW}, over {RANK_WINDOW}"
    yield "price_percentile", rank, "rank", RANK_WINDOW, "price"


def _trend() -> Iterator[_Row]:
    for n in (5, 10, 20, 60):
        yield f"dist_MA{n}", f"close over its mean of {n}, less 1", "fraction", n, "price"
        yield f"slope_MA{n}", f"mean of {n} closes over that 3 before, less 1", *_price(n + 3)
    cross = "mean of {} closes over that of {}, less 1"
    yield "ma_cross_5_20", cross.format(5, 20), *_price(20)
    yield "ma_cross_5_20_prev", "ma_cross_5_20 of the candle before", *_price(21)
    yield "ma_cross_10_60", cross.format(10, 60), *_price(60)
    dif = f"EWMA of span 12 less EWMA of span 26 of the close, {_CUT}"
    dea = f"EWMA of span 9 of that difference, {_CUT}"
    yield "macd_dif", f"DIF over close; DIF = {dif}", *_price(DIF_LOOKBACK)
    yield "macd_dea", f"DEA over close; DEA = {dea}", *_price(DEA_LOOKBACK)
    yield "macd_bar", "2 (DIF - DEA) over close", *_price(DEA_LOOKBACK)
    step = (
        "2 (DIF - DEA) less that of the candle before, over close"
        " (the original's macd_bar_change is not divided: it is in price units)"
    )
    yield "macd_bar_change_rel", step, *_price(DEA_LOOKBACK + 1)
    yield "macd_cross", "sign of DIF - DEA", "sign", DEA_LOOKBACK, "price"
    yield "macd_cross_prev", "macd_cross of the candle before", "sign", DEA_LOOKBACK + 1, "price"
    for n in (14, 5):
        yield f"atr_{n}", f"mean true range of {n} candles over close", *_price(n + 1)


def _oscillators() -> Iterator[_Row]:
    for n in (6, 12):
        rsi = (
            f"gains over gains and losses, each an EWMA of span {n} over the last"
            f" {EWMA_SPANS * n} moves; .5 where nothing moved"
        )
        yield f"rsi{n}", rsi, *_price(EWMA_SPANS * n + 1)
        yield f"rsi{n}_slope", f"rsi{n} less that 3 before", *_price(EWMA_SPANS * n + 4)
    place = "place of the close in the range of 9 candles (.5 in no range)"
    yield "k", f"{place}, smoothed by two thirds, {_CUT}", *_price(K_LOOKBACK)
    yield "d", f"k smoothed by two thirds, {_CUT}", *_price(D_LOOKBACK)
    yield "j", "3 k - 2 d", *_price(D_LOOKBACK)
    cci = (
        "typical price less its mean of 14, over .015 of its mean distance from it, over 200;"
        " 0 where it does not differ"
    )
    yield "cci", cci, "index / 200", 14, "price"
    yield "cci_slope", "cci less that 3 before", "index / 200", 17, "price"


def _volatility() -> Iterator[_Row]:
    for n in (5, 20):
        yield f"hvol_{n}", f"standard deviation of {n} log returns, times √24", *_price(n + 1)
    yield "hvol_ratio", "hvol_5 over hvol_20", "ratio", 21, "price"
    yield "hl_position", "place of the close between low and high; .5 in no range", *_price(1)
    yield "dist_high_20", "close less the highest high of 20, over close", *_price(20)
    yield "dist_low_20", "close less the lowest low of 20, over close", *_price(20)


def _volume() -> Iterator[_Row]:
    yield "vol_ratio_5_20", "mean volume of 5 over that of 20", "ratio", 20, "volume"
    yield "vol_change", "volume over that of the candle before, less 1", "fraction", 2, "volume"
    yield "vol_price_corr_10", "correlation of close and volume over 10", "ratio", 10, "volume"
    agree = "mean over 5 of the sign of the close's change times that of the volume's"
    yield "vol_price_agree", agree, "ratio", 6, "volume"
    flow: Source = "taker_flow"
    share = "taker-buy share of volume, .5 in a candle without a trade"
    yield "taker_buy_ratio", share, "fraction", 1, flow
    yield "ofi", "2 taker_buy_ratio - 1", "fraction", 1, flow
    yield "ofi_ma5", "mean of ofi over 5", "fraction", 5, flow
    yield "ofi_std5", "standard deviation of ofi over 5", "fraction", 5, flow
    total = (
        f"sum of ofi over {OFI_WINDOW} (the original's cum_ofi sums from the first candle of the"
        " history)"
    )
    yield f"ofi_sum_{OFI_WINDOW}", total, "fraction × candles", OFI_WINDOW, flow
    slope = (
        f"ofi_sum_{OFI_WINDOW} less that 5 before, over {OFI_WINDOW} (the original's"
        " cum_ofi_slope is the relative change of cum_ofi)"
    )
    yield f"ofi_sum_{OFI_WINDOW}_slope", slope, "fraction", OFI_WINDOW + 5, flow
    large = "share of 10 candles with more than twice the mean volume of 20"
    yield "large_trade_ratio", large, "fraction", 29, "volume"
    pressure = "taker buys less taker sells over both, sums over 5; 0 without a trade"
    yield "buy_sell_pressure", pressure, "fraction", 5, flow


def _candle_shape() -> Iterator[_Row]:
    nothing = "0 in no range"
    yield "body_ratio", f"|close - open| over high - low; {nothing}", *_price(1)
    yield "upper_shadow_ratio", f"high less body over high - low; {nothing}", *_price(1)
    yield "lower_shadow_ratio", f"body less low over high - low; {nothing}", *_price(1)
    yield "is_bull", "1 if close > open, else 0", "flag", 1, "price"
    streak = f"candles in a row with close {{}} open, at most {STREAK_BOUND}"
    yield "bull_streak", streak.format(">"), "candles", STREAK_BOUND, "price"
    yield "bear_streak", streak.format("≤"), "candles", STREAK_BOUND, "price"
    yield "avg_body_3", "mean of |close - open| over 3, over close", *_price(3)
    yield "max_range_3", "largest high - low of 3, over close", *_price(3)


def _calendar() -> Iterator[_Row]:
    for name, of, period in (("hour", "hour of the open", 24), ("dow", "weekday of the open", 7)):
        for wave in ("sin", "cos"):
            formula = f"{wave} of 2π × {of} (UTC) / {period}"
            yield f"{name}_{wave}", formula, "wave", 1, "calendar"


def _statistics() -> Iterator[_Row]:
    for n in (5, 20):
        rank = f"rank of roc_{n} among the last {RANK_WINDOW}, over {RANK_WINDOW}"
        yield f"cum_ret_{n}_rank", rank, "rank", RANK_WINDOW + n, "price"
    for n in (5, 20):
        sharpe = f"roc_{n} over the standard deviation of {n} log returns"
        yield f"sharpe_{n}", sharpe, "standard deviations", n + 1, "price"


def _perpetual(interval: Interval) -> Iterator[_Row]:
    newest = "newest funding rate known at the close, one hour after its stamp; at most 24 h old"
    age, mean = funding_lookback(interval), f"mean of funding_rate over {FUNDING_CANDLES} candles"
    yield "funding_rate", newest, "fraction", age, "funding"
    yield "funding_rate_ma", mean, "fraction", age + FUNDING_CANDLES - 1, "funding"
    for name, n in (("oi_change", 1), ("oi_change_5", 5)):
        formula = f"value of open interest over that {n} before, less 1"
        yield name, formula, "fraction", n + 1, "open_interest"


def _price(lookback: int) -> tuple[str, int, Source]:
    """Return unit, lookback and source of a fraction of the price."""
    return "fraction", lookback, "price"
