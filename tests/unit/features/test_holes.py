"""Windows cross short holes, by position, and never a long one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.direction import direction_table
from forecastlab.features.holes import crossable, stretches
from tests.support.market_data import real_market
from tests.support.synthetic import START, synthetic_market


@pytest.mark.parametrize(("interval", "candles"), [("1h", 12), ("4h", 3), ("1d", 0)])
def test_the_longest_hole_is_half_a_day(interval: Interval, candles: int) -> None:
    step = DURATION[interval]
    opens = pd.DatetimeIndex([START, START + step, START + (candles + 2) * step])
    assert crossable(interval) == candles
    assert len(stretches(opens, interval)) == 1
    later = pd.DatetimeIndex([START, START + step, START + (candles + 3) * step])
    assert [one.stop - one.start for one in stretches(later, interval)] == [2, 1]


def test_a_window_counts_candles_across_a_short_hole_and_stops_at_a_long_one() -> None:
    (hours,) = synthetic_market(60, intervals=("1h",)).series()
    frame = hours.frame
    short = direction_table(frame.drop(frame.index[500:512]), "1h")
    after = frame.index[512]
    expected = frame["close"].iloc[512] / frame["close"].iloc[499] - 1
    assert short["ret_1"].loc[after] == pytest.approx(expected)
    assert short["macd_dea"].loc[after:].notna().all()
    long = direction_table(frame.drop(frame.index[500:513]), "1h")
    alone = direction_table(frame.iloc[513:], "1h")
    pd.testing.assert_frame_equal(long.iloc[500:], alone, check_exact=True)
    assert np.isnan(long["ret_1"].iloc[500])


def test_only_one_outage_of_eight_years_ends_the_history() -> None:
    for one in real_market(["BTCUSDT", "SOLUSDT"], ["1h", "4h", "1d"]).series():
        sizes = [part.stop - part.start for part in stretches(one.frame.index, one.interval)]
        early = one.symbol == "BTCUSDT" and one.interval != "1d"
        assert len(sizes) == (2 if early else 1)
