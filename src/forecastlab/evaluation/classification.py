"""Scores of the most likely class: kappa, macro F1, balanced accuracy.

They ignore how sure a forecast was, so no verdict rests on them; reports show them because other
systems publish them. A class that the rows do not determine is left out of a mean (or counts as
`absent`, where a published table did so); if none is determined, the score is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecastlab.evaluation.scores import Forecasts


@dataclass(frozen=True)
class ConfusionScore:
    """A score of the confusion counts of the most likely class; see `scores.Score`."""

    name: str
    statistic: Callable[[np.ndarray], np.ndarray]
    greater_is_better: bool = True

    def draws(self, forecasts: Forecasts, counts: np.ndarray) -> np.ndarray:
        """Return the score per draw."""
        return self.statistic(confusion(forecasts, counts))


def confusion(forecasts: Forecasts, counts: np.ndarray) -> np.ndarray:
    """Count per draw how often each class happened while each was the most likely one.

    Args:
        counts: how often a draw holds a row, shape (draws, rows).

    Returns:
        Shape (draws, classes that happened, classes called). Of equally likely classes the first
        is called.

    >>> forecasts = Forecasts(np.array([[0.7, 0.3], [0.6, 0.4]]), np.array([0, 1]), (0, 1))
    >>> confusion(forecasts, np.ones((1, 2)))[0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    classes = len(forecasts.classes)
    called = forecasts.probabilities.argmax(axis=1)
    cells = np.eye(classes * classes, dtype="float32")[forecasts.positions() * classes + called]
    return np.asarray((counts @ cells).reshape(len(counts), classes, classes), dtype="float64")


def kappa(counted: np.ndarray) -> np.ndarray:
    """Return Cohen's kappa per draw; NaN where one class alone happened and was called.

    Source: Cohen (1960), "A coefficient of agreement for nominal scales".

    >>> kappa(np.array([[[20.0, 5.0], [10.0, 15.0]]])).round(2).tolist()
    [0.4]
    """
    total = counted.sum(axis=(1, 2))
    agreed = np.einsum("dkk->d", counted) / total
    by_chance = (counted.sum(axis=2) * counted.sum(axis=1)).sum(axis=1) / total**2
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(by_chance < 1, (agreed - by_chance) / (1 - by_chance), np.nan))


def balanced_accuracy(counted: np.ndarray, *, absent: float = math.nan) -> np.ndarray:
    """Return the mean recall per draw over the classes that happened.

    Args:
        absent: the recall of a class that did not happen; NaN leaves it out.

    >>> never_third = np.array([[[8.0, 2.0, 0.0], [5.0, 5.0, 0.0], [0.0, 0.0, 0.0]]])
    >>> balanced_accuracy(never_third).tolist(), balanced_accuracy(never_third, absent=0).round(3)
    ([0.65], array([0.433]))
    """
    return _mean_share(np.einsum("dkk->dk", counted), counted.sum(axis=2), absent)


def macro_f1(counted: np.ndarray, *, absent: float = math.nan) -> np.ndarray:
    """Return the mean F1 per draw over the classes that happened or were called.

    Args:
        absent: the F1 of a class that neither happened nor was called; NaN leaves it out.

    >>> macro_f1(np.array([[[20.0, 5.0], [10.0, 15.0]]])).round(3).tolist()
    [0.697]
    """
    hits = np.einsum("dkk->dk", counted)
    return _mean_share(2 * hits, counted.sum(axis=1) + counted.sum(axis=2), absent)


def _mean_share(part: np.ndarray, whole: np.ndarray, absent: float) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(whole > 0, part / whole, absent)
        known = np.isfinite(shares)
        return np.asarray(np.where(known, shares, 0.0).sum(axis=1) / known.sum(axis=1))


KAPPA: Final = ConfusionScore("kappa", kappa)
MACRO_F1: Final = ConfusionScore("macro_f1", macro_f1)
BALANCED_ACCURACY: Final = ConfusionScore("balanced_accuracy", balanced_accuracy)

LABEL_SCORES: Final = (KAPPA, MACRO_F1, BALANCED_ACCURACY)
"""The scores of the most likely class."""
