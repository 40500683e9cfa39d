"""Conformal prediction sets: the classes that a forecast does not rule out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from forecastlab.contracts.canonical import canonical_bytes, number, parse_document, whole
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.evaluation.uncertainty import Interval, mean_interval

FILE: Final = "conformal.json"


@dataclass(frozen=True)
class PredictionSets:
    """The rule {class : 1 − P(class) ≤ threshold}; the likeliest class is always in.

    Attributes:
        level: nominal coverage, in (0, 1).
        threshold: in [0, 1]; 1 where too few scores are known, and then every class is in.
        scores: how many resolved forecasts stand behind the threshold.

    Source: Sadinle, Lei & Wasserman (2019), "Least ambiguous set-valued classifiers with bounded
    error levels".

    >>> PredictionSets(0.8, 0.6, 500).contains(np.array([[0.5, 0.1, 0.4]])).tolist()
    [[True, False, True]]
    """

    level: float
    threshold: float
    scores: int

    def contains(self, probabilities: np.ndarray) -> np.ndarray:
        """Return which classes are in each row's set, truth values of shape (rows, classes)."""
        likeliest = np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(axis=1)]
        return np.asarray((1 - probabilities <= self.threshold) | likeliest)

    def dump(self) -> dict[str, bytes]:
        """Return the state as JSON."""
        return {FILE: canonical_bytes(dataclasses.asdict(self))}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the state from what `dump` gave.

        Raises:
            BundleRefused: the file is missing or holds no such state.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            return cls(
                number(document["level"]), number(document["threshold"]), whole(document["scores"])
            )
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no prediction set ({error}).", remedy="Restore the bundle."
            ) from error


def likeliest_labels(shares: Mapping[int, float], level: float) -> tuple[int, ...]:
    """Return the fewest labels whose shares reach `level`, ascending: the set of a base rate.

    >>> likeliest_labels({-1: 0.3, 0: 0.6, 1: 0.1}, 0.8)
    (-1, 0)
    """
    inside: list[int] = []
    for label in sorted(shares, key=lambda one: (-shares[one], one)):
        if math.fsum(shares[one] for one in inside) >= level:
            break
        inside.append(label)
    return tuple(sorted(inside))


def fit_prediction_sets(
    probabilities: np.ndarray, happened: np.ndarray, *, level: float, last: int
) -> PredictionSets:
    """Take the threshold from the `last` newest resolved forecasts: the ⌈(n+1)·level⌉-th score.

    Args:
        probabilities: shape (rows, classes), oldest first.
        happened: the column that happened, shape (rows,).

    >>> four = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    >>> sets = fit_prediction_sets(four, np.zeros(4, dtype=int), level=0.5, last=500)
    >>> round(sets.threshold, 3)
    0.3
    """
    hit = np.take_along_axis(probabilities, happened[:, None], axis=1)[-last:, 0]
    scores = np.sort(1 - hit)
    # (n + 1) · level in floats may exceed a whole number by an ulp.
    rank = math.ceil(round((len(scores) + 1) * level, 9))
    threshold = float(scores[rank - 1]) if rank <= len(scores) else 1.0
    return PredictionSets(level, threshold, len(scores))


def realised_coverage(covered: np.ndarray, *, horizon: int) -> Interval:
    """Return the share of rows whose set held what happened, with its interval within [0, 1].

    Raises:
        DataUnavailable: there are too few rows for an interval.

    >>> realised_coverage(np.tile([True, True, True, False], 100), horizon=14).estimate
    0.75
    """
    interval = mean_interval(np.asarray(covered, dtype="float64"), horizon=horizon)
    return dataclasses.replace(interval, low=max(interval.low, 0.0), high=min(interval.high, 1.0))
