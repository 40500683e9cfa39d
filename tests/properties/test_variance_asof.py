"""A variance feature depends on its window alone: the full history gives what the window gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecastlab.contracts.candles import Market
from forecastlab.features.realised import daily_variance
from forecastlab.features.variance import CENTRES, WINDOW, variance_features, windowed_ewma
from tests.support.market_data import real_market
from tests.support.synthetic import START, synthetic_market

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SYMBOL = "BTCUSDT"
DAYS = 700


@lru_cache(maxsize=4)
def bulk(seed: int) -> pd.DataFrame:
    """Daily variance of a synthetic market; hours of some days are missing."""
    view = synthetic_market(DAYS, seed=seed).as_of(START + DAYS * DAY)
    table = daily_variance(view, SYMBOL)
    gone = np.random.default_rng(seed).random(DAYS) < 0.03
    return table.assign(**{name: table[name].mask(gone) for name in ("rv", "bipower", "downside")})


def assert_same(row: pd.Series, expected: pd.Series) -> None:
    np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-11)


@given(st.integers(0, 3), st.integers(95, 500), st.integers(0, DAYS - 1))
@settings(deadline=None, max_examples=150)
def test_the_window_alone_gives_the_row_of_the_full_history(
    seed: int, window: int, last: int
) -> None:
    daily = bulk(seed)
    begin = max(last - window + 1, 0)
    alone = daily.iloc[begin : last + 1].copy()
    # What a market that begins here would know of its first day: the close, not the variance.
    alone.iloc[0, 2:] = np.nan
    row = variance_features(alone, window=window).iloc[-1]
    assert_same(row, variance_features(daily, window=window).iloc[last])


@given(st.integers(0, 3), st.integers(1, DAYS))
@settings(deadline=None, max_examples=100)
def test_later_days_change_nothing(seed: int, days: int) -> None:
    daily = bulk(seed)
    early, late = (variance_features(one, window=200) for one in (daily.iloc[:days], daily))
    pd.testing.assert_frame_equal(early, late.iloc[:days], check_exact=True)


def test_one_day_less_than_the_window_is_not_enough() -> None:
    """The catalogue's lookback is the shortest: a window a day shorter gives another row."""
    daily, window, last = bulk(0), 300, DAYS - 1
    short = daily.iloc[last - window + 2 : last + 1].copy()
    short.iloc[0, 2:] = np.nan
    row = variance_features(short, window=window)["rv_400_25"].iloc[-1]
    full = variance_features(daily, window=window)["rv_400_25"].iloc[last]
    assert abs(row - full) > 1e-6


@given(
    arrays.arrays(
        "float64",
        st.integers(0, 60),
        elements=st.one_of(st.just(np.nan), st.floats(1e-8, 1.0)),
    ),
    st.sampled_from([*CENTRES, 25]),
    st.integers(1, 70),
)
def test_the_ewma_is_that_of_each_window_by_itself(
    values: np.ndarray, centre: int, window: int
) -> None:
    least = min(21, centre + 1)
    expected = [
        pd.Series(values[max(t - window + 1, 0) : t + 1])
        .ewm(com=centre, adjust=True, ignore_na=True, min_periods=least)
        .mean()
        .iloc[-1]
        for t in range(len(values))
    ]
    # The tail is subtracted: what is left of values that dwarf the window's is rounding of them.
    scale = np.nanmax(values, initial=0.0)
    found = windowed_ewma(values, centre, window)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("asof", ["2022-03-01", "2023-03-25", "2024-02-29", "2025-09-30"])
def test_the_serving_window_of_real_candles_gives_the_row_of_the_full_history(asof: str) -> None:
    """Exactly 1,500 daily candles and the hours of those days, without 4h candles."""
    market = real_market([SYMBOL], ["1h", "4h", "1d"])
    view = market.as_of(datetime(2025, 10, 1, tzinfo=UTC))
    last = datetime.fromisoformat(asof).replace(tzinfo=UTC)
    first = last - (WINDOW - 1) * DAY
    days = view.candles(SYMBOL, "1d").between(first, last)
    hours = view.candles(SYMBOL, "1h").between(first, last + 23 * HOUR)
    assert len(days) == WINDOW
    served = daily_variance(Market([days, hours]).as_of(last + DAY), SYMBOL)
    full = variance_features(daily_variance(view, SYMBOL)).loc[pd.Timestamp(last)]
    assert_same(variance_features(served).iloc[-1], full)
