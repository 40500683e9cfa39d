"""The signal's sets know the past alone, and a finite part of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.intervals import DURATION
from forecastlab.features.build import build_features
from forecastlab.features.signal import signal_set
from tests.support.signal_market import DAYS, END, SYMBOLS, at, key, market, market_with_holes
from tests.support.synthetic import poisoned_after

BULK = {
    symbol: build_features(market_with_holes().as_of(END), symbol, key("v2_7"))
    for symbol in SYMBOLS
}
HOURS = st.integers(0, DAYS * 24)


@given(symbol=st.sampled_from(SYMBOLS), hours=HOURS)
@settings(deadline=None, max_examples=40)
def test_bulk_equals_row_by_row(symbol: str, hours: int) -> None:
    early = build_features(market_with_holes().as_of(at(hours)), symbol, key("v2_7"))
    late = BULK[symbol]
    assert len(early) == (late.index + DURATION["1h"] <= at(hours)).sum()
    pd.testing.assert_frame_equal(
        early, late.iloc[: len(early)], check_exact=True, check_dtype=len(early) > 0
    )


@given(symbol=st.sampled_from(SYMBOLS), hours=st.integers(1, DAYS * 24))
@settings(deadline=None, max_examples=30)
def test_a_poisoned_future_changes_nothing(symbol: str, hours: int) -> None:
    spoiled = poisoned_after(market_with_holes(), at(hours), seed=hours)
    with np.errstate(all="ignore"):
        table = build_features(spoiled.as_of(END), symbol, key("v2_7"))
    known = table.index + DURATION["1h"] <= at(hours)
    pd.testing.assert_frame_equal(table.loc[known], BULK[symbol].loc[known], check_exact=True)


def cut(candles: dict[str, int]) -> Market:
    """Keep the newest candles of each interval."""
    view = market().as_of(END)
    series = []
    for one in market().series():
        known = view.candles(one.symbol, one.interval)
        kept = known.frame.iloc[max(len(known) - candles[one.interval], 0) :]
        series.append(Candles(one.symbol, one.interval, kept))
    return Market(series)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_declared_lookback_is_enough_and_needed(symbol: str) -> None:
    full = build_features(market().as_of(END), symbol, key("v2_7")).iloc[-1]
    everything = {"1h": 10_000, "4h": 10_000, "1d": 10_000}
    features = signal_set("v2_7").features
    for interval, lookback in sorted({(one.interval, one.lookback) for one in features}):
        names = [
            one.name for one in features if (one.interval, one.lookback) == (interval, lookback)
        ]
        short, enough = (
            build_features(cut({**everything, interval: n}).as_of(END), symbol, key("v2_7"))
            for n in (lookback - 1, lookback)
        )
        pd.testing.assert_series_equal(enough.iloc[-1][names], full[names], check_exact=True)
        zeros = [name for name in names if full[name] == 0.0]
        if lookback > 1:
            needed = [name for name in names if name not in zeros]
            assert short.iloc[-1][needed].isna().all()
