"""Indicators whose averages are seeded with a mean, each over a fixed window of candles.

Their recursions never forget the first candle, so that a value would depend on where the history
starts. Here each is what the recursion gives on the last `WINDOW` candles alone: a weighted sum of
them, with weights that are worked out once.

Arrays are one-dimensional float64, oldest first; a value whose window is not complete is NaN.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from forecastlab.features.indicators import trailing_sum
from forecastlab.features.technical import MACD_SPANS, true_range
from forecastlab.features.windows import Series, lagged, ratio

WINDOW: Final = 100
"""Candles that a value is computed from, whatever came before them."""

LENGTH: Final = 14
"""Wilder's length of RSI and ATR."""


def wilder_rsi(close: Series, window: int = WINDOW) -> Series:
    """Return RSI(14), 0 to 100, of the last `window` closes; NaN where none of them moved.

    Gains and losses are averaged with a weight of 1/14 for the newest, from the first change on.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems", section VI.

    >>> wilder_rsi(np.array([10.0, 11.0, 10.5]), 3).round(2)
    array([ nan,  nan, 96.3])
    """
    move = close - lagged(close, 1)
    weights = _from_first(window - 1)
    gains, losses = (trailing_sum(np.maximum(sign * move, 0.0), weights) for sign in (1, -1))
    points: Series = 100.0 * ratio(gains, gains + losses)
    return points


def wilder_atr(high: Series, low: Series, close: Series, window: int = WINDOW) -> Series:
    """Return ATR(14), in price units, of the last `window` candles.

    It starts from the mean of the first 14 ranges. The first candle of the window has no close
    before it: its range is its own high less its low.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems", section III.

    >>> high, low = np.full(20, 3.0), np.full(20, 1.0)
    >>> wilder_atr(high, low, (high + low) / 2, 15)[[13, 14]]
    array([nan,  2.])
    """
    weights = _after_mean(window, LENGTH, 1.0 / LENGTH)
    newer = trailing_sum(true_range(high, low, close), weights[:-1])
    oldest: Series = weights[-1] * lagged(high - low, window - 1)
    return newer + oldest


def seeded_macd(close: Series, window: int = WINDOW) -> tuple[Series, Series]:
    """Return MACD(12, 26) and its signal line (9), in price units, of the last `window` closes.

    Each average starts from the mean of its first values, the signal line's from the first nine
    values of the MACD.

    >>> [float(line[-1].round(6)) for line in seeded_macd(np.arange(100.0))]
    [7.0, 7.0]
    """
    macd, signal = _macd_weights(window)
    return trailing_sum(close, macd), trailing_sum(close, signal)


def _from_first(size: int) -> Series:
    """Return the weights, newest first, of an average that starts from its first value."""
    return _after_mean(size, 1, 1.0 / LENGTH)


def _after_mean(size: int, length: int, weight: float) -> Series:
    """Return the weights, newest first, of an average that starts from the mean of `length`.

    >>> _after_mean(3, 2, 0.5)
    array([0.5 , 0.25, 0.25])
    """
    kept = (1.0 - weight) ** np.arange(size - length + 1)
    return np.concatenate([weight * kept[:-1], np.full(length, kept[-1] / length)])


@lru_cache(maxsize=4)
def _macd_weights(window: int) -> tuple[Series, Series]:
    """Return the weights of MACD and signal line on the last `window` closes, newest first."""
    fast, slow, signal = MACD_SPANS
    first = slow - 1
    table = np.zeros((window - first, window))
    for row in range(window - first):
        seen = first + row + 1
        for span, sign in ((fast, 1.0), (slow, -1.0)):
            table[row, :seen] += sign * _after_mean(seen, span, 2.0 / (span + 1))[::-1]
    averaged = _after_mean(len(table), signal, 2.0 / (signal + 1))[::-1] @ table
    return table[-1][::-1], averaged[::-1]
