from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

from forecastlab.contracts.errors import BundleRefused
from forecastlab.evaluation.scores import log_loss
from forecastlab.models.calibration import (
    INTERCEPT_SD,
    SLOPE_SD,
    Calibration,
    fit_calibration,
)


def drawn(rows: int, slope: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return forecasts, and labels of the forecasts with their logs times `slope`."""
    random = np.random.default_rng(seed)
    forecasts = random.dirichlet([2, 2, 2], rows)
    truth = softmax(slope * np.log(forecasts), axis=1)
    happened = (truth.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    return forecasts, happened


@pytest.mark.parametrize("slope", [0.3, 1.0, 1.6])
def test_it_finds_over_and_underconfidence(slope: float) -> None:
    forecasts, happened = drawn(20_000, slope)
    found = fit_calibration(forecasts, happened, overlap=1)
    assert found.slope == pytest.approx(slope, abs=0.06)
    before, after = log_loss(forecasts, happened), log_loss(found.apply(forecasts), happened)
    assert after.mean() <= before.mean() + 1e-9


def test_it_finds_a_class_that_comes_too_often() -> None:
    forecasts, happened = drawn(5000, 1.0)
    rarer = softmax(np.log(forecasts) + np.array([0.0, 0.0, 0.5]), axis=1)
    found = fit_calibration(rarer, happened, overlap=1)
    assert found.intercepts[2] - found.intercepts[0] == pytest.approx(-0.5, abs=0.1)


def test_newton_finds_the_minimum_that_a_general_optimiser_finds() -> None:
    forecasts, happened = drawn(300, 0.4, seed=3)
    logs = np.log(forecasts)
    scale = np.array([INTERCEPT_SD] * 3 + [SLOPE_SD]) / np.sqrt(14)

    def cost(point: np.ndarray) -> float:
        table = softmax(point[:3] + point[3] * logs, axis=1)
        prior = ((point - [0, 0, 0, 1]) / scale) ** 2
        return float(log_loss(table, happened).sum() + prior.sum() / 2)

    expected = minimize(cost, np.array([0.0, 0.0, 0.0, 1.0]), tol=1e-12).x
    found = fit_calibration(forecasts, happened, overlap=14)
    np.testing.assert_allclose([*found.intercepts, found.slope], expected, atol=1e-5)


def test_without_rows_it_changes_nothing() -> None:
    found = fit_calibration(np.empty((0, 3)), np.empty(0, dtype=int), overlap=14)
    assert found == Calibration.identity(3)


def test_overlapping_labels_are_trusted_less() -> None:
    forecasts, happened = drawn(300, 0.2)
    single = fit_calibration(forecasts, happened, overlap=1)
    overlapping = fit_calibration(forecasts, happened, overlap=21)
    assert single.slope < overlapping.slope < 1


def test_certain_forecasts_that_fail_stay_finite() -> None:
    found = fit_calibration(np.tile([1.0, 0.0], (50, 1)), np.ones(50, dtype=int), overlap=1)
    assert np.isfinite(found.apply(np.array([[1.0, 0.0], [0.0, 1.0]]))).all()


def test_a_dumped_calibration_is_the_same() -> None:
    found = fit_calibration(*drawn(300, 0.4), overlap=14)
    assert Calibration.load(found.dump()) == found


@pytest.mark.parametrize(
    "files", [{}, {"calibration.json": b"{}"}, {"calibration.json": b'{"slope": 1}'}]
)
def test_broken_files_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleRefused):
        Calibration.load(files)
