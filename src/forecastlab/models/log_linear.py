"""Combining members in logs, and fitting that: the core of calibration and of the stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecastlab.evaluation.scores import CLIP

_NEWTON_STEPS: Final = 50
_TOLERANCE: Final = 1e-10


@dataclass(frozen=True)
class LogLinear:
    """P′(class) ∝ exp(intercept_class + Σ_member weight · log P_member(class)).

    >>> even = LogLinear(intercepts=(0.0, 0.0), weights=(0.5, 0.5))
    >>> even.apply([np.array([[0.2, 0.8]]), np.array([[0.8, 0.2]])]).round(9).tolist()
    [[0.5, 0.5]]
    """

    intercepts: tuple[float, ...]
    weights: tuple[float, ...]

    def apply(self, members: Sequence[np.ndarray]) -> np.ndarray:
        """Return the combined probabilities, shape (rows, classes); rows sum to 1."""
        shares, _ = _combined(stacked_logs(members), self._point())
        return np.ascontiguousarray(shares.T)

    def _point(self) -> np.ndarray:
        return np.array([*self.intercepts, *self.weights])


def stacked_logs(members: Sequence[np.ndarray]) -> np.ndarray:
    """Return log max(P, CLIP), shape (members, classes, rows).

    Rows come last: over two or three classes numpy reduces the first axis ten times faster.
    """
    tables = np.stack([np.ascontiguousarray(table.T) for table in members])
    return np.asarray(np.log(np.maximum(tables, CLIP)))


def fit_log_linear(
    members: Sequence[np.ndarray],
    happened: np.ndarray,
    *,
    centre: LogLinear,
    intercept_sd: float,
    weight_sd: float,
    overlap: int,
) -> LogLinear:
    """Fit by penalised likelihood around `centre`; without rows, return the centre.

    The penalty is that of normal priors with these spreads, times `overlap`: `overlap` overlapping
    labels carry about the information of one.

    Args:
        members: tables of probabilities, each of shape (rows, classes).
        happened: the column that happened, shape (rows,).
        overlap: rows that a label overlaps.

    >>> sure = np.tile([[0.9, 0.1], [0.1, 0.9]], (200, 1))
    >>> half_right, as_is = np.tile([0, 1, 1, 0], 100), LogLinear((0.0, 0.0), (1.0,))
    >>> found = fit_log_linear(
    ...     [sure], half_right, centre=as_is, intercept_sd=0.2, weight_sd=0.3, overlap=1
    ... )
    >>> found.weights[0] < 0.5
    True
    """
    logs = stacked_logs(members)
    truth = (np.arange(logs.shape[1])[:, None] == happened).astype("float64")
    hit = (logs * truth).sum(axis=1)
    count = truth.sum(axis=1)
    start = np.array([*centre.intercepts, *centre.weights])
    spread = np.array([intercept_sd] * len(centre.intercepts) + [weight_sd] * len(centre.weights))
    precision = overlap / spread**2
    reward = np.concatenate([count, hit.sum(axis=1)])

    def cost(point: np.ndarray) -> tuple[float, np.ndarray]:
        shares, norm = _combined(logs, point)
        penalty = (precision * (point - start) ** 2).sum() / 2
        return float(norm.sum() - reward @ point + penalty), shares

    point, (reached, shares) = start, cost(start)
    for _ in range(_NEWTON_STEPS):
        gradient, hessian = _derivatives(logs, shares)
        gradient += precision * (point - start) - reward
        step = np.linalg.solve(hessian + np.diag(precision), gradient)
        # The cost is convex; halving keeps the first long steps from overshooting.
        while (tried := cost(point - step))[0] > reached + _TOLERANCE * max(1.0, abs(reached)):
            step = step / 2
        point, (reached, shares) = point - step, tried
        if np.abs(step).max() < _TOLERANCE:
            break
    classes = len(centre.intercepts)
    values = [float(value) for value in point]
    return LogLinear(tuple(values[:classes]), tuple(values[classes:]))


def _combined(logs: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities, shape (classes, rows), and the log of what normalised them."""
    members, classes, rows = logs.shape
    weighted = (point[classes:] @ logs.reshape(members, -1)).reshape(classes, rows)
    eta = point[:classes, None] + weighted
    top = eta.max(axis=0)
    shares = np.exp(eta - top)
    total = shares.sum(axis=0)
    return shares / total, top + np.log(total)


def _derivatives(logs: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian of Σ log-normaliser in (intercepts, weights)."""
    members, classes, rows = logs.shape
    mean = np.einsum("kr,mkr->mr", shares, logs)
    gradient = np.concatenate([shares.sum(axis=1), mean.sum(axis=1)])
    spread = (logs - mean[:, None, :]).reshape(members, -1)
    weighted = spread * shares.reshape(-1)
    cross = weighted.reshape(members, classes, rows).sum(axis=2)
    hessian = np.empty((classes + members, classes + members))
    hessian[:classes, :classes] = np.diag(gradient[:classes]) - shares @ shares.T
    hessian[classes:, :classes], hessian[:classes, classes:] = cross, cross.T
    hessian[classes:, classes:] = weighted @ spread.T
    return gradient, hessian
