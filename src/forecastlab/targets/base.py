"""What a target is: a rule that turns later closes into one label per as-of, and says when."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import DURATION, Interval


class Target(Protocol):
    """A label rule with its parameters; frozen and hashable.

    `labels` reads candles that were cut at some instant; a label whose window is not complete
    there, or crosses a gap, is missing. So labels of a cut market are purged by construction.
    """

    @property
    def name(self) -> str:
        """The candidate's name, as `T21_X8`."""
        ...

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        ...

    @property
    def horizon(self) -> int:
        """Candles from the as-of to the instant at which the label is resolved."""
        ...

    def labels(self, candles: Candles) -> pd.DataFrame:
        """Return the resolved labels: index `open_time` (ascending, a subset of the candles').

        Columns: `label` (int64, one of `classes`), `as_of` and `resolves_at` (UTC instants;
        `resolves_at = as_of + horizon · interval`, touched early or not).
        """
        ...


def resolves_at(as_of: pd.DatetimeIndex, horizon: int, interval: Interval) -> pd.DatetimeIndex:
    """Return the instants at which labels of these as-ofs are resolved.

    >>> str(resolves_at(pd.DatetimeIndex(["2025-10-01"], tz="UTC"), 14, "1d")[0].date())
    '2025-10-15'
    """
    return pd.DatetimeIndex(as_of + horizon * DURATION[interval])
