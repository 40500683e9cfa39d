"""The reversal target: which side the close leaves by first, looking strictly forward."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import UsageError
from forecastlab.targets.base import labelled, whole_windows

TOP: Final = -1
"""The close falls by the level first."""
NEITHER: Final = 0
"""No close in the window leaves the band."""
BOTTOM: Final = 1
"""The close rises by the level first."""

_NAME: Final = re.compile(r"T([1-9]\d{0,3})_X(\d{1,2}(?:\.\d{1,4})?)")


@dataclass(frozen=True)
class ReversalTarget:
    """First touch of ±`level` by the closes t+1 … t+`horizon`.

    `-1` if a close falls to `c_t · (1 − level)` or below first, `+1` if one rises to
    `c_t · (1 + level)` or above first, `0` if neither happens. The label at t depends on no close
    before t and on none after t+`horizon`.

    Attributes:
        horizon: candles in the window, at least 1.
        level: a fraction in (0, 1).

    Raises:
        UsageError: `horizon` or `level` is out of bounds.

    >>> ReversalTarget(21, 0.08).name
    'T21_X8'
    """

    horizon: int
    level: float

    def __post_init__(self) -> None:
        if self.horizon < 1 or not 0 < self.level < 1:
            raise UsageError(
                f"a reversal over {self.horizon} candles at level {self.level} cannot be meant.",
                remedy="Give at least 1 candle and a level between 0 and 1, as in T21_X8.",
            )

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Read a candidate's name; the level stands in per cent.

        Raises:
            UsageError: `name` has another form, or is not how the candidate is written.

        >>> ReversalTarget.from_name("T14_X7.5")
        ReversalTarget(horizon=14, level=0.075)
        """
        found = _NAME.fullmatch(name)
        target = cls(int(found[1]), float(found[2]) / 100) if found and float(found[2]) else None
        # `T21_X8.0` would be a second name of T21_X8, and names are keys in the store.
        if target is None or target.name != name:
            raise UsageError(
                f"{name!r} names no reversal candidate.",
                remedy="Write horizon and level in per cent, as in T21_X8 or T14_X7.5.",
            )
        return target

    @property
    def name(self) -> str:
        """The candidate's name, as `T21_X8`."""
        return f"T{self.horizon}_X{round(self.level * 100, 6):g}"

    @property
    def rule(self) -> str:
        """The label rule in words, for manifests and cards."""
        return (
            f"First touch of ±{self.level:.6g} of the as-of close by the closes of the next"
            f" {self.horizon} candles: -1 if it falls by that first, 1 if it rises first,"
            " 0 if neither."
        )

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        return (TOP, NEITHER, BOTTOM)

    @property
    def looks_at(self) -> tuple[int, ...]:
        """Candles ahead of the as-of whose closes the label depends on: all of the window."""
        return tuple(range(1, self.horizon + 1))

    @property
    def reads(self) -> tuple[str, ...]:
        """Price columns of the candles ahead that the label depends on."""
        return ("close",)

    def labels(self, candles: Candles) -> pd.DataFrame:
        """Return the labels whose whole window is there, without a gap.

        Index `open_time` (ascending, a subset of the candles'); columns `label` (int64), `as_of`
        and `resolves_at` (UTC; `resolves_at = as_of + horizon · interval`, touched early or not).

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> opens = open_index(np.arange(4) * 86_400_000)
        >>> closes = [100.0, 95.0, 109.0, 100.0]
        >>> frame = pd.DataFrame({name: closes for name in COLUMNS}, index=opens)
        >>> candles = Candles("BTCUSDT", "1d", frame)
        >>> ReversalTarget(2, 0.08).labels(candles)["label"].tolist()
        [1, 1]
        """
        known = np.flatnonzero(whole_windows(candles, ahead=self.horizon))
        label = self._first_touch(candles.frame["close"].to_numpy(dtype="float64"), known)
        return labelled(label, known, candles, horizon=self.horizon)

    def _first_touch(self, close: np.ndarray, known: np.ndarray) -> np.ndarray:
        label = np.full(len(known), NEITHER, dtype="int64")
        floor, ceiling = close[known] * (1 - self.level), close[known] * (1 + self.level)
        for ahead in range(1, self.horizon + 1):
            later, free = close[known + ahead], label == NEITHER
            label[free & (later <= floor)] = TOP
            label[free & (later >= ceiling)] = BOTTOM
        return label
