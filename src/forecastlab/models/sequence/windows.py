"""Windows: `length` consecutive rows of one symbol that span no more candles than allowed."""

from __future__ import annotations

import numpy as np
import pandas as pd


def epoch_ms(instants: pd.Index) -> np.ndarray:
    """Return instants as epoch milliseconds.

    >>> epoch_ms(pd.DatetimeIndex(["1970-01-01 00:00:01"], tz="UTC")).tolist()
    [1000]
    """
    return np.asarray(pd.DatetimeIndex(instants).as_unit("ms").asi8)


def complete_windows(
    opens_ms: np.ndarray, *, length: int, candle_ms: int, max_gap: int = 0
) -> np.ndarray:
    """Return per row of one symbol whether it ends a complete window, shape (rows,).

    Args:
        opens_ms: candle opens, ascending.
        max_gap: most candles that may be missing in a window, in all.

    >>> opens = np.array([0, 1, 2, 4, 5, 6])
    >>> complete_windows(opens, length=3, candle_ms=1).tolist()
    [False, False, True, False, False, True]
    >>> complete_windows(opens, length=3, candle_ms=1, max_gap=1).tolist()
    [False, False, True, True, True, True]
    """
    complete = np.zeros(len(opens_ms), dtype=bool)
    span = opens_ms[length - 1 :] - opens_ms[: max(len(opens_ms) - length + 1, 0)]
    complete[len(opens_ms) - len(span) :] = span <= (length - 1 + max_gap) * candle_ms
    return complete


def windows_ending_at(table: np.ndarray, last: np.ndarray, *, length: int) -> np.ndarray:
    """Return the windows that end at these rows, shape (windows, length, columns).

    >>> windows_ending_at(np.arange(4.0)[:, None], np.array([2, 3]), length=2)[..., 0].tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    return np.asarray(table[last[:, None] + np.arange(1 - length, 1)])
