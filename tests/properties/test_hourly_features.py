"""The hourly sets know the past alone, a finite part of it, and no level.

Bulk equals row by row, to the last bit; a value is that of its declared lookback by itself; prices
in another currency and volumes in another unit change nothing.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.funding import sources_absent
from tests.support.hourly_sets import (
    CASES,
    DAYS,
    END,
    HOUR,
    HOURLY,
    SYMBOL,
    Case,
    funding_rates,
    last_candles,
    market,
    market_with_outages,
)
from tests.support.synthetic import START, poisoned_after

EVERY = pytest.mark.parametrize("case", CASES, ids=str)
BULK: dict[tuple[str, int], pd.DataFrame] = {}


def bulk(case: Case, seed: int) -> pd.DataFrame:
    key = (str(case), seed)
    if key not in BULK:
        BULK[key] = case.build(market_with_outages(seed).as_of(END))
    return BULK[key]


def assert_prefix(case: Case, seed: int, instant: datetime) -> None:
    """The rows of the view at `instant` are the first rows of the bulk, to the last bit."""
    early = case.build(market_with_outages(seed).as_of(instant))
    late = bulk(case, seed)
    assert len(early) == (late.index + DURATION[case.described.interval] <= instant).sum()
    pd.testing.assert_frame_equal(early, late.iloc[: len(early)], check_exact=True)


@given(case=st.sampled_from(CASES), seed=st.integers(0, 1), hours=st.integers(0, DAYS * 24))
@settings(deadline=None, max_examples=60)
def test_bulk_equals_row_by_row(case: Case, seed: int, hours: int) -> None:
    assert_prefix(case, seed, START + hours * HOUR)


@pytest.mark.parametrize("case", HOURLY, ids=str)
def test_bulk_equals_row_by_row_around_the_outages(case: Case) -> None:
    for hour in (4999, 5001, 5005, 5006, 7000, 7034, 7040, 8002, 8004, 8801, 8802, 9000, 9001):
        assert_prefix(case, 0, START + hour * HOUR)


@given(case=st.sampled_from(CASES), seed=st.integers(0, 1), hours=st.integers(1, DAYS * 24))
@settings(deadline=None, max_examples=40)
def test_a_poisoned_future_changes_nothing(case: Case, seed: int, hours: int) -> None:
    instant = START + hours * HOUR
    poisoned = poisoned_after(market_with_outages(seed), instant, seed)
    rates = funding_rates(seed)
    rates[rates.index > instant] = 7.0
    with np.errstate(all="ignore"):
        table = case.build(Market(poisoned.series(), {SYMBOL: rates}).as_of(END))
    known = table.index + DURATION[case.described.interval] <= instant
    pd.testing.assert_frame_equal(table.loc[known], bulk(case, seed).loc[known], check_exact=True)


def cut(seed: int, interval: Interval, candles: int, end: datetime) -> Market:
    """Keep the newest candles of one interval before `end`, and all of the others."""
    view = market(seed).as_of(end)
    kept = [
        last_candles(one, candles) if one.interval == interval else one
        for one in (
            view.candles(*key) for key in [(s.symbol, s.interval) for s in market().series()]
        )
    ]
    return Market(kept, {SYMBOL: view.funding(SYMBOL)})


@EVERY
def test_the_declared_lookback_is_enough_and_needed(case: Case) -> None:
    """On these candles alone a row is that of the full history; with one less it is missing."""
    rows = [one for one in case.described.features if one.source != "open_interest"]
    full = case.build(market().as_of(END)).iloc[-1]
    for interval, lookback in sorted({(one.interval, one.lookback) for one in rows}):
        names = [one.name for one in rows if (one.interval, one.lookback) == (interval, lookback)]
        enough = case.build(cut(0, interval, lookback, END).as_of(END)).iloc[-1]
        pd.testing.assert_series_equal(enough[names], full[names], check_exact=True)
        assert full[names].notna().all()
        # Funding is looked up by its instant: candles before are needed for its averages alone.
        needed = [one.name for one in rows if one.name in names and one.source != "funding"]
        if lookback > 1 and needed:
            short = case.build(cut(0, interval, lookback - 1, END).as_of(END))
            assert len(short) == 0 or short.iloc[-1][needed].isna().all()


STEADY = {
    # An average of an average gives its oldest candle a weight of 4e-18.
    *("macd_dea", "macd_bar", "macd_bar_change_rel", "macd_cross", "macd_cross_prev", "d", "j"),
    # Counts, signs and ranks move in steps; the volume's floor is not reached.
    *("bull_streak", "bear_streak", "is_bull", "vol_price_agree", "large_trade_ratio"),
    *("bb_width_rank", "volume_surprise"),
}


@EVERY
def test_the_oldest_candle_of_the_lookback_matters(case: Case) -> None:
    """Neither the declared number nor the arithmetic is longer than the other."""
    view = market().as_of(END)
    series = [view.candles(one.symbol, one.interval) for one in market().series()]
    before = case.build(Market(series).as_of(END)).iloc[-1]
    rows = [
        one for one in case.described.features if one.source not in ("funding", "open_interest")
    ]
    moved: set[str] = set()
    for interval, lookback in sorted({(one.interval, one.lookback) for one in rows}):
        names = {one.name for one in rows if (one.interval, one.lookback) == (interval, lookback)}
        for factors in ((1.5, 1.1, 1.7, 0.6), (0.6, 0.7, 0.9, 1.6), (2.5, 3.1, 2.7, 3.6)):
            changed = [
                _oldest_changed(one, lookback, factors) if one.interval == interval else one
                for one in series
            ]
            after = case.build(Market(changed).as_of(END)).iloc[-1]
            moved |= names & set(after.index[(after != before) & after.notna()])
    expected = {one.name for one in rows if one.source != "calendar"} - STEADY
    assert expected <= moved, expected - moved


def _oldest_changed(one: Candles, lookback: int, factors: tuple[float, ...]) -> Candles:
    frame = one.frame.copy()
    price, volume, taker, trades = factors
    scale = {"open": price * 0.99, "high": price * 1.4, "low": price * 0.7, "close": price}
    scale |= {"volume": volume, "quote_volume": volume, "trades": trades}
    scale |= {"taker_buy_base": taker * volume, "taker_buy_quote": taker * volume}
    place = frame.index[-lookback]
    for name, factor in scale.items():
        frame.loc[place, name] *= factor
    return Candles(one.symbol, one.interval, frame)


FACTORS = st.floats(-5, 5).map(lambda power: 10.0**power)


@given(
    case=st.sampled_from(CASES),
    prices=FACTORS,
    volumes=FACTORS,
    trades=FACTORS,
    seed=st.integers(0, 1),
)
@settings(deadline=None, max_examples=30)
def test_levels_of_prices_volumes_and_trades_change_nothing(
    case: Case, prices: float, volumes: float, trades: float, seed: int
) -> None:
    before = case.build(market(seed).as_of(END))
    after = case.build(scaled(market(seed), prices, volumes, trades).as_of(END))
    pd.testing.assert_frame_equal(after, before, rtol=1e-8, atol=1e-8)


def scaled(found: Market, prices: float, volumes: float, trades: float) -> Market:
    """Return the market with prices in another currency and volumes in another unit."""
    factors = dict.fromkeys(("open", "high", "low", "close"), prices)
    factors |= dict.fromkeys(("volume", "taker_buy_base"), volumes)
    factors |= dict.fromkeys(("quote_volume", "taker_buy_quote"), prices * volumes)
    factors["trades"] = trades
    series = [
        Candles(one.symbol, one.interval, one.frame * pd.Series(factors)[one.frame.columns])
        for one in found.series()
    ]
    return Market(series, {SYMBOL: found.as_of(END).funding(SYMBOL)})


@EVERY
def test_every_column_is_described_and_built_in_order(case: Case) -> None:
    table = bulk(case, 0)
    assert tuple(table.columns) == case.described.columns
    assert len(set(table.columns)) == len(table.columns)
    assert set(table.dtypes.astype(str)) == {"float64"}
    assert not np.isinf(table.to_numpy()).any()
    absent = sources_absent(case.described, funding=True)
    assert set(table.columns[table.isna().all()]) == set(absent)
    for one in case.described.features:
        assert one.formula.strip() and one.unit.strip() and one.lookback >= 1, one.name


def test_two_sets_of_a_deployment_share_no_name_for_two_things() -> None:
    """`regime` is the beginning of `quantile`, and `funding_rate` is one quantity everywhere."""
    names = [set(one.described.columns) for one in HOURLY if one.described.name != "regime"]
    seen: set[str] = set()
    for one in names:
        assert seen & one <= {"funding_rate"}
        seen |= one
