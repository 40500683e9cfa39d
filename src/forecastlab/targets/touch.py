"""The touch target: which side of a band the price reaches first, by highs and lows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import UsageError
from forecastlab.targets.base import labelled, whole_windows

DOWN: Final = -1
"""A low reaches the lower edge first."""
UP: Final = 1
"""A high reaches the upper edge first."""

_NAME: Final = re.compile(r"L(\d{1,2}(?:\.\d{1,4})?)_H([1-9]\d{0,3})")

_UNTOUCHED, _AMBIGUOUS = 0, 2
"""What a whole window may end in beside a label."""


@dataclass(frozen=True)
class TouchShares:
    """What whole windows ended in, fractions of `windows`; a label has only those up or down."""

    windows: int
    up: float
    down: float
    untouched: float
    ambiguous: float


@dataclass(frozen=True)
class TouchTarget:
    """First touch of ±`level` of the as-of close by highs and lows of t+1 … t+`horizon`.

    `1` if a high reaches `c_t · (1 + level)` first, `-1` if a low reaches `c_t · (1 − level)`
    first. A window that touches neither has no label, and neither has one whose first touch is of
    both edges in one candle: which came first cannot be told. The label at t depends on the close
    at t, on highs and lows after it, and on nothing after t+`horizon`.

    Attributes:
        level: a fraction in (0, 1).
        horizon: candles in the window, at least 1.

    Raises:
        UsageError: `level` or `horizon` is out of bounds.

    >>> TouchTarget(0.01, 24).name
    'L1_H24'
    """

    level: float
    horizon: int

    def __post_init__(self) -> None:
        if self.horizon < 1 or not 0 < self.level < 1:
            raise UsageError(
                f"a touch of {self.level} within {self.horizon} candles cannot be meant.",
                remedy="Give a level between 0 and 1 and at least 1 candle, as in L1_H24.",
            )

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Read a candidate's name; the level stands in per cent.

        Raises:
            UsageError: `name` has another form, or is not how the candidate is written.

        >>> TouchTarget.from_name("L0.5_H12")
        TouchTarget(level=0.005, horizon=12)
        """
        found = _NAME.fullmatch(name)
        target = cls(float(found[1]) / 100, int(found[2])) if found and float(found[1]) else None
        # `L1.0_H24` would be a second name of L1_H24, and names are keys in the store.
        if target is None or target.name != name:
            raise UsageError(
                f"{name!r} names no touch candidate.",
                remedy="Write the level in per cent and the candles, as in L1_H24 or L0.5_H12.",
            )
        return target

    @property
    def name(self) -> str:
        """The candidate's name, as `L1_H24`."""
        return f"L{round(self.level * 100, 6):g}_H{self.horizon}"

    @property
    def rule(self) -> str:
        """The label rule in words, for manifests and cards."""
        return (
            f"First touch of ±{self.level:.6g} of the as-of close by highs and lows of the next"
            f" {self.horizon} candles: 1 if the upper edge is touched first, -1 if the lower one;"
            " no label if neither is, or both are in the candle of the first touch."
        )

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        return (DOWN, UP)

    @property
    def looks_at(self) -> tuple[int, ...]:
        """Candles ahead of the as-of that the label depends on: all of the window."""
        return tuple(range(1, self.horizon + 1))

    @property
    def reads(self) -> tuple[str, ...]:
        """Price columns of the candles ahead that the label depends on."""
        return ("high", "low")

    def labels(self, candles: Candles) -> pd.DataFrame:
        """Return the labels whose whole window is there, without a gap, and touched one edge first.

        Index `open_time` (ascending, a subset of the candles'); columns `label` (int64), `as_of`
        and `resolves_at` (UTC; `resolves_at = as_of + horizon · interval`, touched early or not).

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> opens = open_index(np.arange(5) * 3_600_000)
        >>> closes = [100.0, 100.5, 101.2, 100.5, 100.4]
        >>> frame = pd.DataFrame({name: closes for name in COLUMNS}, index=opens)
        >>> TouchTarget(0.01, 2).labels(Candles("BTCUSDT", "1h", frame))["label"].tolist()
        [1]
        """
        known, ended = self._ended(candles)
        touched = np.isin(ended, self.classes)
        return labelled(ended[touched], known[touched], candles, horizon=self.horizon)

    def shares(self, candles: Candles) -> TouchShares:
        """Count what the whole windows ended in; of none, all shares are 0.

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> opens = open_index(np.arange(5) * 3_600_000)
        >>> closes = [100.0, 100.5, 101.2, 100.5, 100.4]
        >>> frame = pd.DataFrame({name: closes for name in COLUMNS}, index=opens)
        >>> TouchTarget(0.01, 2).shares(Candles("BTCUSDT", "1h", frame)).untouched.__round__(3)
        0.667
        """
        _, ended = self._ended(candles)
        rows = max(len(ended), 1)
        up, down, untouched, ambiguous = (
            float((ended == one).sum()) / rows for one in (UP, DOWN, _UNTOUCHED, _AMBIGUOUS)
        )
        return TouchShares(len(ended), up, down, untouched, ambiguous)

    def exits(self, candles: Candles) -> pd.DataFrame:
        """Return what either side would have earned, before cost: fractions of the as-of close.

        A side is left at the first touch, or at the close of the last candle where there is none.
        Both edges in one candle count as a loss for either side.

        Returns:
            Index `open_time` of the whole windows; columns `long` and `short`.

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> closes = [100.0, 100.5, 101.2, 100.5, 100.4]
        >>> opens = open_index(np.arange(5) * 3_600_000)
        >>> frame = pd.DataFrame({name: closes for name in COLUMNS}, index=opens)
        >>> exits = TouchTarget(0.01, 2).exits(Candles("BTCUSDT", "1h", frame))
        >>> exits["long"].round(4).tolist(), exits["short"].round(4).tolist()
        ([0.01, 0.0, -0.0079], [-0.01, -0.0, 0.0079])
        """
        known, ended = self._ended(candles)
        close = candles.frame["close"].to_numpy(dtype="float64")
        drift = close[known + self.horizon] / close[known] - 1.0
        touched = np.where(ended == _AMBIGUOUS, 0.0, ended) * self.level
        long = np.where(ended == _UNTOUCHED, drift, touched)
        lost = ended == _AMBIGUOUS
        sides = {
            name: np.where(lost, -self.level, one)
            for name, one in (("long", long), ("short", -long))
        }
        return pd.DataFrame(sides, index=pd.DatetimeIndex(candles.frame.index)[known])

    def _ended(self, candles: Candles) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the whole windows, and what each ended in."""
        known = np.flatnonzero(whole_windows(candles, ahead=self.horizon))
        close, high, low = (
            candles.frame[name].to_numpy(dtype="float64") for name in ("close", "high", "low")
        )
        floor, ceiling = close[known] * (1 - self.level), close[known] * (1 + self.level)
        ended = np.full(len(known), _UNTOUCHED, dtype="int64")
        for ahead in range(1, self.horizon + 1):
            free = ended == _UNTOUCHED
            above, below = high[known + ahead] >= ceiling, low[known + ahead] <= floor
            ended[free & above & ~below] = UP
            ended[free & below & ~above] = DOWN
            ended[free & below & above] = _AMBIGUOUS
        return known, ended
