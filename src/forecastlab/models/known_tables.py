"""Tables of rows, of which a refit is given those that were known.

To cut a table is to copy it, and 350,000 hourly rows of 80 columns are copied in the time of a fit.
So a table is cut when it is asked for as a whole, and labelled rows are picked from the uncut one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd


class KnownTables(Mapping[str, pd.DataFrame]):
    """Name -> the rows that had opened by `last_open`; index (`symbol`, `open_time`)."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], last_open: pd.Timestamp) -> None:
        self._tables, self._last_open = dict(tables), last_open

    def __getitem__(self, name: str) -> pd.DataFrame:
        return opened_by(self._tables[name], self._last_open)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def find(self, name: str, index: pd.Index) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the uncut table, and each entry's place in it: −1 where it is not or unknown."""
        table = self._tables[name]
        known = _opens(index) <= self._last_open
        return table, np.where(known, table.index.get_indexer(index), -1)


def find_rows(
    tables: Mapping[str, pd.DataFrame], name: str, index: pd.Index
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table and the place in it of each entry of an index, −1 where it has none.

    >>> table = pd.DataFrame({"x": [1, 2]}, index=[10, 20])
    >>> find_rows({"set": table}, "set", pd.Index([20, 30]))[1].tolist()
    [1, -1]
    """
    if isinstance(tables, KnownTables):
        return tables.find(name, index)
    return tables[name], np.asarray(tables[name].index.get_indexer(index))


def opened_by(table: pd.DataFrame, last_open: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of candles that had opened by then; index (`symbol`, `open_time`).

    >>> names = ["symbol", "open_time"]
    >>> days = pd.date_range("2025-01-01", periods=3, tz="UTC")
    >>> table = pd.DataFrame({"x": 1}, index=pd.MultiIndex.from_product([["A"], days], names=names))
    >>> len(opened_by(table, days[1]))
    2
    """
    return table.loc[_opens(table.index) <= last_open]


def _opens(index: pd.Index) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(index.get_level_values("open_time"))
