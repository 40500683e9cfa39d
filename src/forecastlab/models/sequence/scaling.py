"""Scaling: mean and sd of the training part and a clip, alike in training and serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from forecastlab.contracts.canonical import Json, number
from forecastlab.contracts.errors import DataMalformed

CLIP: Final = 5.0
"""Scaled values beyond ±CLIP say no more than that they are extreme."""

_FLAT: Final = 1e-6
"""A standard deviation below this share of the column's largest value is rounding, not variance."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """How feature columns become network inputs.

    Attributes:
        columns: every column that rows must have, in order.
        kept: those that vary in the training part; the others are dropped, by name.
        mean, sd: of the kept columns, float32.
        clip: bound of the scaled values, on both sides.
    """

    columns: tuple[str, ...]
    kept: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    clip: float = CLIP

    @classmethod
    def of(cls, matrix: np.ndarray, columns: tuple[str, ...]) -> Self:
        """Measure the rows of the training part, shape (rows, columns).

        Raises:
            DataMalformed: no column varies.

        >>> Scaling.of(np.array([[1.0, 7.0], [3.0, 7.0]]), ("a", "b")).dropped
        ('b',)
        """
        sd = matrix.std(axis=0)
        varies = sd > _FLAT * np.abs(matrix).max(axis=0)
        if not varies.any():
            raise DataMalformed(
                f"none of the columns {', '.join(columns)} varies in the training part.",
                remedy="Bring other features, or more history.",
            )
        kept = tuple(name for name, one in zip(columns, varies, strict=True) if one)
        mean = matrix.mean(axis=0)[varies].astype("float32")
        return cls(columns, kept, mean, sd[varies].astype("float32"))

    @property
    def dropped(self) -> tuple[str, ...]:
        """The columns without variance in the training part."""
        return tuple(name for name in self.columns if name not in self.kept)

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """Scale and clip rows, shape (rows, columns), to float32 (rows, kept).

        >>> scaling = Scaling.of(np.array([[1.0, 7.0], [3.0, 7.0]]), ("a", "b"))
        >>> scaling.apply(np.array([[2.0, 7.0], [3.0, 8.0], [99.0, 7.0]])).tolist()
        [[0.0], [1.0], [5.0]]
        """
        scaled = (matrix[:, self._places] - self.mean) / self.sd
        return np.asarray(np.clip(scaled, -self.clip, self.clip), dtype="float32")

    @cached_property
    def _places(self) -> np.ndarray:
        place = {name: at for at, name in enumerate(self.columns)}
        return np.array([place[name] for name in self.kept])

    def document(self) -> dict[str, Json]:
        """Return it as JSON; float32 values survive to the last bit."""
        return {
            "columns": list(self.columns),
            "dropped": list(self.dropped),
            "mean": [float(value) for value in self.mean],
            "sd": [float(value) for value in self.sd],
            "clip": self.clip,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild it from `document`.

        Raises:
            KeyError, TypeError, ValueError: something is missing, or the parts do not fit.
        """
        columns, dropped = tuple(document["columns"]), set(document["dropped"])
        kept = tuple(name for name in columns if name not in dropped)
        with np.errstate(over="ignore"):  # what is beyond 32 bits is refused below
            mean, sd = (
                np.array([number(value) for value in document[name]]).astype("float32")
                for name in ("mean", "sd")
            )
        clip = number(document["clip"])
        sound = len(kept) == len(mean) == len(sd) > 0 and dropped <= set(columns)
        if not sound or not (sd > 0).all() or not clip > 0 or not np.isfinite([mean, sd]).all():
            raise ValueError("the scaling does not fit its columns")
        return cls(columns, kept, mean, sd, clip)
