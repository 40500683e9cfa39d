"""What was known at t gives the row of t: bulk equals day by day, and no later candle matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.contracts.candles import Market
from forecastlab.features.build import build_features
from forecastlab.features.catalogue import FEATURE_SETS, lookback
from forecastlab.features.feature import FeatureKey
from tests.support.market_data import real_market
from tests.support.synthetic import START, poisoned_after, synthetic_market, without

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS = 330
END = START + DAYS * DAY
SETS = list(FEATURE_SETS)


@lru_cache(maxsize=8)
def market_with_outages(seed: int) -> Market:
    """Two daily candles and some hours are missing, as after an exchange outage."""
    market = synthetic_market(DAYS, seed=seed)
    market = without(market, "BTCUSDT", "1d", [START + 70 * DAY, START + 260 * DAY])
    hours = [START + 100 * DAY + k * HOUR for k in range(33)]
    hours += [START + 310 * DAY + k * HOUR for k in (0, 7, 23)]
    return without(market, "BTCUSDT", "1h", hours)


@lru_cache(maxsize=64)
def bulk(market: Market, end: datetime, name: str, variant: str) -> pd.DataFrame:
    return build_features(market.as_of(end), "BTCUSDT", FeatureKey(name, variant))


def assert_prefix(
    market: Market, end: datetime, instant: datetime, name: str, variant: str
) -> None:
    """The features of the view at `instant` are the first rows of the bulk, to the last bit."""
    early = build_features(market.as_of(instant), "BTCUSDT", FeatureKey(name, variant))
    late = bulk(market, end, name, variant)
    assert len(early) == (late.index + DAY <= instant).sum()
    pd.testing.assert_frame_equal(early, late.iloc[: len(early)], check_exact=True)


@given(
    key=st.sampled_from(SETS),
    seed=st.integers(0, 3),
    hours=st.integers(0, DAYS * 24),
)
@settings(deadline=None, max_examples=150)
def test_bulk_equals_day_by_day(key: tuple[str, str], seed: int, hours: int) -> None:
    assert_prefix(market_with_outages(seed), END, START + hours * HOUR, *key)


@pytest.mark.parametrize(("name", "variant"), SETS)
def test_bulk_equals_every_day_around_the_outages(name: str, variant: str) -> None:
    for day in [*range(66, 76), *range(97, 106), *range(256, 265), *range(308, 314)]:
        assert_prefix(market_with_outages(0), END, START + day * DAY, name, variant)


@given(
    key=st.sampled_from(SETS),
    seed=st.integers(0, 3),
    hours=st.integers(24, DAYS * 24),
)
@settings(deadline=None, max_examples=80)
def test_poisoned_future_changes_nothing(key: tuple[str, str], seed: int, hours: int) -> None:
    market, instant = market_with_outages(seed), START + hours * HOUR
    with np.errstate(all="ignore"):
        table = build_features(
            poisoned_after(market, instant, seed).as_of(END), "BTCUSDT", FeatureKey(*key)
        )
    known = table.index + DAY <= instant
    expected = bulk(market, END, *key).loc[known]
    pd.testing.assert_frame_equal(table.loc[known], expected, check_exact=True)


LEAKS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "tomorrow": lambda table: table.shift(-1),
    "centred mean": lambda table: table.rolling(3, center=True).mean(),
    "global z-score": lambda table: (table - table.mean()) / table.std(),
    "back-fill": lambda table: table.bfill(),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_caught(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, market = ("flow", "scaled"), synthetic_market(DAYS, seed=9)
    honest = FEATURE_SETS[key]
    leaking = replace(honest, rows=lambda *asked: LEAKS[leak](honest.rows(*asked)))
    monkeypatch.setitem(FEATURE_SETS, key, leaking)
    with pytest.raises(AssertionError):
        assert_prefix(market, END, START + 130 * DAY, *key)


@pytest.mark.parametrize(("name", "variant"), SETS)
def test_bulk_equals_day_by_day_on_real_candles(name: str, variant: str) -> None:
    """Random days, and those around the long outages of 2018-02-08 and 2023-03-24."""
    market, end = real_market(["BTCUSDT"], ["1h", "4h", "1d"]), datetime(2025, 10, 1, tzinfo=UTC)
    outages = [datetime(2018, 2, 7, tzinfo=UTC), datetime(2023, 3, 23, tzinfo=UTC)]
    days = [first + k * DAY for first in outages for k in range(5)]
    days += [
        datetime(2017, 8, 18, tzinfo=UTC) + int(k) * DAY
        for k in np.random.default_rng(0).integers(0, 2960, size=12)
    ]
    late = build_features(market.as_of(end), "BTCUSDT", FeatureKey(name, variant))
    for instant in days:
        early = build_features(market.as_of(instant), "BTCUSDT", FeatureKey(name, variant))
        pd.testing.assert_frame_equal(early, late.iloc[: len(early)], check_exact=True)


@pytest.mark.parametrize(("name", "variant"), [("flow", "scaled"), ("variance", "raw")])
def test_the_serving_window_gives_the_row_of_the_full_history(name: str, variant: str) -> None:
    """Serving reads daily candles and hours of `lookback` days, and gets what training got."""
    market, days = synthetic_market(1700, seed=5), lookback(FeatureKey(name, variant))
    full = build_features(market.as_of(START + 1700 * DAY), "BTCUSDT", FeatureKey(name, variant))
    daily, hourly = (market.as_of(START + 1700 * DAY).candles("BTCUSDT", i) for i in ("1d", "1h"))
    for day in (1501, 1583, 1700):
        first, instant = START + (day - days) * DAY, START + day * DAY
        cut = Market([daily.between(first, instant - DAY), hourly.between(first, instant - HOUR)])
        row = build_features(cut.as_of(instant), "BTCUSDT", FeatureKey(name, variant)).iloc[-1]
        exact = variant == "scaled"
        expected = full.loc[pd.Timestamp(instant - DAY)]
        pd.testing.assert_series_equal(row, expected, check_exact=exact, rtol=0 if exact else 1e-9)
