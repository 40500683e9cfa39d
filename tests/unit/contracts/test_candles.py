"""Candles and markets: cuts, gaps, digests, and that no view shows what was not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.candles import COLUMNS, Candles, Gap, Market, empty_frame
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, INTERVALS
from tests.support.raw_candles import candles
from tests.support.synthetic import START, synthetic_market, without

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MARKET = synthetic_market(5, ("BTCUSDT", "ETHUSDT"))


@given(st.integers(-90, 5 * 24 * 60 + 90))
def test_view_holds_exactly_what_was_available(minutes: int) -> None:
    as_of = START + timedelta(minutes=minutes)
    view = MARKET.as_of(as_of)
    for one in MARKET.series():
        seen = view.candles(one.symbol, one.interval)
        step = DURATION[one.interval]
        assert all(open_time + step <= as_of for open_time in seen.frame.index)
        known = max(0, min((as_of - START) // step, len(one)))
        assert len(seen) == known


def test_open_candle_of_a_longer_interval_is_not_in_the_view() -> None:
    view = MARKET.as_of(START + timedelta(hours=7))
    assert view.candles("BTCUSDT", "1h").last_open == START + timedelta(hours=6)
    assert view.candles("BTCUSDT", "4h").last_open == START
    assert not len(view.candles("BTCUSDT", "1d"))


def test_series_that_is_not_there_is_unavailable() -> None:
    view = MARKET.as_of(START + DAY)
    assert (view.symbols, view.has("SOLUSDT", "1d")) == (("BTCUSDT", "ETHUSDT"), False)
    with pytest.raises(DataUnavailable, match="no 1d candles of SOLUSDT"):
        view.candles("SOLUSDT", "1d")
    with pytest.raises(DataUnavailable, match="no 1d candle of SOLUSDT"):
        MARKET.newest("SOLUSDT", "1d")
    with pytest.raises(DataUnavailable):
        _ = Candles("BTCUSDT", "1d", empty_frame()).last_open


def test_between_is_closed_at_both_ends() -> None:
    cut = candles(10).between(START + 2 * DAY, START + 4 * DAY)
    assert list(cut.frame.index) == [START + i * DAY for i in (2, 3, 4)]
    assert not len(candles(10).between(START + 4 * DAY, START + 3 * DAY))
    assert not len(candles(10).between(START + 40 * DAY, START + 50 * DAY))


@pytest.mark.parametrize("interval", INTERVALS)
def test_gaps_are_found_and_counted(interval: str) -> None:
    market = synthetic_market(5, intervals=(interval,))  # type: ignore[arg-type]
    step = DURATION[interval]  # type: ignore[index]
    gone = [START + step, START + 3 * step]
    (series,) = without(market, "BTCUSDT", interval, gone).series()  # type: ignore[arg-type]
    assert series.gaps() == tuple(Gap(one, one, 1) for one in gone)


def test_long_gap_is_one() -> None:
    gone = [START + i * HOUR for i in range(3, 8)]
    market = without(synthetic_market(1, intervals=("1h",)), "BTCUSDT", "1h", gone)
    assert market.series()[0].gaps() == (Gap(gone[0], gone[-1], 5),)


def test_digest_is_independent_of_storage() -> None:
    series = candles(10)
    columns_apart = pd.DataFrame(
        {name: series.frame[name].to_numpy().copy() for name in reversed(COLUMNS)},
        index=series.frame.index.as_unit("ms"),
    )
    assert replace(series, frame=columns_apart).digest() == series.digest()
    assert replace(series, duplicates=3).digest() == series.digest()


@pytest.mark.parametrize("column", COLUMNS)
def test_digest_changes_with_every_value(column: str) -> None:
    series = candles(10)
    frame = series.frame.copy()
    frame.iloc[4, frame.columns.get_loc(column)] = np.nextafter(frame[column].iloc[4], np.inf)
    assert replace(series, frame=frame).digest() != series.digest()


def test_digest_tells_series_and_times_apart() -> None:
    series = candles(10)
    later = replace(series, frame=series.frame.set_axis(series.frame.index + DAY))
    others = [replace(series, symbol="ETHUSDT"), replace(series, interval="4h"), later]
    assert len({one.digest() for one in [series, *others]}) == 4


def test_market_names_its_newest_candle() -> None:
    assert Market([candles(10)]).newest("BTCUSDT", "1d") == datetime(2018, 1, 10, tzinfo=UTC)
