"""Indicators against pandas, the windowed ones against the endless ones on each window alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecastlab.features.indicators import (
    EWMA_WINDOW,
    bounded_log,
    ewma_weights,
    log_change,
    macd_histogram,
    moving_average,
    moving_deviation,
    pure_z_score,
    relative_change,
    rsi,
    windowed_macd_histogram,
    windowed_rsi,
    z_score,
)

PRICES = arrays("float64", st.integers(30, 60), elements=st.floats(1.0, 1e5))


def walk(rows: int, seed: int = 0) -> np.ndarray:
    return 100 * np.exp(np.cumsum(0.03 * np.random.default_rng(seed).standard_normal(rows)))


@given(PRICES)
def test_moving_statistics_are_the_textbook_ones(prices: np.ndarray) -> None:
    mean, deviation = moving_average(prices, 7), moving_deviation(prices, 7)
    assert np.isnan(mean[:6]).all()
    assert np.isnan(deviation[:6]).all()
    windows = np.lib.stride_tricks.sliding_window_view(prices, 7)
    np.testing.assert_allclose(mean[6:], windows.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        deviation[6:], windows.std(axis=1, ddof=1), rtol=1e-9, atol=1e-12 * prices.max()
    )


@given(PRICES)
def test_a_value_depends_on_its_window_alone_to_the_last_bit(prices: np.ndarray) -> None:
    cases: tuple[tuple[Callable[[np.ndarray], np.ndarray], int], ...] = (
        (lambda x: moving_average(x, 7), 7),
        (lambda x: moving_deviation(x, 7), 7),
        (lambda x: z_score(x, 7), 7),
        (lambda x: pure_z_score(x, 7), 7),
        (relative_change, 2),
        (lambda x: log_change(x, bound=2.0), 2),
        (lambda x: windowed_rsi(x, 12), 12),
        (lambda x: windowed_macd_histogram(x, 12), 12),
    )
    for indicator, window in cases:
        np.testing.assert_array_equal(indicator(prices)[-1], indicator(prices[-window:])[-1])
        assert np.isnan(indicator(prices[-window + 1 :])).all()


def test_windowed_indicators_equal_the_endless_ones_on_each_window() -> None:
    close = walk(400)
    for t in range(EWMA_WINDOW - 1, 400, 13):
        window = close[t + 1 - EWMA_WINDOW : t + 1]
        assert windowed_rsi(close)[t] == pytest.approx(rsi(window)[-1], rel=1e-7)
        assert windowed_macd_histogram(close)[t] == pytest.approx(
            macd_histogram(window)[-1], abs=1e-11 * close[t]
        )


def test_the_cut_of_the_ewmas_costs_next_to_nothing() -> None:
    close = walk(2000)
    assert np.nanmax(np.abs(windowed_rsi(close) - rsi(close))) < 0.005
    distance = np.abs(windowed_macd_histogram(close) - macd_histogram(close)) / close
    assert 0 < np.nanmax(distance) < 5e-5


def test_rsi_knows_its_ends() -> None:
    rising = np.linspace(1.0, 2.0, EWMA_WINDOW)
    assert windowed_rsi(rising)[-1] == 100.0
    assert windowed_rsi(rising[::-1])[-1] == 0.0
    assert np.isnan(windowed_rsi(np.ones(EWMA_WINDOW))[-1])


def test_macd_of_a_constant_is_zero() -> None:
    assert windowed_macd_histogram(np.full(EWMA_WINDOW, 5e4))[-1] == pytest.approx(0, abs=1e-9)


def test_ewma_weights_are_those_of_pandas() -> None:
    values = walk(40)
    expected = pd.Series(values).ewm(com=13).mean().iloc[-1]
    assert float(values[::-1] @ ewma_weights(40, 13)) == pytest.approx(expected)


def test_z_scores_agree_where_the_unit_is_large_and_stay_in_bounds() -> None:
    trades = np.round(1e6 * walk(300))
    np.testing.assert_allclose(z_score(trades, 21), pure_z_score(trades, 21), rtol=1e-9)
    spike = np.r_[np.full(20, 5.0), 1e9]
    assert pure_z_score(spike, 21)[-1] == pytest.approx(20 / np.sqrt(21))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 7.0, 0.0])
def test_values_without_spread_have_no_pure_z_score(value: float) -> None:
    assert np.isnan(pure_z_score(np.full(30, value), 7)).all()


def test_changes_from_and_to_zero() -> None:
    counts = np.array([4.0, 0.0, 0.0, 5.0, 4.0])
    np.testing.assert_allclose(relative_change(counts), [np.nan, -1, np.nan, np.nan, -0.2])
    np.testing.assert_allclose(log_change(counts, bound=2), [np.nan] * 4 + [np.log(0.8)])


def test_logs_are_bounded_on_both_sides() -> None:
    logs = bounded_log(np.array([1e-9, 1e9, np.e, -1.0, np.nan]), bound=2.0)
    np.testing.assert_allclose(logs, [-2, 2, 1, np.nan, np.nan])


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_short_histories_give_missing_values(rows: int) -> None:
    for indicator in (windowed_rsi, windowed_macd_histogram):
        assert np.isnan(indicator(walk(rows))).all()
    assert len(moving_deviation(walk(rows), 21)) == rows
