"""The set `flow` against an independent reading of the original's formulas."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Market
from forecastlab.features.build import build_features
from forecastlab.features.feature import FeatureKey
from forecastlab.features.flow import FLOW
from tests.support.market_data import real_market
from tests.support.synthetic import synthetic_market

ORIGINAL = (
    "rsi_14 ma7 ma21 vol21 macd_hist ret1 taker_buy_base_ratio taker_buy_quote_ratio"
    " trades_per_volume quote_per_trade taker_buy_base_ratio_chg1 taker_buy_quote_ratio_chg1"
    " number_of_trades_chg1 quote_asset_volume_chg1 taker_buy_base_ratio_z7"
    " taker_buy_base_ratio_z21 number_of_trades_z7 number_of_trades_z21 quote_asset_volume_z7"
    " quote_asset_volume_z21"
)
END = datetime(2025, 10, 1, tzinfo=UTC)


def as_the_original_reads(daily: pd.DataFrame) -> pd.DataFrame:
    """Its formulas in plain pandas, the warm-up dropped after each of its two stages."""
    c = daily["close"]
    up, down = c.diff().clip(lower=0), -c.diff().clip(upper=0)
    strength = up.ewm(com=13).mean() / (down.ewm(com=13).mean() + 1e-8)
    macd = c.ewm(span=12).mean() - c.ewm(span=26).mean()
    first = daily.assign(
        rsi_14=100 - 100 / (1 + strength),
        ma7=c.rolling(7).mean(),
        ma21=c.rolling(21).mean(),
        vol21=c.pct_change().rolling(21).std(),
        macd_hist=macd - macd.ewm(span=9).mean(),
        ret1=c.pct_change(),
    ).dropna()
    e, n, quote = 1e-12, first["trades"], first["quote_volume"]
    base_ratio = first["taker_buy_base"] / (first["volume"] + e)
    quote_ratio = first["taker_buy_quote"] / (quote + e)
    second = first.assign(
        taker_buy_base_ratio=base_ratio,
        taker_buy_quote_ratio=quote_ratio,
        trades_per_volume=n / (first["volume"] + e),
        quote_per_trade=quote / (n + e),
        taker_buy_base_ratio_chg1=base_ratio.pct_change(),
        taker_buy_quote_ratio_chg1=quote_ratio.pct_change(),
        number_of_trades_chg1=n.pct_change(),
        quote_asset_volume_chg1=quote.pct_change(),
    )
    named = {
        "taker_buy_base_ratio": base_ratio,
        "number_of_trades": n,
        "quote_asset_volume": quote,
    }
    for name, x in named.items():
        for days in (7, 21):
            spread = x.rolling(days).std() + e
            second[f"{name}_z{days}"] = (x - x.rolling(days).mean()) / spread
    return second.replace([np.inf, -np.inf], np.nan).dropna().loc[:, ORIGINAL.split()]


def test_names_and_order_are_the_originals() -> None:
    assert FLOW.columns == tuple(ORIGINAL.split())


def test_equals_the_original_on_synthetic_candles() -> None:
    view = synthetic_market(120, intervals=("1d",)).as_of(END)
    expected = as_the_original_reads(view.candles("BTCUSDT", "1d").frame)
    assert len(expected) == 120 - 41
    ours = build_features(view, "BTCUSDT", FeatureKey("flow", "raw"))
    pd.testing.assert_frame_equal(ours.loc[expected.index], expected, rtol=1e-8, atol=1e-10)


def test_equals_the_original_on_real_candles_from_2018() -> None:
    (everything,) = real_market(["BTCUSDT"], ["1d"]).series()
    since_2018 = everything.between(datetime(2018, 1, 1, tzinfo=UTC), everything.last_open)
    view = Market([since_2018]).as_of(END)
    expected = as_the_original_reads(since_2018.frame)
    assert str(expected.index[0].date()) == "2018-02-11"
    assert len(expected) == len(since_2018) - 41
    ours = build_features(view, "BTCUSDT", FeatureKey("flow", "raw")).loc[expected.index]
    pd.testing.assert_frame_equal(ours, expected, rtol=1e-8, atol=1e-8)


def test_a_day_without_trades_is_missing_only_where_it_is_divided_by() -> None:
    (daily,) = synthetic_market(60, intervals=("1d",)).series()
    quiet = ["volume", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote"]
    daily.frame.loc[daily.frame.index[40], quiet] = 0.0
    table = build_features(Market([daily]).as_of(END), "BTCUSDT", FeatureKey("flow", "raw"))
    assert table["number_of_trades_chg1"].iloc[40] == -1.0
    assert np.isnan(table["number_of_trades_chg1"].iloc[41])
    assert table["taker_buy_base_ratio"].iloc[40] == 0.0
    assert not np.isinf(table.to_numpy()).any()


@pytest.mark.parametrize("name", ["ma7", "ma21", "macd_hist", "quote_per_trade"])
def test_raw_features_carry_the_price_level(name: str) -> None:
    (daily,) = synthetic_market(60, intervals=("1d",)).series()
    before = build_features(Market([daily]).as_of(END), "BTCUSDT", FeatureKey("flow", "raw"))[name]
    daily.frame[["open", "high", "low", "close", "quote_volume", "taker_buy_quote"]] *= 10
    after = build_features(Market([daily]).as_of(END), "BTCUSDT", FeatureKey("flow", "raw"))[name]
    np.testing.assert_allclose(after.dropna(), 10 * before.dropna(), rtol=1e-6)
