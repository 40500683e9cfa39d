"""The variant `scaled`: free of levels, finite in memory, and still the facts of `flow`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.features.feature import Feature
from forecastlab.features.flow import FLOW, flow_features
from forecastlab.features.scaled import FLOW_SCALED, LOG_BOUND, scaled_flow_features
from tests.support.market_data import real_market
from tests.support.synthetic import synthetic_market

ROWS = 320
PRICES = ["open", "high", "low", "close"]
BASE = ["volume", "taker_buy_base"]
QUOTE = ["quote_volume", "taker_buy_quote"]


def daily_candles(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    return synthetic_market(rows, seed=seed, intervals=("1d",)).series()[0].frame


FACTORS = st.floats(-6, 6).map(lambda power: 10.0**power)


@given(prices=FACTORS, volumes=FACTORS, trades=FACTORS, seed=st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_levels_of_prices_volumes_and_trades_change_nothing(
    prices: float, volumes: float, trades: float, seed: int
) -> None:
    daily = daily_candles(200, seed)
    other = daily.copy()
    other[PRICES] *= prices
    other[BASE] *= volumes
    other[QUOTE] *= prices * volumes
    other["trades"] *= trades
    pd.testing.assert_frame_equal(
        scaled_flow_features(other), scaled_flow_features(daily), rtol=1e-9, atol=1e-9
    )


def test_the_raw_set_would_fail_that() -> None:
    daily = daily_candles(200)
    other = daily.assign(close=daily["close"] * 10)
    with pytest.raises(AssertionError):
        pd.testing.assert_frame_equal(
            flow_features(other), flow_features(daily), rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("feature", FLOW_SCALED.features, ids=lambda feature: feature.name)
def test_the_declared_lookback_is_enough_and_needed(feature: Feature) -> None:
    name, lookback = feature.name, feature.lookback
    daily = daily_candles()
    bulk = scaled_flow_features(daily)[name]
    assert bulk.first_valid_index() == daily.index[lookback - 1]
    for end in (lookback, 200, 251, ROWS):
        enough = scaled_flow_features(daily.iloc[end - lookback : end])[name]
        assert enough.iloc[-1] == bulk.iloc[end - 1]
        if lookback > 1:
            short = scaled_flow_features(daily.iloc[end - lookback + 1 : end])[name]
            assert np.isnan(short.iloc[-1])


@pytest.mark.parametrize("feature", FLOW_SCALED.features, ids=lambda feature: feature.name)
def test_the_oldest_candle_of_the_lookback_matters(feature: Feature) -> None:
    name, lookback = feature.name, feature.lookback
    daily = daily_candles()
    changed = daily.copy()
    changed.iloc[-lookback] *= np.linspace(1.1, 1.5, changed.shape[1])
    before, after = scaled_flow_features(daily)[name], scaled_flow_features(changed)[name]
    assert after.iloc[-1] != before.iloc[-1]
    changed.iloc[:-lookback] *= 3
    assert scaled_flow_features(changed)[name].iloc[-1] == after.iloc[-1]


def test_it_says_what_flow_says() -> None:
    daily = daily_candles()
    raw, scaled = flow_features(daily).iloc[149:], scaled_flow_features(daily).iloc[149:]
    close = daily["close"].iloc[149:]
    same = [name for name in FLOW_SCALED.columns if name in FLOW.columns and name != "rsi_14"]
    assert len(same) == 9
    pd.testing.assert_frame_equal(scaled[same], raw[same], rtol=1e-6)
    expected = {
        "close_to_ma7": np.log(close / raw["ma7"]),
        "close_to_ma21": np.log(close / raw["ma21"]),
        "close_log_chg1": np.log1p(raw["ret1"]),
        "number_of_trades_log_chg1": np.log1p(raw["number_of_trades_chg1"]),
        "quote_asset_volume_log_chg1": np.log1p(raw["quote_asset_volume_chg1"]),
        "taker_buy_base_ratio_log_chg1": np.log1p(raw["taker_buy_base_ratio_chg1"]),
        "taker_buy_quote_ratio_log_chg1": np.log1p(raw["taker_buy_quote_ratio_chg1"]),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(scaled[name], values, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(scaled["rsi_14"], raw["rsi_14"], atol=0.005)
    sigma = raw["macd_hist"] / (close * raw["vol21"])
    np.testing.assert_allclose(scaled["macd_hist_sigma"], sigma, atol=1e-3)


def test_logs_are_bounded_on_a_day_of_thousandfold_volume() -> None:
    daily = daily_candles()
    daily.iloc[-1, daily.columns.get_indexer([*BASE, *QUOTE, "trades"])] *= 1e4
    last = scaled_flow_features(daily).iloc[-1]
    assert last["number_of_trades_log_chg1"] == LOG_BOUND
    assert last["quote_asset_volume_log_chg1"] == LOG_BOUND
    assert last.abs().drop("rsi_14").max() <= 20 / np.sqrt(21)


def test_a_day_without_trades_is_missing_as_far_as_it_is_looked_back_to() -> None:
    daily = daily_candles()
    daily.iloc[200, daily.columns.get_indexer([*BASE, *QUOTE, "trades"])] = 0.0
    missing = scaled_flow_features(daily).iloc[190:240].isna()
    assert missing["taker_buy_base_ratio"].sum() == 1
    assert missing["number_of_trades_log_chg1"].sum() == 2
    assert missing["taker_buy_base_ratio_z21"].sum() == 21
    assert missing["trades_per_volume_to_ma21"].sum() == 21
    assert missing["number_of_trades_z21"].sum() == 0
    assert missing["close_to_ma21"].sum() == 0


def test_real_candles_give_complete_rows_after_the_warm_up() -> None:
    for candles in real_market(["BTCUSDT", "ADAUSDT"], ["1d"]).series():
        table = scaled_flow_features(candles.frame)
        assert table.iloc[149:].notna().all(axis=None)
        assert table.iloc[149:].drop(columns="rsi_14").abs().max(axis=None) < 4.4
