"""What the next T days brought, against a loop and against the reversal label."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Market
from forecastlab.features.realised import daily_variance
from forecastlab.models.forward_window import DailyPath, daily_paths, pooled_windows
from forecastlab.targets.reversal import NEITHER, ReversalTarget
from tests.support.synthetic import START, synthetic_market, without

DAY = timedelta(days=1)
DAYS = 200
SYMBOLS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture(scope="module")
def market() -> Market:
    return without(synthetic_market(DAYS, SYMBOLS), "BTCUSDT", "1d", [START + 90 * DAY])


def daily_of(market: Market) -> pd.DataFrame:
    view = market.as_of(START + DAYS * DAY)
    tables = {symbol: daily_variance(view, symbol) for symbol in SYMBOLS}
    return pd.concat(tables, names=["symbol", "open_time"])


def test_windows_are_those_of_a_loop_and_missing_across_a_hole(market: Market) -> None:
    daily = daily_of(market).iloc[::-1]
    window = pooled_windows(daily_paths(daily, SYMBOLS), daily.index, 10)
    checked = 0
    for place, (symbol, opened) in enumerate(daily.index):
        ahead = [(symbol, opened + k * DAY) for k in range(1, 11)]
        found = (window.lowest[place], window.highest[place], window.mean_rv[place])
        if all(one in daily.index for one in ahead):
            rows = daily.loc[ahead]
            expected = (rows["close"].min(), rows["close"].max(), rows["rv"].mean())
            assert found == pytest.approx(expected, rel=1e-12)
            assert window.close[place] == daily["close"].iloc[place]
            checked += 1
        else:
            assert np.isnan(found).all()
    assert checked == 2 * (DAYS - 10) - 11


def test_a_day_without_variance_leaves_the_closes_known(market: Market) -> None:
    daily = daily_of(market)
    daily.iloc[[20], daily.columns.get_loc("rv")] = np.nan
    window = pooled_windows(daily_paths(daily, SYMBOLS), daily.index, 10)
    assert np.flatnonzero(np.isnan(window.mean_rv[:30])).tolist() == list(range(10, 20))
    assert np.isfinite(window.lowest[:30]).all()


@pytest.mark.parametrize("level", [0.04, 0.08])
def test_an_event_is_a_reversal_label_other_than_neither(market: Market, level: float) -> None:
    candles = market.as_of(START + DAYS * DAY).candles("BTCUSDT", "1d")
    labels = ReversalTarget(10, level).labels(candles)
    index = pd.MultiIndex.from_product([["BTCUSDT"], labels.index], names=["symbol", "open_time"])
    window = pooled_windows(daily_paths(daily_of(market), SYMBOLS), index, 10)
    assert np.isfinite(window.lowest).all()
    assert (window.event(level) == (labels["label"] != NEITHER).to_numpy()).all()
    assert 0.05 < window.event(level).mean() < 1


def test_a_close_exactly_at_the_level_is_an_event() -> None:
    opens = pd.date_range("2024-01-01", periods=3, tz="UTC")
    for reached in (108.0, 92.0):
        daily = pd.DataFrame({"close": [100.0, 100.0, reached], "rv": 0.01}, index=opens)
        path = DailyPath.of(daily).after(opens, 1)
        assert path[1].tolist()[:2] == [100.0, reached]
        index = pd.MultiIndex.from_product([["X"], opens], names=["symbol", "open_time"])
        window = pooled_windows({"X": DailyPath.of(daily)}, index, 1)
        assert window.event(0.08).tolist() == [False, True, False]


def test_as_ofs_outside_the_history_have_no_window() -> None:
    opens = pd.date_range("2024-01-01", periods=5, tz="UTC")
    path = DailyPath.of(pd.DataFrame({"close": 1.0, "rv": 0.1}, index=opens))
    strange = opens[[0]].append([opens[[0]] - 9 * DAY, opens[[4]] + 9 * DAY])
    assert np.isnan(path.after(strange, 2)[1]).tolist() == [False, True, True]


def test_squared_returns_leave_out_days_after_a_hole() -> None:
    opens = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"], tz="UTC")
    daily = pd.DataFrame({"close": [1.0, 2.0, 4.0, 4.0], "rv": [0.1, 0.2, 0.3, 0.4]}, index=opens)
    square, rv = DailyPath.of(daily).squared_close_returns()
    assert square == pytest.approx([np.log(2) ** 2, 0.0])
    assert rv.tolist() == [0.2, 0.4]


def test_symbols_without_a_row_are_left_out(market: Market) -> None:
    assert list(daily_paths(daily_of(market), ("SOLUSDT", "ETHUSDT"))) == ["ETHUSDT"]
