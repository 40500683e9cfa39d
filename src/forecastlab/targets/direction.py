"""The direction target: whether the close stands higher after a number of candles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import UsageError
from forecastlab.targets.base import labelled, whole_windows

NOT_UP: Final = 0
"""The return is `min_return` or less."""
UP: Final = 1
"""The return is above `min_return`."""

_NAME: Final = re.compile(r"H([1-9]\d{0,3})(?:_R(\d{1,4}(?:\.\d{1,2})?)bp)?")

_BASIS_POINTS: Final = 10_000


@dataclass(frozen=True)
class DirectionTarget:
    """Whether the return over the next `horizon` candles is above `min_return`.

    `1` if c_{t+horizon} > c_t · (1 + min_return), else `0`. The label at t depends on the closes at
    t and at t+`horizon` and on no other; a window that crosses a gap has no label all the same.

    With `min_return` above 0 the label is one-sided and mostly one of volatility: on BTCUSDT 1h the
    trailing volatility alone ranks "above 0.3 % in 5 h" with an AUC of .580, and the plain sign
    with .512.

    Attributes:
        horizon: candles to the close that decides, at least 1.
        min_return: a fraction in [0, 1).

    Raises:
        UsageError: `horizon` or `min_return` is out of bounds.

    >>> DirectionTarget(5).name, DirectionTarget(5, 0.003).name
    ('H5', 'H5_R30bp')
    """

    horizon: int
    min_return: float = 0.0

    def __post_init__(self) -> None:
        if self.horizon < 1 or not 0 <= self.min_return < 1:
            raise UsageError(
                f"a direction over {self.horizon} candles above {self.min_return} cannot be meant.",
                remedy="Give at least 1 candle and a return of 0 or more, as in H5 or H5_R30bp.",
            )

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Read a candidate's name; the return stands in basis points, and 0 is not written.

        Raises:
            UsageError: `name` has another form, or is not how the candidate is written.

        >>> DirectionTarget.from_name("H12_R30bp")
        DirectionTarget(horizon=12, min_return=0.003)
        """
        found = _NAME.fullmatch(name)
        points = float(found[2] or 0) if found else _BASIS_POINTS
        fits = found is not None and points < _BASIS_POINTS
        target = cls(int(found[1]), points / _BASIS_POINTS) if found and fits else None
        # `H5_R0bp` would be a second name of H5, and names are keys in the store.
        if target is None or target.name != name:
            raise UsageError(
                f"{name!r} names no direction candidate.",
                remedy="Write the candles ahead, and a return in basis points, as in H5 or"
                " H5_R30bp.",
            )
        return target

    @property
    def name(self) -> str:
        """The candidate's name, as `H5` or `H5_R30bp`."""
        above = f"_R{round(self.min_return * _BASIS_POINTS, 6):g}bp" if self.min_return else ""
        return f"H{self.horizon}{above}"

    @property
    def rule(self) -> str:
        """The label rule in words, for manifests and cards."""
        return (
            f"1 if the close after {self.horizon} candles is more than {self.min_return:.6g}"
            " (a fraction) above the as-of close, else 0."
        )

    @property
    def classes(self) -> tuple[int, ...]:
        """The label's values, ascending."""
        return (NOT_UP, UP)

    @property
    def level(self) -> None:
        """No level is touched."""
        return

    @property
    def looks_at(self) -> tuple[int, ...]:
        """Candles ahead of the as-of whose closes the label depends on: the last one alone."""
        return (self.horizon,)

    @property
    def reads(self) -> tuple[str, ...]:
        """Price columns of the candles ahead that the label depends on."""
        return ("close",)

    def labels(self, candles: Candles) -> pd.DataFrame:
        """Return the labels whose whole window is there, without a gap.

        Index `open_time` (ascending, a subset of the candles'); columns `label` (int64), `as_of`
        and `resolves_at` (UTC; `resolves_at = as_of + horizon · interval`).

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> opens = open_index(np.arange(5) * 3_600_000)
        >>> closes = [100.0, 100.0, 100.3, 100.0, 101.0]
        >>> frame = pd.DataFrame({name: closes for name in COLUMNS}, index=opens)
        >>> DirectionTarget(2).labels(Candles("BTCUSDT", "1h", frame))["label"].tolist()
        [1, 0, 1]
        """
        known = np.flatnonzero(whole_windows(candles, ahead=self.horizon))
        close = candles.frame["close"].to_numpy(dtype="float64")
        above = close[known + self.horizon] > close[known] * (1 + self.min_return)
        return labelled(
            np.where(above, UP, NOT_UP).astype("int64"), known, candles, horizon=self.horizon
        )
