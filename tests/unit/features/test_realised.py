"""Realised variance: which return counts on which day, and which days have none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import COLUMNS, Candles, Market, open_index
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features.realised import MEASURES, daily_variance
from tests.support.market_data import real_market
from tests.support.synthetic import START, synthetic_market, without

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SYMBOL = "BTCUSDT"


def candles(interval: Interval, first: datetime, closes: list[float]) -> Candles:
    step_ms = int(DURATION[interval].total_seconds() * 1000)
    opens = int(first.timestamp() * 1000) + step_ms * np.arange(len(closes))
    frame = pd.DataFrame(dict.fromkeys(COLUMNS, closes), index=open_index(opens))
    return Candles(SYMBOL, interval, frame)


def measured(market: Market, days: int, symbol: str = SYMBOL) -> pd.DataFrame:
    return daily_variance(market.as_of(START + days * DAY), symbol)


def one_by_one(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the measures from a loop over the candles, as the definition reads."""
    sums: dict[pd.Timestamp, list[float]] = {}
    close, previous_return = None, 0.0
    for opened, price in frame["close"].items():
        day = sums.setdefault(opened.floor("D"), [0.0, 0.0, 0.0])
        if close is not None:
            step = float(np.log(price / close))
            day[0] += step**2
            day[1] += np.pi / 2 * abs(step * previous_return)
            day[2] += step**2 if step < 0 else 0.0
            previous_return = step
        close = price
    return pd.DataFrame.from_dict(sums, orient="index", columns=list(MEASURES))


def test_the_measures_are_those_of_a_loop_over_the_hours() -> None:
    market = synthetic_market(8, seed=3)
    expected = one_by_one(market.as_of(START + 8 * DAY).candles(SYMBOL, "1h").frame)
    table = measured(market, 8).iloc[1:]
    np.testing.assert_allclose(table[list(MEASURES)], expected.iloc[1:], rtol=1e-9)


def test_a_return_across_midnight_counts_on_the_later_day() -> None:
    hours = [100.0] * 24 + [110.0] * 24 + [110.0] * 24
    market = Market(
        [candles("1h", START, hours), candles("1d", START, [100.0, 110.0, 110.0])],
    )
    rv = measured(market, 3)["rv"]
    assert rv.iloc[1] == pytest.approx(np.log(1.1) ** 2)
    assert rv.iloc[2] == 0.0


def test_a_return_across_a_gap_counts_on_the_day_that_ends_it() -> None:
    market = synthetic_market(6, seed=1)
    gone = [START + 2 * DAY + k * HOUR for k in range(18, 30)]
    table = measured(without(market, SYMBOL, "1h", gone), 6)
    closes = market.as_of(START + 6 * DAY).candles(SYMBOL, "1h").frame["close"]
    jump = np.log(closes.iloc[3 * 24 + 6] / closes.iloc[2 * 24 + 17])
    later = np.diff(np.log(closes.iloc[3 * 24 + 6 : 4 * 24]))
    assert table["rv"].iloc[3] == pytest.approx(jump**2 + (later**2).sum())
    assert table["rv"].iloc[2] < measured(market, 6)["rv"].iloc[2]


def test_a_day_without_hours_is_missing_and_not_filled_from_longer_candles() -> None:
    gone = [START + 3 * DAY + k * HOUR for k in range(24)]
    table = measured(without(synthetic_market(6), SYMBOL, "1h", gone), 6)
    assert np.isnan(table["rv"].iloc[3])
    assert table["rv"].iloc[[1, 2, 4, 5]].notna().all()


def test_blocks_of_4h_serve_up_to_and_including_the_first_day_of_hours() -> None:
    market = synthetic_market(8, seed=2)
    early = [START + k * HOUR for k in range(4 * 24 + 5)]
    table = measured(without(market, SYMBOL, "1h", early), 8)
    view = market.as_of(START + 8 * DAY)
    blocks = one_by_one(view.candles(SYMBOL, "4h").frame)
    hours = one_by_one(view.candles(SYMBOL, "1h").frame)
    expected = pd.concat([blocks.iloc[1:5], hours.iloc[5:]])
    np.testing.assert_allclose(table[list(MEASURES)].iloc[1:], expected, rtol=1e-9)


def test_the_listing_day_is_missing() -> None:
    for intervals in (("1h", "1d"), ("4h", "1d"), ("1h", "4h", "1d")):
        table = measured(synthetic_market(5, intervals=intervals), 5)
        assert table["rv"].isna().tolist() == [True, False, False, False, False]


def test_without_intraday_candles_every_day_is_missing() -> None:
    table = measured(synthetic_market(5, intervals=["1d"]), 5)
    assert table[list(MEASURES)].isna().all(axis=None)
    assert table["close"].notna().all()


def test_only_closed_candles_count() -> None:
    market = synthetic_market(8, seed=4)
    whole = measured(market, 8)
    cut = daily_variance(market.as_of(START + 5 * DAY + 7 * HOUR), SYMBOL)
    assert len(cut) == 5
    pd.testing.assert_frame_equal(cut, whole.iloc[:5], check_exact=True)


def test_the_frame_keeps_the_daily_close_volume_and_index() -> None:
    market = synthetic_market(4)
    daily = market.as_of(START + 4 * DAY).candles(SYMBOL, "1d").frame
    table = measured(market, 4)
    pd.testing.assert_frame_equal(
        table[["close", "quote_volume"]], daily[["close", "quote_volume"]]
    )
    assert list(table.columns) == ["close", "quote_volume", *MEASURES]


def test_a_market_without_the_symbol_is_refused() -> None:
    with pytest.raises(DataUnavailable, match="ETHUSDT"):
        measured(synthetic_market(4), 4, "ETHUSDT")


def test_a_series_without_candles_yet_gives_no_row() -> None:
    table = daily_variance(synthetic_market(4).as_of(START), SYMBOL)
    assert table.empty
    assert list(table.columns) == ["close", "quote_volume", *MEASURES]


def test_real_candles_switch_from_4h_to_1h_after_the_first_day_of_hours() -> None:
    """BTCUSDT is listed on 2017-08-17; its hours begin on 2018-01-01."""
    view = real_market([SYMBOL], ["1h", "4h", "1d"]).as_of(datetime(2025, 10, 1, tzinfo=UTC))
    table = daily_variance(view, SYMBOL)
    assert table.index[table["rv"].isna()].strftime("%F").tolist() == ["2017-08-17"]
    blocks = one_by_one(view.candles(SYMBOL, "4h").frame.loc[:"2018-01-03"])
    hours = one_by_one(view.candles(SYMBOL, "1h").frame.loc[:"2018-01-03"])
    assert table.loc["2018-01-01", "rv"] == pytest.approx(blocks.loc["2018-01-01", "rv"])
    assert table.loc["2018-01-02", "rv"] == pytest.approx(hours.loc["2018-01-02", "rv"])
