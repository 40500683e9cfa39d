"""The event logit: Newton's answer is the minimum, and the prior holds where data are scarce."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from forecastlab.models.event_logit import CLIP, EventLogit, fit_event_logit, logit, sigmoid

ROWS, LEVELS = 300, 3


def sample(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((ROWS, 2)) * [1.0, 3.0] + [0.0, 5.0]
    g = rng.standard_normal((ROWS, 1)) + [-1.0, 0.0, 1.0]
    chance = sigmoid(0.4 + 1.3 * g + 0.5 * x[:, :1])
    return {
        "x": x,
        "barrier_logit": g,
        "event": rng.random((ROWS, LEVELS)) < chance,
        "weight": rng.uniform(0.2, 1.0, (ROWS, LEVELS)),
    }


def test_newton_finds_the_minimum_of_the_penalised_loss() -> None:
    data = sample()
    fit = fit_event_logit(**data, penalty=2.0, feature_penalty=5.0)
    z = np.clip(fit.scaling.standardised(data["x"]), -CLIP, CLIP)

    def loss(theta: np.ndarray) -> float:
        eta = theta[0] + (z @ theta[2:])[:, None] + theta[1] * data["barrier_logit"]
        each = data["weight"] * (np.logaddexp(0, eta) - data["event"] * eta)
        prior = 2.0 * (theta[0] ** 2 + (theta[1] - 1) ** 2) + 5.0 * (theta[2:] ** 2).sum()
        return float(each.sum() + prior / 2)

    found = np.r_[fit.intercept, fit.slope, fit.weights]
    expected = minimize(loss, np.array([0.0, 1.0, 0.0, 0.0]), tol=1e-12).x
    assert found == pytest.approx(expected, abs=1e-5)
    assert abs(found - [0.0, 1.0, 0.0, 0.0]).min() > 0.01


def test_a_strong_penalty_keeps_the_barrier_as_it_is() -> None:
    data = sample()
    fit = fit_event_logit(**data, penalty=1e12, feature_penalty=1e12)
    chance = fit.probability(data["x"], data["barrier_logit"][:, 0])
    assert chance == pytest.approx(sigmoid(data["barrier_logit"][:, 0]), abs=1e-6)


def test_separable_events_do_not_run_away() -> None:
    data = sample()
    data["event"] = data["barrier_logit"] > 0
    fit = fit_event_logit(**data, penalty=0.1, feature_penalty=10.0)
    assert np.isfinite([fit.intercept, fit.slope, *fit.weights]).all()
    assert fit.slope > 3


def test_a_weight_of_two_is_a_row_twice() -> None:
    data = sample()
    twice = {name: np.vstack([value, value]) for name, value in data.items()}
    doubled = {**data, "weight": 2 * data["weight"]}
    one, other = (
        fit_event_logit(**one, penalty=1.0, feature_penalty=1.0) for one in (twice, doubled)
    )
    assert one.weights == pytest.approx(other.weights, abs=1e-9)
    assert one.slope == pytest.approx(other.slope, abs=1e-9)


def test_features_far_outside_count_no_further_than_the_clip() -> None:
    fit = fit_event_logit(**sample(), penalty=1.0, feature_penalty=1.0)
    far = fit.scaling.mean + fit.scaling.deviation * [[CLIP, CLIP], [100 * CLIP, 100 * CLIP]]
    chance = fit.probability(far, np.zeros(2))
    assert chance[0] == pytest.approx(chance[1])
    assert isinstance(fit, EventLogit)


def test_logit_and_sigmoid_are_inverse_within_the_clip() -> None:
    inner = np.linspace(1e-5, 1 - 1e-5, 101)
    assert sigmoid(logit(inner)) == pytest.approx(inner, rel=1e-9)
    assert sigmoid(logit(np.array([0.0, 1.0]))) == pytest.approx([1e-5, 1 - 1e-5])
