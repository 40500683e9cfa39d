"""A funding rate is seen one hour after its stamp, to the millisecond, and no longer than a day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Market
from forecastlab.features.direction import direction_features, direction_set, direction_table
from forecastlab.features.direction_scaled import direction_scaled_set
from forecastlab.features.funding import funding_at, sources_absent
from forecastlab.features.regime import quantile_set, quantile_table, regime_set, regime_table
from tests.support.hourly_sets import END, HOUR, SYMBOL, last_candles, market
from tests.support.synthetic import START

OPENS = pd.date_range(START, periods=72, freq="h").as_unit("ms")


def rates(*stamps_ms: int) -> pd.Series:
    first = pd.Timestamp(START).as_unit("ms")
    index = first + pd.to_timedelta(list(stamps_ms), unit="ms").as_unit("ms")
    return pd.Series(np.arange(1.0, len(stamps_ms) + 1), index=index)


@pytest.mark.parametrize(("late_ms", "first_row"), [(-1, 8), (0, 8), (1, 9)])
def test_a_millisecond_decides(late_ms: int, first_row: int) -> None:
    """The candle that opens at 8 h closes at 9 h, one hour after the stamp."""
    found = funding_at(rates(8 * 3_600_000 + late_ms), OPENS, "1h")
    assert np.flatnonzero(np.isfinite(found))[0] == first_row


def test_a_rate_is_missing_once_it_is_older_than_a_day() -> None:
    found = funding_at(rates(0), OPENS, "1h")
    assert np.flatnonzero(np.isfinite(found)).tolist() == list(range(24))
    late = funding_at(rates(1), OPENS, "1h")
    assert np.flatnonzero(np.isfinite(late)).tolist() == list(range(1, 24))


@pytest.mark.parametrize("funding", [None, rates()], ids=["none", "empty"])
def test_without_a_source_the_column_holds_nothing(funding: pd.Series | None) -> None:
    candles = market().as_of(END).candles(SYMBOL, "1h").frame.iloc[:500]
    assert direction_table(candles, "1h", funding=funding)["funding_rate"].isna().all()
    assert regime_table(candles, "1h", funding=funding)["funding_rate"].isna().all()
    assert quantile_table(candles, "1h", funding=funding)["funding_z"].isna().all()


def test_the_view_hands_out_the_rates_and_serving_needs_those_of_a_day_and_the_averages() -> None:
    full = direction_features(market().as_of(END), SYMBOL, "1h")
    view = market().as_of(END)
    known = view.funding(SYMBOL)
    lookback = {one.name: one.lookback for one in direction_set("1h").features}
    hours = lookback["funding_rate_ma"]
    recent = known[known.index >= pd.Timestamp(END - hours * HOUR)]
    assert 0 < len(recent) < len(known)
    candles = last_candles(view.candles(SYMBOL, "1h"), hours)
    served = direction_features(Market([candles], {SYMBOL: recent}).as_of(END), SYMBOL, "1h")
    names = ["funding_rate", "funding_rate_ma"]
    pd.testing.assert_series_equal(served[names].iloc[-1], full[names].iloc[-1], check_exact=True)


def test_columns_without_a_source_are_named_with_the_reason() -> None:
    interest = {"oi_change", "oi_change_5"}
    assert set(sources_absent(direction_set("1h"), funding=True)) == interest
    without = sources_absent(direction_set("1h"), funding=False)
    assert set(without) == {"funding_rate", "funding_rate_ma", *interest}
    assert "open interest" in without["oi_change"] and "funding" in without["funding_rate"]
    assert set(sources_absent(regime_set("1h"), funding=False)) == {"funding_rate"}
    names = {"funding_rate", "funding_z", "oi_z"}
    assert set(sources_absent(quantile_set("1h"), funding=False)) == names
    assert sources_absent(direction_scaled_set(), funding=False) == {}
