"""Multinomial calibration: one intercept per class and one temperature, shrunk to no change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from forecastlab.contracts.canonical import Json, canonical_bytes, parse_document
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.evaluation.scores import CLIP, log_loss
from forecastlab.models.softmax import softmax

FILE: Final = "calibration.json"

INTERCEPT_SD: Final = 0.2
"""Prior spread of an intercept: class shares are believed to be right within a factor of 1.2."""

SLOPE_SD: Final = 0.3
"""Prior spread of the slope about 1: a member is believed to be over- or underconfident by 30 %."""

_NEWTON_STEPS: Final = 50
_TOLERANCE: Final = 1e-10


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

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the calibrated probabilities, shape (rows, classes); rows sum to 1."""
        return _calibrated(_logs(probabilities), np.array([*self.intercepts, self.slope]))

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
                tuple(float(value) for value in document["intercepts"]), float(document["slope"])
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
    classes = probabilities.shape[1]
    logs = _logs(probabilities)
    centre = np.array([*(0.0,) * classes, 1.0])
    precision = overlap / np.array([*(INTERCEPT_SD,) * classes, SLOPE_SD]) ** 2

    def cost(point: np.ndarray) -> float:
        loss = log_loss(_calibrated(logs, point), happened).sum()
        return float(loss + (precision * (point - centre) ** 2).sum() / 2)

    point, reached = centre, cost(centre)
    for _ in range(_NEWTON_STEPS):
        gradient, hessian = _derivatives(logs, happened, point)
        gradient += precision * (point - centre)
        step = np.linalg.solve(hessian + np.diag(precision), gradient)
        # The cost is convex; halving keeps the first long steps from overshooting.
        while cost(point - step) > reached + _TOLERANCE:
            step = step / 2
        point, reached = point - step, cost(point - step)
        if np.abs(step).max() < _TOLERANCE:
            break
    return Calibration(tuple(float(value) for value in point[:-1]), float(point[-1]))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(probabilities, CLIP)))


def _calibrated(logs: np.ndarray, point: np.ndarray) -> np.ndarray:
    return softmax(point[:-1] + point[-1] * logs)


def _derivatives(
    logs: np.ndarray, happened: np.ndarray, point: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian of the summed log loss in (intercepts, slope)."""
    forecast = _calibrated(logs, point)
    miss = forecast - np.eye(logs.shape[1])[happened]
    gradient = np.append(miss.sum(axis=0), (miss * logs).sum())
    spread = logs - (forecast * logs).sum(axis=1, keepdims=True)
    cross = (forecast * spread).sum(axis=0)
    hessian = np.empty((len(point), len(point)))
    hessian[:-1, :-1] = np.diag(forecast.sum(axis=0)) - forecast.T @ forecast
    hessian[:-1, -1] = hessian[-1, :-1] = cross
    hessian[-1, -1] = (forecast * spread**2).sum()
    return gradient, hessian
