"""Statistics of trailing windows in a few passes, each a function of its window alone.

A window is joined from windows of 1, 2, 4, … values, so that a statistic of n values takes about
2·log2(n) passes over the array instead of n, and is, to the last bit, the same on eight years of
candles as on the window by itself. Running sums, as in `pandas.rolling`, are as fast but carry
rounding from everything that came before.

Arrays are one-dimensional float64, oldest first. A value is NaN until its window is complete, and
where the window holds a missing value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.float64]
"""One value per candle, shape (rows,)."""

EWMA_SPANS: Final = 10
"""An EWMA sees the last 10 spans: what lies before them would carry 2e-9 of its weight."""

_State = tuple[Series, ...]
_Join = Callable[[_State, _State, int, int], _State]
"""Joins the statistics of a newer and an older window; both sizes follow."""


def lagged(values: Series, lag: int) -> Series:
    """Return the values `lag` candles earlier; NaN where there is none.

    >>> lagged(np.array([1.0, 2.0, 6.0]), 1)
    array([nan,  1.,  2.])
    """
    earlier = np.full(len(values), np.nan)
    earlier[lag:] = values[: max(len(values) - lag, 0)]
    return earlier


def ratio(numerator: Series, denominator: Series, *, otherwise: float = np.nan) -> Series:
    """Return `numerator / denominator`, and `otherwise` where the denominator is zero.

    >>> ratio(np.array([3.0, 1.0]), np.array([2.0, 0.0]), otherwise=0.5)
    array([1.5, 0.5])
    """
    empty = denominator == 0
    if not empty.any():
        return numerator / denominator
    return np.where(empty, otherwise, numerator / np.where(empty, 1.0, denominator))


def change(values: Series, candles: int = 1) -> Series:
    """Return `value / value some candles ago - 1`; NaN for a change from zero.

    >>> change(np.array([4.0, 5.0, 0.0, 3.0]))
    array([  nan,  0.25, -1.  ,   nan])
    """
    return ratio(values, lagged(values, candles)) - 1.0


def window_sum(values: Series, window: int, *, decay: float = 1.0) -> Series:
    """Return `Σ decay**j · values[t - j]` over the last `window` values.

    >>> window_sum(np.array([1.0, 2.0, 4.0, 8.0]), 3)
    array([nan, nan,  7., 14.])
    >>> window_sum(np.array([1.0, 2.0, 4.0, 8.0]), 3, decay=0.5)
    array([  nan,   nan,  5.25, 10.5 ])
    """

    def join(newer: _State, older: _State, size: int, _: int) -> _State:
        return (newer[0] + (older[0] if decay == 1.0 else decay**size * older[0]),)

    return _folded((values,), window, join)[0]


def window_mean(values: Series, window: int) -> Series:
    """Return the mean of the last `window` values.

    >>> window_mean(np.array([1.0, 2.0, 6.0]), 2)
    array([nan, 1.5, 4. ])
    """
    return window_sum(values, window) / window


def window_max(values: Series, window: int) -> Series:
    """Return the largest of the last `window` values.

    >>> window_max(np.array([1.0, 5.0, 2.0, 3.0]), 2)
    array([nan,  5.,  5.,  3.])
    """
    return _folded((values,), window, lambda a, b, *_: (np.maximum(a[0], b[0]),))[0]


def window_min(values: Series, window: int) -> Series:
    """Return the smallest of the last `window` values.

    >>> window_min(np.array([1.0, 5.0, 2.0, 3.0]), 2)
    array([nan,  1.,  2.,  2.])
    """
    return _folded((values,), window, lambda a, b, *_: (np.minimum(a[0], b[0]),))[0]


def window_moments(values: Series, window: int) -> tuple[Series, Series]:
    """Return mean and standard deviation (ddof 1) of the last `window` values, two or more.

    Values that do not differ have a deviation of exactly 0.

    Source: Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance", The
    American Statistician 37, eq. 2.1.

    >>> mean, deviation = window_moments(np.array([1.0, 2.0, 6.0]), 2)
    >>> mean, deviation.round(3)
    (array([nan, 1.5, 4. ]), array([  nan, 0.707, 2.828]))
    """

    def join(newer: _State, older: _State, size: int, other: int) -> _State:
        step = older[0] - newer[0]
        mean = newer[0] + step * (other / (size + other))
        return mean, newer[1] + older[1] + step * step * (size * other / (size + other))

    mean, squares = _folded((values, np.zeros(len(values))), window, join)
    return mean, np.sqrt(squares / (window - 1))


def window_deviation(values: Series, window: int) -> Series:
    """Return the standard deviation (ddof 1) of the last `window` values.

    >>> window_deviation(np.array([1.0, 2.0, 6.0]), 2).round(3)
    array([  nan, 0.707, 2.828])
    """
    return window_moments(values, window)[1]


def window_z_score(values: Series, window: int, *, bound: float = np.inf) -> Series:
    """Return `(value - mean) / deviation` over the last `window` values, clipped to ±`bound`.

    0 where the values do not differ.

    >>> window_z_score(np.array([1.0, 2.0, 6.0, 6.0, 6.0]), 3).round(3)
    array([  nan,   nan, 1.134, 0.577, 0.   ])
    """
    mean, deviation = window_moments(values, window)
    return np.clip(ratio(values - mean, deviation, otherwise=0.0), -bound, bound)


def window_correlation(first: Series, second: Series, window: int) -> Series:
    """Return the correlation over the last `window` pairs; NaN where one of the two is constant.

    >>> window_correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 5.0, 4.0]), 3).round(3)
    array([nan, nan, 0.5])
    """

    def join(newer: _State, older: _State, size: int, other: int) -> _State:
        x, y = older[0] - newer[0], older[1] - newer[1]
        share, weight = other / (size + other), size * other / (size + other)
        return (
            newer[0] + x * share,
            newer[1] + y * share,
            newer[2] + older[2] + x * y * weight,
            newer[3] + older[3] + x * x * weight,
            newer[4] + older[4] + y * y * weight,
        )

    zero = np.zeros(len(first))
    *_, shared, of_first, of_second = _folded((first, second, zero, zero, zero), window, join)
    return np.clip(ratio(shared, np.sqrt(of_first) * np.sqrt(of_second)), -1.0, 1.0)


def window_rank(values: Series, window: int) -> Series:
    """Return the rank of the newest among the last `window` values, over `window`; ties share.

    >>> window_rank(np.array([1.0, 3.0, 2.0, 2.0]), 3).round(3)
    array([  nan,   nan, 0.667, 0.5  ])
    """
    rows = len(values)
    if rows < window:
        return np.full(rows, np.nan)
    newest = values[window - 1 :]
    below, equal = np.zeros(len(newest), "int32"), np.ones(len(newest), "int32")
    for lag in range(1, window):
        earlier = values[window - 1 - lag : rows - lag]
        below += earlier < newest
        equal += earlier == newest
    known = np.isfinite(window_max(values, window)[window - 1 :])
    return _padded(np.where(known, (below + (equal + 1) / 2) / window, np.nan), rows)


def ewma(values: Series, span: float, window: int | None = None) -> Series:
    """Return the EWMA of the last `window` values (ten spans unless told), weights summing to 1.

    >>> ewma(np.array([8.0, 1.0, 4.0]), 3.0, 2).round(3)
    array([  nan, 3.333, 3.   ])
    """
    size = round(EWMA_SPANS * span) if window is None else window
    decay = (span - 1.0) / (span + 1.0)
    return window_sum(values, size, decay=decay) * ((1.0 - decay) / (1.0 - decay**size))


def _folded(values: _State, window: int, join: _Join) -> _State:
    """Return the joined statistics of the last `window` single values; NaN before."""
    rows = len(values[0])
    if rows < window:
        return tuple(np.full(rows, np.nan) for _ in values)
    total: _State = ()
    covered, block, size = 0, values, 1
    while True:
        if window & size:
            # `total` holds the newest values of the window, `block` those before them.
            total = _joined(total, block, covered, size, join) if covered else block
            covered += size
        if covered == window:
            return tuple(_padded(one, rows) for one in total)
        block, size = _joined(block, block, size, size, join), 2 * size


def _joined(newer: _State, older: _State, size: int, other: int, join: _Join) -> _State:
    end = len(newer[0]) - other
    return join(tuple(one[other:] for one in newer), tuple(one[:end] for one in older), size, other)


def _padded(values: Series, rows: int) -> Series:
    if len(values) == rows:
        return values
    padded = np.empty(rows)
    padded[: rows - len(values)] = np.nan
    padded[rows - len(values) :] = values
    return padded
