"""The set `direction`: the original's 80 names, finite everywhere, and what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.intervals import Interval
from forecastlab.features.direction import direction_set, direction_table
from forecastlab.features.direction_scaled import direction_scaled_features
from forecastlab.features.holes import stretches
from forecastlab.features.regime import quantile_table
from tests.support.hourly_sets import END, SYMBOL, SYMBOLS, market, market_with_outages
from tests.support.market_data import real_market
from tests.support.synthetic import synthetic_market

ORIGINAL = """
ret_1 ret_2 ret_3 ret_5 ret_8 ret_13 ret_21 log_ret_1 log_ret_5 roc_5 roc_10 roc_20
momentum_accel_rel price_percentile
dist_MA5 slope_MA5 dist_MA10 slope_MA10 dist_MA20 slope_MA20 dist_MA60 slope_MA60
ma_cross_5_20 ma_cross_5_20_prev ma_cross_10_60
macd_dif macd_dea macd_bar macd_bar_change_rel macd_cross macd_cross_prev atr_14 atr_5
rsi6 rsi6_slope rsi12 rsi12_slope k d j cci cci_slope
hvol_5 hvol_20 hvol_ratio hl_position dist_high_20 dist_low_20
vol_ratio_5_20 vol_change vol_price_corr_10 vol_price_agree
taker_buy_ratio ofi ofi_ma5 ofi_std5 ofi_sum_60 ofi_sum_60_slope large_trade_ratio buy_sell_pressure
body_ratio upper_shadow_ratio lower_shadow_ratio is_bull bull_streak bear_streak avg_body_3
max_range_3 hour_sin hour_cos dow_sin dow_cos cum_ret_5_rank cum_ret_20_rank sharpe_5 sharpe_20
funding_rate funding_rate_ma oi_change oi_change_5
"""
"""In its order, with the four successors in their predecessors' places."""

NAMES = ORIGINAL.split()


@pytest.mark.parametrize("interval", ["1h", "4h", "1d"])
def test_the_names_are_the_originals_in_its_order(interval: Interval) -> None:
    one = direction_set(interval)
    assert (one.name, one.variant, one.interval) == ("direction", "raw", interval)
    assert list(one.columns) == NAMES
    assert len(NAMES) == 80
    assert {feature.interval for feature in one.features} == {interval}


def test_successors_say_in_the_catalogue_how_they_differ() -> None:
    formulas = {one.name: one.formula for one in direction_set("1h").features}
    for name, former in {
        "momentum_accel_rel": "momentum_accel",
        "macd_bar_change_rel": "macd_bar_change",
        "ofi_sum_60": "cum_ofi",
        "ofi_sum_60_slope": "cum_ofi_slope",
    }.items():
        assert f"the original's {former} " in formulas[name]
        assert former not in formulas


def test_an_hour_without_a_trade_is_neutral_not_infinite() -> None:
    """Hour 8,800 of the market has no trade and no range."""
    view = market_with_outages().as_of(END)
    candles = view.candles(SYMBOL, "1h").frame
    quiet = int(np.flatnonzero(candles["volume"] == 0)[0])
    row = direction_table(candles, "1h").iloc[quiet]
    neutral = {"taker_buy_ratio": 0.5, "ofi": 0.0, "hl_position": 0.5, "body_ratio": 0.0}
    neutral |= {"upper_shadow_ratio": 0.0, "lower_shadow_ratio": 0.0, "vol_change": -1.0}
    assert row[list(neutral)].to_dict() == neutral
    after = slice(quiet, quiet + 130)
    raw = direction_table(candles, "1h").drop(columns=NAMES[-4:]).iloc[after].isna()
    assert raw.sum()[raw.any()].to_dict() == {"vol_change": 1}
    quantiles = quantile_table(candles, "1h", funding=view.funding(SYMBOL)).drop(columns="oi_z")
    scaled = direction_scaled_features(view, SYMBOL, ("BTCUSDT", SYMBOL, "BNBUSDT", "ADAUSDT"))
    for table in (quantiles, scaled):
        rows = table.iloc[after]
        assert rows.loc[:, ~rows.columns.str.startswith("funding")].notna().all(axis=None)


def test_a_market_that_stands_still_gives_no_infinity() -> None:
    frame = market().as_of(END).candles(SYMBOL, "1h").frame.iloc[:900].copy()
    close = frame["close"].iloc[449]
    frame.iloc[450:] = [close] * 4 + [0.0] * 5
    with np.errstate(divide="raise", invalid="raise"):
        tables = direction_table(frame, "1h"), quantile_table(frame, "1h")
    for table in tables:
        assert not np.isinf(table.to_numpy()).any()
    last = tables[0].iloc[-1]
    assert last[["rsi6", "ret_1", "macd_cross", "cci", "hvol_20", "ofi_sum_60"]].tolist() == [
        0.5,
        *[0.0] * 5,
    ]
    assert last[["sharpe_5", "hvol_ratio", "vol_ratio_5_20", "vol_price_corr_10"]].isna().all()


def test_ties_share_their_rank() -> None:
    (hours,) = synthetic_market(5, intervals=("1h",)).series()
    frame = hours.frame.assign(close=np.resize([10.0, 11.0], 120)).assign(high=12.0, low=9.0)
    table = direction_table(frame, "1h")
    assert table["price_percentile"].iloc[-2:].tolist() == pytest.approx([15.5 / 60, 45.5 / 60])


def test_the_calendar_is_that_of_the_open() -> None:
    opens = pd.DatetimeIndex(["2024-01-01T00", "2024-01-02T06", "2024-01-07T12"], tz="UTC")
    (hours,) = synthetic_market(1, intervals=("1h",)).series()
    table = direction_table(hours.frame.iloc[:3].set_axis(opens.as_unit("ms")), "1h")
    np.testing.assert_allclose(table["hour_sin"], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(table["hour_cos"], [1, 0, -1], atol=1e-12)
    np.testing.assert_allclose(table["dow_sin"], np.sin(2 * np.pi * np.array([0, 1, 6]) / 7))


def test_real_hours_are_complete_after_the_warm_up() -> None:
    """But for the hour after an hour without a trade, and the columns without a source."""
    for one in real_market(SYMBOLS, ["1h"]).series():
        table = direction_table(one.frame, "1h").drop(columns=NAMES[-4:])
        for part in stretches(pd.DatetimeIndex(one.frame.index), "1h"):
            missing = table.iloc[part].iloc[349:].isna()
            assert missing.sum()[missing.any()].drop("vol_change", errors="ignore").empty
            assert missing["vol_change"].sum() <= 3
