"""The last correction of the barrier probability: a logistic regression that starts from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecastlab.models.variance_forecast import Scaling

CLIP: Final = 4.0
"""Standardised features count no further than this, so that no day outside the training range can
carry the forecast away."""

_STEPS: Final = 50
_CONVERGED: Final = 1e-10


@dataclass(frozen=True, eq=False)
class EventLogit:
    """logit P(event) = intercept + slope · g + weights · z, with g the barrier's logit.

    Attributes:
        weights: shape (columns,), of the standardised, clipped features.
    """

    scaling: Scaling
    intercept: float
    slope: float
    weights: np.ndarray

    def probability(self, x: np.ndarray, barrier_logit: np.ndarray) -> np.ndarray:
        """Return P(event), shape (rows,), from features (rows, columns) and g (rows,)."""
        correction = self.intercept + clipped(self.scaling, x) @ self.weights
        return sigmoid(correction + self.slope * barrier_logit)


def clipped(scaling: Scaling, x: np.ndarray) -> np.ndarray:
    """Return the standardised features, held within ±`CLIP`.

    >>> clipped(Scaling(np.zeros(1), np.ones(1)), np.array([[9.0], [-1.0]])).ravel().tolist()
    [4.0, -1.0]
    """
    return np.asarray(np.clip(scaling.standardised(x), -CLIP, CLIP))


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 − p)), with p held within [1e-5, 1 − 1e-5].

    >>> logit(np.array([0.5, 0.0])).round(3).tolist()
    [0.0, -11.513]
    """
    held = np.clip(probability, 1e-5, 1 - 1e-5)
    return np.asarray(np.log(held) - np.log1p(-held))


def sigmoid(value: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(−value)), without overflow.

    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    small = np.exp(-np.abs(value))
    return np.asarray(np.where(value >= 0, 1.0, small) / (1.0 + small))


def fit_event_logit(
    x: np.ndarray,
    barrier_logit: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    *,
    penalty: float,
    feature_penalty: float,
) -> EventLogit:
    """Fit around "the barrier is right": intercept 0, slope 1, weights 0 (a normal prior there).

    Each row counts once per level, with that level's barrier logit, event and weight; its features
    are the same for all of them.

    Args:
        x: features, shape (rows, columns); standardised here, unweighted.
        barrier_logit: g, shape (rows, levels).
        event: 0 or 1, shape (rows, levels).
        weight: of each observation, shape (rows, levels).
        penalty: on intercept and slope − 1; halved squares, as `feature_penalty` on the weights.

    >>> g = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    >>> x, weight = np.zeros((4, 1)), np.ones((4, 1))
    >>> fit = fit_event_logit(x, g, g > 0, weight, penalty=1.0, feature_penalty=1.0)
    >>> round(fit.intercept, 6), fit.slope > 1
    (0.0, True)
    """
    scaling = Scaling.of(x)
    base = np.column_stack([np.ones(len(x)), clipped(scaling, x)])
    prior = np.r_[0.0, np.zeros(x.shape[1]), 1.0]
    strength = np.r_[penalty, np.full(x.shape[1], feature_penalty), penalty]

    def value(theta: np.ndarray) -> np.ndarray:
        return np.asarray((base @ theta[:-1])[:, None] + theta[-1] * barrier_logit)

    def loss(theta: np.ndarray) -> float:
        eta = value(theta)
        data = (weight * (np.logaddexp(0.0, eta) - event * eta)).sum()
        return float(data + (strength * (theta - prior) ** 2).sum() / 2)

    theta, best = prior, loss(prior)
    for _ in range(_STEPS):
        step = _newton_step(
            value(theta), base, barrier_logit, event, weight, strength, theta - prior
        )
        while (found := loss(theta - step)) > best and np.abs(step).max() > _CONVERGED:
            step = step / 2
        theta, best = theta - step, found
        if np.abs(step).max() <= _CONVERGED:
            break
    return EventLogit(scaling, float(theta[0]), float(theta[-1]), theta[1:-1])


def _newton_step(
    eta: np.ndarray,
    base: np.ndarray,
    barrier_logit: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    strength: np.ndarray,
    distance: np.ndarray,
) -> np.ndarray:
    """Return (XᵀWX + λ)⁻¹ · gradient without writing X out: only g differs between the levels."""
    chance = sigmoid(eta)
    miss, curvature = weight * (chance - event), weight * chance * (1 - chance)
    gradient = np.r_[base.T @ miss.sum(axis=1), (barrier_logit * miss).sum()] + strength * distance
    cross = base.T @ (curvature * barrier_logit).sum(axis=1)
    hessian = np.diag(strength)
    hessian[:-1, :-1] += (base * curvature.sum(axis=1)[:, None]).T @ base
    hessian[:-1, -1] += cross
    hessian[-1, :-1] += cross
    hessian[-1, -1] += (curvature * barrier_logit**2).sum()
    return np.asarray(np.linalg.solve(hessian, gradient))
