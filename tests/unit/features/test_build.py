"""From views to rows: holes, empty markets, several symbols."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles, Market, empty_frame
from forecastlab.contracts.errors import DataUnavailable, UsageError
from forecastlab.features.build import build_features, build_panel
from forecastlab.features.catalogue import FEATURE_SETS, find_feature_set
from forecastlab.features.feature import FeatureKey
from forecastlab.features.holes import unbroken_runs
from tests.support.synthetic import START, synthetic_market, without

DAY = timedelta(days=1)
END = START + 400 * DAY
RAW_AND_SCALED = [("baseline", "raw"), ("flow", "raw"), ("flow", "scaled")]


@pytest.mark.parametrize(("name", "variant"), RAW_AND_SCALED)
def test_a_hole_in_the_days_is_missing_for_every_lookback_that_touches_it(
    name: str, variant: str
) -> None:
    whole = synthetic_market(400, intervals=("1d",))
    holed = without(whole, "BTCUSDT", "1d", [START + 200 * DAY, START + 201 * DAY])
    before = build_features(whole.as_of(END), "BTCUSDT", FeatureKey(name, variant))
    after = build_features(holed.as_of(END), "BTCUSDT", FeatureKey(name, variant))
    assert len(after) == 398
    pd.testing.assert_frame_equal(after.iloc[:200], before.iloc[:200])
    for feature in find_feature_set(FeatureKey(name, variant)).features:
        column = after[feature.name].loc[START + 202 * DAY :]
        if feature.name in ("rsi_14", "macd_hist") and variant == "raw":
            first = 1 if feature.name == "rsi_14" else 0
        else:
            first = feature.lookback - 1
            expected = before.loc[column.index[first:], feature.name]
            pd.testing.assert_series_equal(column.iloc[first:], expected)
        assert column.iloc[:first].isna().all(), feature.name
        assert np.isfinite(column.iloc[first:]).all(), feature.name


def test_endless_averages_start_anew_after_a_hole() -> None:
    whole = synthetic_market(60, intervals=("1d",))
    holed = without(whole, "BTCUSDT", "1d", [START + 30 * DAY])
    (daily,) = whole.series()
    alone = Market([daily.between(START + 31 * DAY, END)])
    pd.testing.assert_frame_equal(
        build_features(holed.as_of(END), "BTCUSDT", FeatureKey("flow", "raw")).iloc[30:],
        build_features(alone.as_of(END), "BTCUSDT", FeatureKey("flow", "raw")),
    )


def test_runs_of_a_candle_frame() -> None:
    market = without(synthetic_market(10), "BTCUSDT", "1d", [START + 3 * DAY, START + 8 * DAY])
    frame = market.as_of(END).candles("BTCUSDT", "1d").frame
    assert [len(run) for run in unbroken_runs(frame)] == [3, 4, 1]
    pd.testing.assert_frame_equal(pd.concat(unbroken_runs(frame)), frame)


@pytest.mark.parametrize(("name", "variant"), FEATURE_SETS)
@pytest.mark.parametrize("days", [0, 1, 2])
def test_short_histories_give_rows_of_missing_values(name: str, variant: str, days: int) -> None:
    view = synthetic_market(5).as_of(START + days * DAY)
    table = build_features(view, "BTCUSDT", FeatureKey(name, variant))
    assert table.shape == (days, len(find_feature_set(FeatureKey(name, variant)).columns))
    assert table.index.equals(view.candles("BTCUSDT", "1d").frame.index)
    panel = build_panel(view, ["BTCUSDT"], FeatureKey(name, variant))
    assert len(panel) == 0
    assert tuple(panel.columns) == find_feature_set(FeatureKey(name, variant)).columns
    assert panel.index.names == ["symbol", "open_time"]


@pytest.mark.parametrize(("name", "variant"), RAW_AND_SCALED)
def test_infinite_values_are_missing(name: str, variant: str) -> None:
    market = synthetic_market(200, intervals=("1d",))
    for one in market.series():
        one.frame.iloc[-30, one.frame.columns.get_indexer(["close", "quote_volume"])] = np.inf
    with np.errstate(all="ignore"):
        table = build_features(market.as_of(END), "BTCUSDT", FeatureKey(name, variant))
    assert table.iloc[169:190].isna().any(axis=None)
    assert not np.isinf(table.to_numpy()).any()


def test_a_symbol_that_the_market_lacks_is_refused() -> None:
    with pytest.raises(DataUnavailable, match="XRPUSDT"):
        build_features(synthetic_market(3).as_of(END), "XRPUSDT", FeatureKey("flow", "raw"))


@pytest.mark.parametrize(("name", "variant"), FEATURE_SETS)
def test_the_panel_holds_the_complete_rows_of_each_symbol(name: str, variant: str) -> None:
    market = synthetic_market(220, ("BTCUSDT", "ETHUSDT"))
    empty = Candles("SOLUSDT", "1d", empty_frame())
    view = Market([*market.series(), empty]).as_of(END)
    panel = build_panel(
        view, ["ETHUSDT", "XRPUSDT", "SOLUSDT", "BTCUSDT"], FeatureKey(name, variant)
    )
    assert panel.index.names == ["symbol", "open_time"]
    assert panel.index.get_level_values("symbol").unique().tolist() == ["ETHUSDT", "BTCUSDT"]
    for symbol in ("ETHUSDT", "BTCUSDT"):
        rows = build_features(view, symbol, FeatureKey(name, variant)).dropna()
        assert len(rows) > 50
        pd.testing.assert_frame_equal(panel.xs(symbol), rows)


def test_the_panel_refuses_an_unknown_set_even_without_symbols() -> None:
    with pytest.raises(UsageError, match="fl0w"):
        build_panel(synthetic_market(3).as_of(END), [], FeatureKey("fl0w", "raw"))
