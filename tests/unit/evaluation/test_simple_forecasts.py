"""The simplest forecasts, against loops that anyone can check."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import COLUMNS, Candles, open_index
from forecastlab.evaluation.simple_forecasts import (
    closes_on_grid,
    forward_return,
    market_return,
    past_return,
    reversal_rules,
    trailing_volatility,
    volatility_only,
)

HOUR_MS = 3_600_000
RANDOM = np.random.default_rng(0)
CLOSES = 100 * np.exp(np.cumsum(RANDOM.normal(0, 0.01, 200)))


def candles(closes: np.ndarray, *, missing: tuple[int, ...] = ()) -> Candles:
    index = open_index(np.arange(len(closes)) * HOUR_MS)
    frame = pd.DataFrame(dict.fromkeys(COLUMNS, closes), index=index)
    return Candles("BTCUSDT", "1h", frame.drop(frame.index[list(missing)]))


def test_a_window_that_touches_a_gap_is_missing() -> None:
    close = closes_on_grid(candles(CLOSES, missing=(100,)))
    assert len(close) == 200 and np.isnan(close.iloc[100])
    assert np.flatnonzero(past_return(close, 3).isna()).tolist() == [0, 1, 2, 100, 103]
    assert np.flatnonzero(forward_return(close, 3).isna()).tolist() == [97, 100, 197, 198, 199]
    late = np.flatnonzero(trailing_volatility(close, 5).isna())
    assert late.tolist() == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104, 105]


def test_returns_and_volatility_are_those_of_a_loop() -> None:
    close = closes_on_grid(candles(CLOSES))
    past, ahead, volatility = (
        past_return(close, 3),
        forward_return(close, 5),
        trailing_volatility(close, 24),
    )
    for t in (24, 57, 150):
        assert past.iloc[t] == pytest.approx(CLOSES[t] / CLOSES[t - 3] - 1)
        assert ahead.iloc[t] == pytest.approx(CLOSES[t + 5] / CLOSES[t] - 1)
        steps = [math.log(CLOSES[k] / CLOSES[k - 1]) ** 2 for k in range(t - 23, t + 1)]
        assert volatility.iloc[t] == pytest.approx(math.sqrt(sum(steps) / 24))


def test_nothing_but_the_forward_return_looks_ahead() -> None:
    later = CLOSES.copy()
    later[150:] *= RANDOM.uniform(0.5, 2, 50)
    for build in (
        lambda close: past_return(close, 3),
        lambda close: trailing_volatility(close, 24),
        lambda close: market_return({"A": close}, 24),
    ):
        one, other = (build(closes_on_grid(candles(values))) for values in (CLOSES, later))
        pd.testing.assert_series_equal(one.iloc[:150], other.iloc[:150])


def test_the_rules_are_minus_the_recent_returns() -> None:
    own, other = (closes_on_grid(candles(values)) for values in (CLOSES, CLOSES[::-1].copy()))
    rules = reversal_rules({"BTCUSDT": own, "ETHUSDT": other}, "BTCUSDT", "1h")
    t = 120
    assert rules["minus_3h_return"].iloc[t] == pytest.approx(1 - CLOSES[t] / CLOSES[t - 3])
    assert rules["minus_24h_return"].iloc[t] == pytest.approx(1 - CLOSES[t] / CLOSES[t - 24])
    turned = CLOSES[::-1]
    market = (CLOSES[t] / CLOSES[t - 24] + turned[t] / turned[t - 24]) / 2 - 1
    assert rules["minus_market_24h_return"].iloc[t] == pytest.approx(-market)


def test_a_window_that_is_no_whole_number_of_candles_is_left_out() -> None:
    close = closes_on_grid(candles(CLOSES))
    assert list(reversal_rules({"B": close}, "B", "4h")) == [
        "minus_24h_return",
        "minus_market_24h_return",
    ]


def known_rows(fold: np.ndarray, horizon: int) -> np.ndarray:
    starts = np.searchsorted(fold, np.unique(fold))
    return np.maximum(starts[fold] - horizon, 0)


def test_the_volatility_only_model_finds_what_is_there_and_only_from_the_past() -> None:
    rows, fold = 6000, np.arange(6000) // 1000
    volatility = np.exp(RANDOM.standard_normal(rows))
    truth = 1 / (1 + np.exp(-(0.3 + 0.8 * np.log(volatility))))
    happened = RANDOM.random(rows) < truth
    known = known_rows(fold, 5)
    chance = volatility_only(volatility, happened, known, fold)
    assert (chance[:1000] == 0.5).all()
    assert np.abs(chance[4000:] - truth[4000:]).mean() < 0.02
    # What was unknown at the fold's first as-of changes nothing in it.
    turned = happened.copy()
    turned[known[3500] :] ^= True
    again = volatility_only(volatility, turned, known, fold)
    np.testing.assert_array_equal(again[fold <= 3], chance[fold <= 3])
    assert (again[fold == 5] != chance[fold == 5]).any()


def test_where_volatility_is_missing_the_frequency_is_forecast() -> None:
    fold = np.arange(3000) // 1000
    volatility = np.exp(RANDOM.standard_normal(3000))
    volatility[[500, 2500]] = np.nan
    happened = RANDOM.random(3000) < 0.3
    chance = volatility_only(volatility, happened, known_rows(fold, 5), fold)
    assert np.isfinite(chance).all()
    assert chance[2500] == pytest.approx((happened[:1995].sum() + 1) / 1997)


def test_few_rows_are_not_fitted_on() -> None:
    fold = np.arange(300) // 50
    volatility = np.exp(RANDOM.standard_normal(300))
    chance = volatility_only(volatility, volatility > 1, known_rows(fold, 5), fold)
    spread = [np.ptp(chance[fold == number]) for number in range(6)]
    assert [one > 0 for one in spread] == [False, False, False, True, True, True]
