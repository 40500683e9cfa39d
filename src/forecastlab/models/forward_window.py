"""What the next T days brought: their extreme closes and their mean realised variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, eq=False)
class ForwardWindow:
    """The closes and variances of days t+1 … t+T, one value per as-of; NaN unless all T are there.

    Attributes:
        close: the as-of day's close.
        lowest: lowest close of the window.
        highest: highest close of the window.
        mean_rv: mean realised variance of the window; NaN as well where a day lacks its own.
    """

    close: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    mean_rv: np.ndarray

    def event(self, level: float) -> np.ndarray:
        """Say per as-of whether a close of the window moved by at least `level` either way."""
        fell = self.lowest <= self.close * (1 - level)
        return np.asarray(fell | (self.highest >= self.close * (1 + level)))


@dataclass(frozen=True, eq=False)
class DailyPath:
    """One symbol's closes and realised variances on an unbroken grid of days; holes are NaN.

    Attributes:
        first_day: days from 1970-01-01 to the first one of the grid.
        close: shape (days,).
        rv: shape (days,), log variance per day.
    """

    first_day: int
    close: np.ndarray
    rv: np.ndarray

    @classmethod
    def of(cls, daily: pd.DataFrame) -> Self:
        """Lay daily candles (index `open_time`, columns `close` and `rv`) out on the grid.

        >>> opens = pd.DatetimeIndex(["2024-01-01", "2024-01-03"], tz="UTC")
        >>> daily = pd.DataFrame({"close": [1.0, 2.0], "rv": [0.1, 0.2]}, index=opens)
        >>> DailyPath.of(daily).close
        array([ 1., nan,  2.])
        """
        day = _days(daily.index)
        first, size = (int(day.min()), int(day.max() - day.min()) + 1) if len(day) else (0, 0)
        grid = np.full((2, size), np.nan)
        grid[:, day - first] = daily.loc[:, ["close", "rv"]].to_numpy(dtype="float64").T
        return cls(first, grid[0], grid[1])

    def after(self, opens: pd.Index, horizon: int) -> np.ndarray:
        """Return close, lowest, highest and mean rv of the windows after the candles at `opens`.

        Shape (4, as-ofs); NaN where the as-of or a day of its window is not there.
        """
        size = len(self.close)
        closes, variances = _ahead(self.close, horizon), _ahead(self.rv, horizon)
        # The column past the end stays NaN: as-ofs outside the grid have no window.
        table = np.full((4, size + 1), np.nan)
        table[:, :size] = (
            self.close,
            closes.min(axis=1),
            closes.max(axis=1),
            variances.mean(axis=1),
        )
        place = _days(opens) - self.first_day
        return table[:, np.where((place >= 0) & (place < size), place, size)]

    def squared_close_returns(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the squared log returns of the closes, and `rv`, of the days that have both."""
        square = np.diff(np.log(self.close), prepend=np.full(min(1, len(self.close)), np.nan)) ** 2
        both = np.isfinite(square) & np.isfinite(self.rv)
        return square[both], self.rv[both]


def daily_paths(daily: pd.DataFrame, symbols: tuple[str, ...]) -> dict[str, DailyPath]:
    """Return the paths of those symbols that have a row; index (`symbol`, `open_time`)."""
    name = daily.index.get_level_values("symbol")
    own = {symbol: daily.loc[name == symbol].droplevel("symbol") for symbol in symbols}
    return {symbol: DailyPath.of(rows) for symbol, rows in own.items() if len(rows)}


def pooled_windows(paths: Mapping[str, DailyPath], as_ofs: pd.Index, horizon: int) -> ForwardWindow:
    """Return the window of each as-of, in the order of `as_ofs` (`symbol`, `open_time`)."""
    name, opens = as_ofs.get_level_values("symbol"), as_ofs.get_level_values("open_time")
    table = np.full((4, len(as_ofs)), np.nan)
    for symbol, path in paths.items():
        own = np.asarray(name == symbol)
        table[:, own] = path.after(opens[own], horizon)
    return ForwardWindow(*table)


def _ahead(values: np.ndarray, horizon: int) -> np.ndarray:
    """Return the values of the next `horizon` days, shape (days, horizon); NaN past the end."""
    padded = np.concatenate([values, np.full(horizon, np.nan)])
    return np.lib.stride_tricks.sliding_window_view(padded, horizon)[1:]


def _days(opens: pd.Index) -> np.ndarray:
    return np.asarray(pd.DatetimeIndex(opens).as_unit("ms").asi8 // _DAY_MS)
