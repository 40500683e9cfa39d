"""What a target is: a rule that turns later closes into one label per as-of, and says when."""

from __future__ import annotations

from typing import Protocol

import numpy as np
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

    @property
    def rule(self) -> str:
        """The label rule in words, for manifests and cards."""
        ...

    @property
    def level(self) -> float | None:
        """The level whose touch is forecast, a fraction; None where no level is touched."""
        ...

    @property
    def looks_at(self) -> tuple[int, ...]:
        """Candles ahead of the as-of that the label depends on, ascending."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Price columns of those candles that count; of the as-of candle it is the close."""
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


def labelled(
    label: np.ndarray, known: np.ndarray, candles: Candles, *, horizon: int
) -> pd.DataFrame:
    """Return labels as a target gives them, with both of their instants.

    Args:
        label: shape (known rows,).
        known: positions of the candles that have a label, ascending, shape (known rows,).
    """
    opens = pd.DatetimeIndex(candles.frame.index)[known]
    as_of = pd.DatetimeIndex(opens + DURATION[candles.interval])
    ends = resolves_at(as_of, horizon, candles.interval)
    return pd.DataFrame({"label": label, "as_of": as_of, "resolves_at": ends}, index=opens)


def whole_windows(candles: Candles, *, back: int = 0, ahead: int) -> np.ndarray:
    """Return per candle whether `back` candles before it and `ahead` after it are there, gapless.

    Shape (candles,), truth values. A window that reaches over either end is not whole.

    >>> from forecastlab.contracts.candles import COLUMNS, open_index
    >>> opens = open_index(np.array([0, 1, 2, 4, 5, 6]) * 86_400_000)
    >>> frame = pd.DataFrame({name: 1.0 for name in COLUMNS}, index=opens)
    >>> whole_windows(Candles("BTCUSDT", "1d", frame), back=1, ahead=1).tolist()
    [False, True, False, False, True, False]
    """
    opens = pd.DatetimeIndex(candles.frame.index)
    reach = back + ahead
    span = np.asarray(opens[reach:] - opens[: max(len(opens) - reach, 0)])
    whole = np.zeros(len(opens), dtype=bool)
    whole[back : back + len(span)] = span == np.timedelta64(reach * DURATION[candles.interval])
    return whole
