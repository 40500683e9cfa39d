"""Pooling members that agree changes nothing, and their order is irrelevant."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.models.calibration import Calibration
from forecastlab.models.pool import equal_weight_pool

tables = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).dirichlet([0.5, 1, 2], 20)
)


@given(table=tables, copies=st.integers(1, 5))
def test_the_pool_of_identical_members_is_that_member(table: np.ndarray, copies: int) -> None:
    np.testing.assert_allclose(equal_weight_pool([table] * copies), table, atol=1e-8)


@given(one=tables, two=tables)
def test_the_pool_gives_probabilities_whatever_the_order(one: np.ndarray, two: np.ndarray) -> None:
    found = equal_weight_pool([one, two])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found, equal_weight_pool([two, one]))


@given(
    table=tables,
    intercepts=st.tuples(*[st.floats(-3, 3)] * 3),
    slope=st.floats(-1, 4),
)
def test_calibration_gives_probabilities(
    table: np.ndarray, intercepts: tuple[float, float, float], slope: float
) -> None:
    found = Calibration(intercepts, slope).apply(table)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert ((found >= 0) & (found <= 1)).all()
