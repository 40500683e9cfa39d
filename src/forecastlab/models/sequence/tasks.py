"""What one network learns: windows of a table, the labels of every head, and the base rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a table, by their last rows.

    Attributes:
        last: row of each window's as-of candle, (windows,).
        symbol: the number of its symbol, (windows,).
        happened: the class that happened at each head, −1 where it is not known, (windows, heads).
    """

    last: np.ndarray
    symbol: np.ndarray
    happened: np.ndarray


@dataclass(frozen=True, eq=False)
class Task:
    """What one network learns.

    Attributes:
        table: scaled features, float32, (rows, columns).
        fit, stop: windows to learn from, and later ones that only stop the training.
        base: log class frequencies of each symbol and head, (symbols, heads, classes).
    """

    table: np.ndarray
    fit: Windows
    stop: Windows
    base: np.ndarray
