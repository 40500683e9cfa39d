"""The classic indicators of the hourly system, each cut to a finite window of candles.

Their averages are exponential, so that the originals depend on where the history starts. Here each
average sees ten spans (`windows.EWMA_SPANS`): the value is that of a history that starts there, and
differs from the endless one by 2e-9 of the average's scale.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from forecastlab.features.windows import (
    EWMA_SPANS,
    Series,
    ewma,
    lagged,
    ratio,
    window_correlation,
    window_max,
    window_mean,
    window_min,
)

MACD_SPANS: Final = (12, 26, 9)
"""Fast, slow and signal span."""

DIF_LOOKBACK: Final = EWMA_SPANS * MACD_SPANS[1]
DEA_LOOKBACK: Final = DIF_LOOKBACK + EWMA_SPANS * MACD_SPANS[2] - 1

KDJ_RANGE: Final = 9
KDJ_SPAN: Final = 5
"""The original's smoothing keeps two thirds of the value before: a span of 5."""

K_LOOKBACK: Final = KDJ_RANGE + EWMA_SPANS * KDJ_SPAN - 1
D_LOOKBACK: Final = K_LOOKBACK + EWMA_SPANS * KDJ_SPAN - 1

STREAK_BOUND: Final = 16
"""Candles that a streak counts at most. The longest on the 1h, 4h and 1d candles of five symbols
over eight years is 14."""

_ROUNDING: Final = 1e-12
"""Differences of two averages below this share of the price are rounding, not a sign."""


def true_range(high: Series, low: Series, close: Series) -> Series:
    """Return the range from the previous close: `max(high, before) - min(low, before)`.

    >>> true_range(np.array([5.0, 9.0]), np.array([4.0, 7.0]), np.array([4.0, 8.0]))
    array([nan,  5.])
    """
    before = lagged(close, 1)
    return np.maximum(high, before) - np.minimum(low, before)


def macd(close: Series) -> tuple[Series, Series]:
    """Return DIF and DEA of MACD(12, 26, 9), in price units.

    >>> [len(line) for line in macd(np.linspace(1.0, 2.0, 400))]
    [400, 400]
    """
    fast, slow, signal = MACD_SPANS
    dif = ewma(close, fast) - ewma(close, slow)
    return dif, ewma(dif, signal)


def sign_beyond_rounding(values: Series, scale: Series) -> Series:
    """Return -1, 0 or 1: the sign of a value, and 0 where it is nothing beside `scale`.

    >>> sign_beyond_rounding(np.array([-3.0, 1e-14]), np.array([1.0, 1.0]))
    array([-1.,  0.])
    """
    return np.where(np.abs(values) <= _ROUNDING * scale, 0.0, np.sign(values))


def rsi(close: Series, span: int) -> Series:
    """Return gains over gains and losses, each an EWMA of `span`; 0 to 1, .5 where nothing moved.

    >>> rsi(np.linspace(1.0, 2.0, 100), 6)[[59, 60]]
    array([nan,  1.])
    """
    move = close - lagged(close, 1)
    gains, losses = ewma(np.maximum(move, 0.0), span), ewma(np.maximum(-move, 0.0), span)
    return ratio(gains, gains + losses, otherwise=0.5)


def kdj(high: Series, low: Series, close: Series) -> tuple[Series, Series]:
    """Return K and D of KDJ(9, 3, 3), 0 to 1; J is 3 K - 2 D.

    The close's place in the range of nine candles counts as .5 where there is no range.

    >>> flat = np.ones(200)
    >>> [float(line[-1].round(9)) for line in kdj(flat, flat, flat)]
    [0.5, 0.5]
    """
    bottom, top = window_min(low, KDJ_RANGE), window_max(high, KDJ_RANGE)
    k = ewma(ratio(close - bottom, top - bottom, otherwise=0.5), KDJ_SPAN)
    return k, ewma(k, KDJ_SPAN)


def cci(high: Series, low: Series, close: Series, window: int = 14) -> Series:
    """Return the commodity channel index; 0 where the typical price does not differ.

    >>> price = np.array([1.0, 2.0, 6.0])
    >>> cci(price, price, price, 3).round(2)
    array([ nan,  nan, 100.])
    """
    typical = (high + low + close) / 3.0
    mean = window_mean(typical, window)
    distance = np.zeros(len(typical))
    for lag in range(window):
        distance += np.abs(lagged(typical, lag) - mean)
    flat = distance <= _ROUNDING * mean * window
    return ratio(typical - mean, np.where(flat, 0.0, 0.015 / window * distance), otherwise=0.0)


def streak(flags: np.ndarray, bound: int = STREAK_BOUND) -> Series:
    """Return how many candles in a row, the newest included, have the flag; at most `bound`.

    NaN for the first `bound - 1` candles, of which the start of the streak is not known.

    >>> streak(np.array([True, True, False, True, True, True]), 2)
    array([nan,  2.,  0.,  1.,  2.,  2.])
    """
    place = np.arange(len(flags))
    last_without = np.maximum.accumulate(np.where(flags, -1, place))
    count = np.minimum(place - last_without, bound).astype("float64")
    count[: bound - 1] = np.nan
    return count


def straightness(values: Series, window: int) -> Series:
    """Return R² of a straight line through the last `window` values; 0 where they do not differ.

    >>> straightness(np.array([1.0, 2.0, 3.0, 1.0]), 3).round(3)
    array([ nan,  nan, 1.  , 0.25])
    """
    place = np.arange(len(values), dtype="float64")
    correlation = window_correlation(values, place, window)
    flat = window_max(values, window) == window_min(values, window)
    return np.where(flat, 0.0, correlation**2)
