"""Multinomial calibration: one intercept per class and one temperature, shrunk to no change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from forecastlab.contracts.canonical import Json, canonical_bytes, number, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.log_linear import LogLinear, fit_log_linear

FILE: Final = "calibration.json"

INTERCEPT_SD: Final = 0.2
"""Prior spread of an intercept: class shares are believed to be right within a factor of 1.2."""

SLOPE_SD: Final = 0.3
"""Prior spread of the slope about 1: a member is believed to be over- or underconfident by 30 %."""


@dataclass(frozen=True)
class Calibration:
    """P′(class) ∝ exp(intercept_class + slope · log P(class)).

    >>> Calibration.identity(2).apply(np.array([[0.25, 0.75]])).round(9).tolist()
    [[0.25, 0.75]]
    """

    intercepts: tuple[float, ...]
    slope: float

    @classmethod
    def identity(cls, classes: int) -> Self:
        """Return the calibration that changes nothing."""
        return cls((0.0,) * classes, 1.0)

    @property
    def log_linear(self) -> LogLinear:
        """The same as a combination of one member."""
        return LogLinear(self.intercepts, (self.slope,))

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the calibrated probabilities, shape (rows, classes); rows sum to 1."""
        return self.log_linear.apply([probabilities])

    def dump(self) -> dict[str, bytes]:
        """Return the parameters as JSON."""
        intercepts: list[Json] = list(self.intercepts)
        return {FILE: canonical_bytes({"intercepts": intercepts, "slope": self.slope})}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the calibration from what `dump` gave.

        Raises:
            BundleRefused: the file is missing or holds no calibration.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            return cls(
                tuple(number(value) for value in document["intercepts"]), number(document["slope"])
            )
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no calibration ({error}).", remedy="Restore the bundle."
            ) from error


def fit_calibration(
    probabilities: np.ndarray, happened: np.ndarray, *, overlap: int
) -> Calibration:
    """Fit intercepts and slope by penalised likelihood; without rows, return the identity.

    The penalty is that of normal priors N(0, INTERCEPT_SD²) and N(1, SLOPE_SD²), times `overlap`:
    `overlap` overlapping labels carry about the information of one.

    Args:
        probabilities: shape (rows, classes).
        happened: the column that happened, shape (rows,).
        overlap: rows that a label overlaps.

    >>> sure = np.tile([[0.9, 0.1], [0.1, 0.9]], (200, 1))
    >>> half_right = np.tile([0, 1, 1, 0], 100)
    >>> fit_calibration(sure, half_right, overlap=1).slope < 0.5
    True
    """
    found = fit_log_linear(
        [probabilities],
        happened,
        centre=Calibration.identity(probabilities.shape[1]).log_linear,
        intercept_sd=INTERCEPT_SD,
        weight_sd=SLOPE_SD,
        overlap=overlap,
    )
    return Calibration(found.intercepts, found.weights[0])
