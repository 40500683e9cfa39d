"""What the prover tests: a function from what was known to one row per candle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import DURATION, Interval


@dataclass(frozen=True, eq=False)
class Subject:
    """A table of features, probabilities or decisions, as a function of a view.

    Attributes:
        name: as `BTCUSDT flow`.
        interval: of the candles that the rows belong to; a row is for the as-of at which its
            candle closes.
        rows: view -> index `open_time` (unique), columns of numbers. A row that is not there counts
            as missing values.
    """

    name: str
    interval: Interval
    rows: Callable[[MarketView], pd.DataFrame]

    def known(self, view: MarketView, instant: datetime) -> pd.DataFrame:
        """Return the rows whose as-of is at or before an instant."""
        # Poisoned candles overflow and divide by zero by design.
        with np.errstate(all="ignore"):
            return self.until(self.rows(view), instant)

    def until(self, table: pd.DataFrame, instant: datetime) -> pd.DataFrame:
        """Return those of the rows whose as-of is at or before an instant."""
        last_open = pd.Timestamp(instant) - DURATION[self.interval]
        return table.loc[np.asarray(table.index <= last_open)]


@dataclass(frozen=True)
class Difference:
    """A column that differs: the row (its candle's open) where it differs most, and by how much.

    `change` is NaN where a value stands against a missing one.
    """

    column: str
    open_time: pd.Timestamp
    change: float


def differences(
    expected: pd.DataFrame, found: pd.DataFrame, *, rtol: float
) -> tuple[tuple[Difference, ...], int]:
    """Compare two tables cell by cell, missing equal to missing.

    Args:
        rtol: relative tolerance; 0 demands equal bits.

    Returns:
        The columns that differ, and the number of cells compared.

    >>> days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    >>> one, two = (pd.DataFrame({"a": [1.0, last]}, index=days) for last in (2.0, 2.5))
    >>> found, cells = differences(one, two, rtol=0)
    >>> found[0].column, found[0].change, cells
    ('a', 0.5, 2)
    """
    index, columns = expected.index.union(found.index), expected.columns.union(found.columns)
    left, right = (_matrix(table, index, columns) for table in (expected, found))
    # Nearly all cells are equal to the last bit: the tolerance is asked of the others alone.
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    off = ~same
    if rtol and off.any():
        # The absolute part stands for columns that may be 0: their units are of the order of 1.
        close = np.isclose(left[off], right[off], rtol=rtol, atol=rtol * 1e-3, equal_nan=True)
        same[off] = close
    if same.all():
        return (), left.size
    with np.errstate(invalid="ignore"):
        change = np.where(same, -1.0, np.abs(left - right))
    worst = []
    for column in np.flatnonzero(~same.all(axis=0)):
        ranked = np.where(np.isnan(change[:, column]), np.inf, change[:, column])
        row = int(ranked.argmax())
        worst.append(
            Difference(
                str(columns[int(column)]), pd.Timestamp(index[row]), float(change[row, column])
            )
        )
    return tuple(worst), left.size


def _matrix(table: pd.DataFrame, index: pd.Index, columns: pd.Index) -> np.ndarray:
    whole = table.reindex(index=index, columns=columns)
    return np.asarray(whole.to_numpy(dtype="float64", na_value=np.nan))
