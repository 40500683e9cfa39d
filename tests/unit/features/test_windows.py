"""Statistics of trailing windows equal those of each window by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecastlab.features.windows import (
    Series,
    change,
    ewma,
    lagged,
    ratio,
    window_correlation,
    window_max,
    window_mean,
    window_min,
    window_moments,
    window_rank,
    window_sum,
    window_z_score,
)

VALUES = arrays.arrays(
    "float64", st.integers(0, 70), elements=st.one_of(st.floats(-100, 100), st.just(np.nan))
)
WINDOWS = st.integers(2, 40)

NAIVE: dict[str, tuple[Callable[[Series, int], Series], Callable[[np.ndarray], float]]] = {
    "sum": (window_sum, np.sum),
    "mean": (window_mean, np.mean),
    "max": (window_max, np.max),
    "min": (window_min, np.min),
    "rank": (window_rank, lambda x: pd.Series(x).rank(pct=True).iloc[-1]),
    "moments: mean": (lambda x, n: window_moments(x, n)[0], np.mean),
    "decayed": (
        lambda x, n: window_sum(x, n, decay=0.7),
        lambda x: float(np.sum(0.7 ** np.arange(len(x))[::-1] * x)),
    ),
    "ewma": (
        lambda x, n: ewma(x, 5.0, n),
        lambda x: float(pd.Series(x).ewm(span=5.0).mean().iloc[-1]),
    ),
}


@pytest.mark.parametrize("name", NAIVE)
@given(values=VALUES, window=WINDOWS)
@settings(max_examples=40)
def test_a_value_is_that_of_its_window(name: str, values: np.ndarray, window: int) -> None:
    fast, naive = NAIVE[name]
    found = fast(values, window)
    assert found.shape == values.shape
    for t, value in enumerate(found):
        own = values[max(t - window + 1, 0) : t + 1]
        if len(own) < window or np.isnan(own).any():
            assert np.isnan(value)
        else:
            assert value == pytest.approx(naive(own), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NAIVE)
@given(values=VALUES, window=WINDOWS, before=VALUES)
@settings(max_examples=40)
def test_what_came_before_the_window_changes_no_bit(
    name: str, values: np.ndarray, window: int, before: np.ndarray
) -> None:
    fast, _ = NAIVE[name]
    longer = fast(np.concatenate([before * 1e9, values]), window)
    np.testing.assert_array_equal(
        longer[len(before) + window - 1 :], fast(values, window)[window - 1 :]
    )


@pytest.mark.parametrize("window", [2, 3, 5, 10, 20, 60, 61])
def test_deviation_and_correlation_equal_those_of_numpy(window: int) -> None:
    rng = np.random.default_rng(0)
    first = 60_000.0 + rng.normal(size=200).cumsum()
    second = first + rng.normal(size=200)
    deviation, correlation = (
        window_moments(first, window)[1],
        window_correlation(first, second, window),
    )
    for t in range(window - 1, 200):
        own, other = first[t - window + 1 : t + 1], second[t - window + 1 : t + 1]
        assert deviation[t] == pytest.approx(np.std(own, ddof=1), rel=1e-9)
        assert correlation[t] == pytest.approx(np.corrcoef(own, other)[0, 1], rel=1e-9)
    assert np.isnan(deviation[: window - 1]).all()


@given(value=st.floats(1e-6, 1e6), window=st.integers(2, 40))
def test_a_constant_has_no_spread_at_all(value: float, window: int) -> None:
    flat = np.full(60, value)
    assert (window_moments(flat, window)[1][window - 1 :] == 0).all()
    assert (window_z_score(flat, window)[window - 1 :] == 0).all()
    assert np.isnan(window_correlation(flat, np.arange(60.0), window)).all()


def test_a_z_score_is_bounded() -> None:
    values = np.array([*np.zeros(59), 1.0])
    assert window_z_score(values, 60)[-1] == pytest.approx(59 / np.sqrt(60))
    assert window_z_score(values, 60, bound=5.0)[-1] == 5.0


def test_ratios_never_divide_by_zero() -> None:
    with np.errstate(all="raise"):
        assert np.isnan(ratio(np.array([0.0, 1.0]), np.array([0.0, 2.0]))[0])
        assert np.isnan(change(np.array([0.0, 1.0]))[1])
    assert np.isnan(lagged(np.array([1.0, 2.0]), 5)).all()
