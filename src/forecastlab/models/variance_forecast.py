"""The forecast of realised variance: a ridge regression on scale-free features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from forecastlab.models.forward_window import DailyPath

CLOSE_RATIO_PRIOR: Final = (380.0, 400.0)
"""What the close ratio is drawn towards: 0.95, with the weight of 400 days."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and standard deviation (ddof 0) of the columns that a fit saw, shape (columns,)."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Self:
        """Measure the columns; one without spread gets the deviation 1, so it becomes 0.

        >>> Scaling.of(np.array([[1.0, 5.0], [3.0, 5.0]])).standardised(np.array([[3.0, 5.0]]))
        array([[1., 0.]])
        """
        deviation = x.std(axis=0)
        return cls(x.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def standardised(self, x: np.ndarray) -> np.ndarray:
        """Return the columns less the mean, over the deviation."""
        return np.asarray((x - self.mean) / self.deviation)


@dataclass(frozen=True, eq=False)
class VarianceForecast:
    """log(mean realised variance of the next T days / today's level) = intercept + weights · z.

    Attributes:
        weights: shape (columns,), of the standardised features.
        residual_sd: root mean square of the residuals in sample, log units.
        close_ratio: variance of daily closes over realised variance: intraday returns reverse a
            little, so closes move less than their hours (about 0.935 on five symbols).
    """

    scaling: Scaling
    intercept: float
    weights: np.ndarray
    residual_sd: float
    close_ratio: float

    def log_variance(self, x: np.ndarray, level: np.ndarray, horizon: int) -> np.ndarray:
        """Return the expected log of the closes' variance over `horizon` days, shape (rows,).

        Args:
            x: features, shape (rows, columns).
            level: log realised variance per day that the features are relative to, shape (rows,).
        """
        rise = self.intercept + self.scaling.standardised(x) @ self.weights
        return np.asarray(level + rise + np.log(self.close_ratio * horizon))


def fit_variance_forecast(
    x: np.ndarray, rise: np.ndarray, *, penalty: float, close_ratio: float
) -> VarianceForecast:
    """Fit the ridge: minimise |rise − intercept − z·weights|² + penalty · |weights|².

    Args:
        x: features, shape (rows, columns); standardised here.
        rise: log(mean realised variance ahead) less the level, shape (rows,).

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> fit = fit_variance_forecast(x, 2 * x[:, 0] + 1, penalty=0.0, close_ratio=1.0)
    >>> fit.log_variance(np.array([[4.0]]), np.array([-6.0]), 1).round(6).tolist()
    [3.0]
    """
    scaling = Scaling.of(x)
    z = scaling.standardised(x)
    # z has mean 0, so the intercept is free of the weights.
    intercept = float(rise.mean())
    weights = np.linalg.solve(z.T @ z + penalty * np.eye(z.shape[1]), z.T @ (rise - intercept))
    residual = rise - intercept - z @ weights
    spread = float(np.sqrt(np.mean(residual**2)))
    return VarianceForecast(scaling, intercept, weights, spread, close_ratio)


def close_ratio(paths: Iterable[DailyPath]) -> float:
    """Return the variance of daily closes over realised variance, pooled over symbols.

    Each symbol counts in units of its own mean variance, so that a wild one does not decide.

    >>> path = DailyPath(0, np.exp([0.0, 0.1, 0.0]), np.array([0.02, 0.02, 0.02]))
    >>> round(close_ratio([path]), 3)
    0.948
    """
    total, days = CLOSE_RATIO_PRIOR
    for path in paths:
        square, rv = path.squared_close_returns()
        if rv.sum() > 0:
            total += square.sum() / rv.mean()
            days += len(rv)
    return float(total / days)
