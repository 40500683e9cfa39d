"""Drift: whether recent forecasts are spread as those that a bundle was judged by.

Only what is published is compared. A network that is fitted anew answers on another level: of the
shipped bundle's members up to 10 of 30 series leave the range of all earlier folds though nothing
is wrong, and of the published ones none does (28 stretches of fifty days after 2023-09).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

BINS: Final = 10

_PRIOR: Final = 0.5
"""Added to every count, so that an empty bin has a logarithm."""


@dataclass(frozen=True)
class Drift:
    """How far recent values lie from the evidence.

    Attributes:
        psi: population stability index of the recent values against all of the evidence.
        worst: the greatest index of any stretch of the evidence that is as long. Forecasts change
            slowly, so that every stretch differs from the whole: of the shipped bundle's, all
            stretches of fifty days exceed the customary 0.2, and the farthest reaches 3.8.
    """

    psi: float
    worst: float

    def exceeds(self, limit: float) -> bool:
        """Say whether the recent values lie beyond the limit and beyond every stretch."""
        return self.psi > max(limit, self.worst)


def drift(evidence: np.ndarray, recent: np.ndarray) -> Drift:
    """Compare recent values with the evidence, in the evidence's deciles and outside of its range.

    Args:
        evidence: shape (rows,), in the order of time, finite.
        recent: shape (fewer rows,), finite.

    Source: Yurdakul (2018), "Statistical Properties of Population Stability Index".

    >>> evidence = np.arange(1000) % 100 / 100
    >>> [drift(evidence, np.full(50, value)).exceeds(0.2) for value in (0.5, 1.2)]
    [True, True]
    >>> drift(evidence, evidence[100:150]).exceeds(0.2)
    False
    """
    deciles = np.quantile(evidence, np.arange(1, BINS) / BINS)
    below = np.nextafter(evidence.min(), -np.inf)
    edges = np.unique([below, *deciles, evidence.max()])
    inside = np.eye(len(edges) + 1)[np.searchsorted(edges, evidence, side="left")]
    expected = _shares(inside.sum(axis=0))
    length = len(recent)
    counts = np.bincount(
        np.searchsorted(edges, recent, side="left"), minlength=len(edges) + 1
    ).astype(float)
    running = np.vstack([np.zeros(len(edges) + 1), inside.cumsum(axis=0)])
    stretches = running[length:] - running[:-length]
    return Drift(
        psi=float(_index(_shares(counts), expected)),
        worst=float(_index(_shares(stretches), expected).max(initial=0.0)),
    )


def _shares(counts: np.ndarray) -> np.ndarray:
    padded = counts + _PRIOR
    return np.asarray(padded / padded.sum(axis=-1, keepdims=True))


def _index(actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.asarray(((actual - expected) * np.log(actual / expected)).sum(axis=-1))
