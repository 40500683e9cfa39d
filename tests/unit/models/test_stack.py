from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

from forecastlab.contracts.errors import BundleRefused
from forecastlab.evaluation.scores import log_loss
from forecastlab.models.calibration import INTERCEPT_SD, fit_calibration
from forecastlab.models.pool import equal_weight_pool
from forecastlab.models.stack import TOTAL_SD, Stack, fit_stack

Drawn = tuple[dict[str, np.ndarray], np.ndarray]


def drawn(rows: int, weights: tuple[float, ...], classes: int = 3, seed: int = 0) -> Drawn:
    """Return members, and labels of the log-linear combination with these weights."""
    random = np.random.default_rng(seed)
    members = {f"m{k}": random.dirichlet([2.0] * classes, rows) for k in range(len(weights))}
    eta = sum(w * np.log(one) for w, one in zip(weights, members.values(), strict=True))
    truth = softmax(eta, axis=1)
    happened = (truth.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    return members, happened


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weights", [(0.9, 0.1, 0.0), (0.2, 0.2, 0.6), (0.6, -0.3, 0.5)])
def test_it_finds_the_weights(weights: tuple[float, ...], classes: int) -> None:
    found = fit_stack(*drawn(40_000, weights, classes), overlap=1)
    assert found.weights == pytest.approx(weights, abs=0.05)
    assert found.intercepts == pytest.approx((0.0,) * classes, abs=0.05)


def test_newton_finds_the_minimum_that_a_general_optimiser_finds() -> None:
    members, happened = drawn(300, (0.8, 0.1), seed=3)
    logs = np.log(np.stack(list(members.values())))
    centre = np.array([0, 0, 0, 0.5, 0.5])
    scale = np.array([INTERCEPT_SD] * 3 + [TOTAL_SD / np.sqrt(2)] * 2) / np.sqrt(14)

    def cost(point: np.ndarray) -> float:
        table = softmax(point[:3] + np.tensordot(point[3:], logs, axes=1), axis=1)
        return float(log_loss(table, happened).sum() + (((point - centre) / scale) ** 2).sum() / 2)

    expected = minimize(cost, centre, tol=1e-12).x
    found = fit_stack(members, happened, overlap=14)
    np.testing.assert_allclose([*found.intercepts, *found.weights], expected, atol=1e-5)


def test_without_rows_it_is_the_equal_weight_pool() -> None:
    members, _ = drawn(50, (1.0, 0.0, 0.0))
    nothing = {name: table[:0] for name, table in members.items()}
    found = fit_stack(nothing, np.empty(0, dtype=int), overlap=14)
    pool = equal_weight_pool(list(members.values()))
    np.testing.assert_allclose(found.combine(members), pool, atol=1e-12)


def test_the_fewer_independent_labels_the_nearer_the_pool() -> None:
    members, happened = drawn(400, (1.0, 0.0))
    distances = [
        abs(fit_stack(members, happened, overlap=overlap).weights[0] - 0.5)
        for overlap in (1, 5, 21, 100_000)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.2
    assert distances[-1] < 0.001


def test_two_equal_members_share_their_weight() -> None:
    members, happened = drawn(5000, (0.8,))
    twins = {"one": members["m0"], "two": members["m0"]}
    found = fit_stack(twins, happened, overlap=1)
    assert found.weights[0] == pytest.approx(found.weights[1])


def test_of_one_member_it_is_the_calibration() -> None:
    members, happened = drawn(600, (0.4,))
    stack = fit_stack(members, happened, overlap=5)
    calibration = fit_calibration(members["m0"], happened, overlap=5)
    assert stack.weights == pytest.approx((calibration.slope,))
    assert stack.intercepts == pytest.approx(calibration.intercepts)


def test_a_member_that_is_certain_and_fails_stays_finite() -> None:
    members = {"sure": np.tile([1.0, 0.0], (50, 1)), "even": np.full((50, 2), 0.5)}
    found = fit_stack(members, np.ones(50, dtype=int), overlap=1)
    table = found.combine(members)
    assert np.isfinite(table).all()
    np.testing.assert_allclose(table.sum(axis=1), 1)


def test_weights_belong_to_names_not_to_places() -> None:
    members, happened = drawn(500, (0.9, 0.1))
    found = fit_stack(members, happened, overlap=1)
    turned = dict(reversed(members.items()))
    np.testing.assert_array_equal(found.combine(turned), found.combine(members))


def test_a_dumped_stack_is_the_same_and_readable() -> None:
    found = fit_stack(*drawn(300, (0.9, 0.1)), overlap=5)
    files = found.dump()
    assert Stack.load(files) == found
    document = json.loads(files["stack.json"])
    assert document["weights"] == dict(zip(found.members, found.weights, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"members": ["a"], "weights": {}, "intercepts": [0, 0]}',
        '{"members": [], "weights": {}, "intercepts": [0, 0]}',
        '{"members": ["a"], "weights": {"a": 1e999}, "intercepts": [0, 0]}',
        '{"members": ["a"], "weights": {"a": "x"}, "intercepts": [0, 0]}',
    ],
)
def test_broken_files_are_refused(text: str) -> None:
    with pytest.raises(BundleRefused):
        Stack.load({"stack.json": text.encode()})
