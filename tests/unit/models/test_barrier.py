"""The barrier formula against simulated paths, another series, and its own bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from forecastlab.models.barrier import (
    event_probability,
    expected_event_probability,
    interpolated_event_probability,
    up_probability,
)

LEVELS = (0.04, 0.08, 0.16)
variances = st.floats(1e-5, 1.0)
levels = st.floats(0.01, 0.5)
horizons = st.integers(1, 90)


def simulated(horizon: int, variance: float, x: float, paths: int = 100_000) -> float:
    """Return the share of driftless paths with a daily close outside the band."""
    rng = np.random.default_rng([horizon, int(variance * 1e6)])
    steps = rng.standard_normal((paths, horizon)) * np.sqrt(variance / horizon)
    path = steps.cumsum(axis=1)
    event = (path >= np.log1p(x)) | (path <= np.log1p(-x))
    return float(event.any(axis=1).mean())


@pytest.mark.parametrize("horizon", [5, 14, 21])
@pytest.mark.parametrize(
    ("variance", "x"), [(0.003, 0.04), (0.01, 0.08), (0.03, 0.08), (0.03, 0.16)]
)
def test_it_is_the_share_of_simulated_paths_that_leave(
    horizon: int, variance: float, x: float
) -> None:
    """Four binomial standard errors, and the 0.12 / T that the continuity correction leaves."""
    share = simulated(horizon, variance, x)
    error = np.sqrt(share * (1 - share) / 100_000)
    chance = float(event_probability(np.array(variance), horizon, x))
    assert abs(chance - share) < 4 * error + 0.12 / horizon


def test_watching_once_a_day_misses_touches() -> None:
    """Without the shift of the barriers the chance would be out by far more than is tolerated."""
    share = simulated(14, 0.01, 0.08)
    continuous = float(event_probability(np.array(0.01), 10**9, 0.08))
    assert continuous - share > 0.1
    assert abs(float(event_probability(np.array(0.01), 14, 0.08)) - share) < 0.01


@given(variances, levels)
def test_it_equals_the_sum_over_images(variance: float, x: float) -> None:
    """Watched without pause, the same chance from mirrored paths instead of sines.

    Quiet markets are capped, not computed: hence the tolerance of 1e-6.
    """
    below, above, sd = -np.log1p(-x), np.log1p(x), np.sqrt(variance)
    k = np.arange(-2000, 2001)
    period = 2 * k * (below + above)
    inside = norm.cdf((above + period) / sd) - norm.cdf((-below + period) / sd)
    mirrored = norm.cdf((above + 2 * below + period) / sd) - norm.cdf((below + period) / sd)
    expected = 1 - (inside - mirrored).sum()
    found = float(event_probability(np.array(variance), 10**12, x))
    assert found == pytest.approx(expected, abs=1e-6)


@given(variances, st.floats(1.01, 5.0), horizons, levels)
def test_more_variance_makes_the_event_likelier(
    variance: float, times: float, horizon: int, x: float
) -> None:
    low, high = event_probability(np.array([variance, variance * times]), horizon, x)
    assert 0 <= low <= high + 1e-14 <= 1 + 1e-14


@given(variances, horizons, levels, st.floats(1.01, 1.9))
def test_a_wider_band_is_left_less_often(
    variance: float, horizon: int, x: float, times: float
) -> None:
    near, far = (event_probability(np.array(variance), horizon, one) for one in (x, x * times))
    assert far <= near + 1e-6


def test_the_limits_are_reached_without_noise() -> None:
    tiny = event_probability(np.array([1e-300, 1e-12, 0.08**2 / 60.1]), 14, 0.08)
    assert ((tiny >= 0) & (tiny <= 1e-6)).all()
    assert float(event_probability(np.array(50.0), 14, 0.08)) > 0.9999
    assert event_probability(np.empty((0, 3)), 14, 0.08).shape == (0, 3)


@pytest.mark.parametrize("x", LEVELS)
@pytest.mark.parametrize("spread", [0.0, 0.3, 0.6])
def test_the_average_over_the_variance_is_its_integral(x: float, spread: float) -> None:
    centre = np.array([-7.0, -5.0, -3.5])
    z = np.linspace(-8, 8, 4001)
    chance = event_probability(np.exp(centre[:, None] + spread * z), 14, x)
    expected = (chance * norm.pdf(z)).sum(axis=1) * (z[1] - z[0])
    found = expected_event_probability(centre, spread, 14, x)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@given(st.floats(0.0, 1.0), horizons, st.sampled_from(LEVELS), st.integers(0, 99))
def test_the_polynomial_is_the_average(spread: float, horizon: int, x: float, seed: int) -> None:
    rows = np.random.default_rng(seed).uniform(-10, -3, size=20) + np.log(horizon)
    exact = expected_event_probability(rows, spread, horizon, x)
    found = interpolated_event_probability(rows, spread, horizon, x)
    np.testing.assert_allclose(found, exact, atol=1e-10)


def test_rows_that_are_all_alike_are_interpolated_too() -> None:
    found = interpolated_event_probability(np.full(3, -5.0), 0.5, 14, 0.08)
    exact = expected_event_probability(np.full(3, -5.0), 0.5, 14, 0.08)
    np.testing.assert_allclose(found, exact, atol=1e-12)


@given(levels)
def test_the_upper_side_is_a_little_likelier(x: float) -> None:
    assert 0.5 < up_probability(x) < 1


def test_the_sides_are_those_of_simulated_paths() -> None:
    rng = np.random.default_rng(8)
    path = (rng.standard_normal((20_000, 600)) * 0.01).cumsum(axis=1)
    rise, fall = path >= np.log1p(0.08), path <= np.log1p(-0.08)
    left = (rise | fall).any(axis=1)
    first = (rise | fall)[left].argmax(axis=1)
    ups = rise[left][np.arange(left.sum()), first].mean()
    assert up_probability(0.08) == pytest.approx(ups, abs=4 * 0.5 / np.sqrt(left.sum()))
