"""The ridge of the variance forecast and the close ratio."""

from __future__ import annotations

import numpy as np
import pytest

from forecastlab.models.forward_window import DailyPath
from forecastlab.models.variance_forecast import Scaling, close_ratio, fit_variance_forecast


def sample(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((rows, 3)) * [1.0, 5.0, 0.2] + [0.0, 3.0, -1.0]
    return x, x @ [0.5, -0.1, 1.0] + 0.3 + 0.4 * rng.standard_normal(rows)


def test_the_weights_minimise_the_penalised_squares() -> None:
    x, rise = sample()
    fit = fit_variance_forecast(x, rise, penalty=30.0, close_ratio=1.0)
    z = fit.scaling.standardised(x)

    def loss(intercept: float, weights: np.ndarray) -> float:
        return float(((rise - intercept - z @ weights) ** 2).sum() + 30.0 * (weights**2).sum())

    best = loss(fit.intercept, fit.weights)
    for change in np.vstack([np.eye(4), -np.eye(4)]) * 1e-4:
        assert loss(fit.intercept + change[0], fit.weights + change[1:]) > best


def test_the_penalty_leaves_the_intercept_free() -> None:
    x, rise = sample()
    fit = fit_variance_forecast(x, rise, penalty=1e12, close_ratio=1.0)
    assert fit.weights == pytest.approx(np.zeros(3), abs=1e-6)
    assert fit.intercept == pytest.approx(rise.mean())
    assert fit.residual_sd == pytest.approx(rise.std(), rel=1e-6)


def test_the_forecast_adds_level_close_ratio_and_horizon() -> None:
    x, rise = sample()
    level = np.linspace(-8, -6, len(x))
    fit = fit_variance_forecast(x, rise, penalty=0.0, close_ratio=0.9)
    expected = fit.log_variance(x, level, 14) - level - np.log(0.9 * 14)
    assert np.sqrt(np.mean((rise - expected) ** 2)) == pytest.approx(fit.residual_sd)


def test_a_column_without_spread_is_ignored() -> None:
    x, rise = sample()
    x[:, 1] = 7.0
    fit = fit_variance_forecast(x, rise, penalty=1.0, close_ratio=1.0)
    assert fit.weights[1] == 0.0
    assert Scaling.of(x).deviation[1] == 1.0


def test_the_close_ratio_does_not_follow_the_wild_symbol() -> None:
    """A hundred times the variance changes nothing: each symbol is in its own units."""
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((2, 3000)) * 0.02

    def path(number: int, scale: float) -> DailyPath:
        close = np.exp(np.cumsum(steps[number] * scale))
        return DailyPath(0, close, np.full(3000, 0.02**2 / 0.8 * scale**2))

    calm = close_ratio([path(0, 1.0), path(1, 1.0)])
    assert calm == pytest.approx(close_ratio([path(0, 1.0), path(1, 10.0)]))
    assert 0.75 < calm < 0.88


def test_without_history_the_close_ratio_is_its_prior() -> None:
    assert close_ratio([]) == 0.95
    nothing = DailyPath(0, np.array([1.0, 1.0]), np.array([np.nan, 0.0]))
    assert close_ratio([nothing]) == 0.95
