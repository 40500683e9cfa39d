"""Trailing statistics and the two classic indicators, each a function of the past alone.

Arrays are one-dimensional float64, oldest first, one value per candle of an unbroken run. A value
whose window is not complete is NaN. Sums run lag by lag over whole arrays, so that a value depends
on its window alone, to the last bit: the same on eight years of candles as on the window by itself
(running sums, as in `pandas.rolling`, carry rounding from everything that came before).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Series = npt.NDArray[np.float64]
"""One value per candle, shape (rows,)."""

EWMA_WINDOW: Final = 150
"""Candles that a windowed EWMA sees. Older ones carry 1.6e-5 of the weight of the slowest average
here (centre of mass 13): on the daily candles of five symbols the windowed RSI differs from the
endless one by at most 0.003 points, the windowed MACD histogram by at most 0.002 % of the price."""

RSI_CENTRE_OF_MASS: Final = 13
MACD_SPANS: Final = (12, 26, 9)
"""Fast, slow and signal span of the MACD."""

_EPSILON: Final = 1e-12
"""What the original adds to a spread before it divides; nothing at the scale of real candles."""

_NO_SPREAD: Final = 1e-12
"""A standard deviation below this share of the mean is rounding, not spread."""


def ratio(numerator: Series, denominator: Series) -> Series:
    """Return `numerator / denominator`; NaN where the denominator is zero.

    >>> ratio(np.array([3.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0]))
    array([1.5, nan, nan])
    """
    return numerator / np.where(denominator != 0, denominator, np.nan)


def relative_change(values: Series) -> Series:
    """Return `value / previous value - 1`; NaN for the first, and for a change from zero.

    >>> relative_change(np.array([100.0, 110.0, 99.0])).round(3)
    array([ nan,  0.1, -0.1])
    """
    return ratio(values, _shifted(values, 1)) - 1.0


def log_change(values: Series, *, bound: float) -> Series:
    """Return the log of `value / previous value`, clipped to ±`bound`; the first is NaN.

    A change from or to zero has no logarithm and is missing, not clipped.

    >>> log_change(np.array([1.0, np.e, 1000.0, 0.0]), bound=2.0)
    array([nan,  1.,  2., nan])
    """
    return bounded_log(ratio(values, _shifted(values, 1)), bound=bound)


def bounded_log(values: Series, *, bound: float) -> Series:
    """Return `log(value)` clipped to ±`bound`; NaN where the value is not positive.

    >>> bounded_log(np.array([1.0, 1e9, 0.0]), bound=2.0)
    array([ 0.,  2., nan])
    """
    positive = np.where(values > 0, values, np.nan)
    return np.clip(np.log(positive), -bound, bound)


def trailing_sum(values: Series, weights: Series) -> Series:
    """Return `Σ weights[j] · values[t - j]`; NaN for the first `len(weights) - 1` candles.

    >>> trailing_sum(np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5]))
    array([nan, 2.5, 5. ])
    """
    rows, size = len(values), len(weights)
    sums = np.full(rows, np.nan)
    if rows >= size:
        total = np.zeros(rows - size + 1)
        for lag, weight in enumerate(weights):
            total += weight * values[size - 1 - lag : rows - lag]
        sums[size - 1 :] = total
    return sums


def moving_average(values: Series, window: int) -> Series:
    """Return the mean of the last `window` values.

    >>> moving_average(np.array([1.0, 2.0, 6.0]), 2)
    array([nan, 1.5, 4. ])
    """
    return trailing_sum(values, np.ones(window)) / window


def moving_deviation(values: Series, window: int) -> Series:
    """Return the standard deviation (ddof 1) of the last `window` values.

    >>> moving_deviation(np.array([1.0, 2.0, 6.0]), 2).round(3)
    array([  nan, 0.707, 2.828])
    """
    mean = moving_average(values, window)
    squares = np.zeros(len(values))
    for lag in range(window):
        squares += (_shifted(values, lag) - mean) ** 2
    return np.sqrt(squares / (window - 1))


def z_score(values: Series, window: int) -> Series:
    """Return `(value - mean) / (deviation + 1e-12)` over the last `window` values.

    It lies within ±(window - 1) / √window: ±2.27 for 7, ±4.36 for 21 values.

    >>> z_score(np.array([1.0, 2.0, 6.0]), 3).round(3)
    array([  nan,   nan, 1.134])
    """
    return (values - moving_average(values, window)) / (moving_deviation(values, window) + _EPSILON)


def pure_z_score(values: Series, window: int) -> Series:
    """Return `(value - mean) / deviation` over the last `window` values, whatever their unit.

    NaN where the values do not differ: rounding would then decide the sign.

    >>> pure_z_score(np.array([1.0, 2.0, 6.0, 6.0, 6.0]), 3).round(3)
    array([  nan,   nan, 1.134, 0.577,   nan])
    """
    mean, deviation = moving_average(values, window), moving_deviation(values, window)
    return (values - mean) / np.where(deviation > _NO_SPREAD * np.abs(mean), deviation, np.nan)


def rsi(close: Series) -> Series:
    """Return the original's RSI(14), 0 to 100, over all candles before it.

    Source: the system that this one replaces; `ewm(com=13)` of gains and losses (adjusted
    weights), `1e-8` price units added to the losses. It depends on where the history starts; see
    `EWMA_WINDOW`.

    >>> rsi(np.array([10.0, 11.0, 10.5])).round(2)
    array([ nan, 100.,  65.])
    """
    gains, losses = _gains_and_losses(close)
    mean_gain = _ewm_mean(gains, RSI_CENTRE_OF_MASS)
    mean_loss = _ewm_mean(losses, RSI_CENTRE_OF_MASS)
    return 100.0 - 100.0 / (1.0 + mean_gain / (mean_loss + 1e-8))


def windowed_rsi(close: Series, window: int = EWMA_WINDOW) -> Series:
    """Return RSI(14), 0 to 100, of the last `window` closes alone; NaN where none of them moved.

    >>> windowed_rsi(np.array([10.0, 11.0, 10.5]), 3).round(2)
    array([nan, nan, 65.])
    """
    weights = ewma_weights(window - 1, RSI_CENTRE_OF_MASS)
    mean_gain, mean_loss = (trailing_sum(part, weights) for part in _gains_and_losses(close))
    return 100.0 * ratio(mean_gain, mean_gain + mean_loss)


def macd_histogram(close: Series) -> Series:
    """Return the original's MACD(12, 26, 9) histogram, in price units, over all candles before it.

    Source: the system that this one replaces; `ewm(span=…)` with adjusted weights. It depends on
    where the history starts; see `EWMA_WINDOW`.

    >>> macd_histogram(np.array([10.0, 11.0, 12.0])).round(4)
    array([0.    , 0.01  , 0.0278])
    """
    fast, slow, signal = ((span - 1) / 2 for span in MACD_SPANS)
    macd = _ewm_mean(close, fast) - _ewm_mean(close, slow)
    return macd - _ewm_mean(macd, signal)


def windowed_macd_histogram(close: Series, window: int = EWMA_WINDOW) -> Series:
    """Return what `macd_histogram` gives on the last `window` closes alone, in price units.

    >>> windowed_macd_histogram(np.array([10.0, 11.0, 12.0]), 3).round(4)
    array([   nan,    nan, 0.0278])
    """
    return trailing_sum(close, _macd_weights(window))


def ewma_weights(size: int, centre_of_mass: float) -> Series:
    """Return the weights of an EWMA of `size` values, newest first; they sum to 1.

    >>> ewma_weights(3, 1.0).round(3)
    array([0.571, 0.286, 0.143])
    """
    powers = np.power(centre_of_mass / (1.0 + centre_of_mass), np.arange(size))
    total: np.float64 = powers.sum()
    return powers / total


@lru_cache(maxsize=8)
def _macd_weights(window: int) -> Series:
    """Return the histogram's weights on the last `window` closes, newest first.

    The histogram is linear in the closes: row t of `average(span)` holds the weights of an EWMA
    that started with the window.
    """

    def average(span: int) -> Series:
        table = np.zeros((window, window))
        for t in range(window):
            table[t, : t + 1] = ewma_weights(t + 1, (span - 1) / 2)[::-1]
        return table

    fast, slow, signal = (average(span) for span in MACD_SPANS)
    macd = fast - slow
    histogram: Series = macd[-1] - signal[-1] @ macd
    return histogram[::-1]


def _gains_and_losses(close: Series) -> tuple[Series, Series]:
    change = close - _shifted(close, 1)
    return np.clip(change, 0.0, None), np.clip(-change, 0.0, None)


def _ewm_mean(values: Series, centre_of_mass: float) -> Series:
    return pd.Series(values).ewm(com=centre_of_mass).mean().to_numpy()


def _shifted(values: Series, lag: int) -> Series:
    """Return the values `lag` candles earlier; NaN where there is none."""
    earlier = np.full(len(values), np.nan)
    earlier[lag:] = values[: max(len(values) - lag, 0)]
    return earlier
