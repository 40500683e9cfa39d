"""What the signal's sets see: closed candles matched by time, and what they leave missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.errors import UsageError
from forecastlab.features.build import build_features, build_panel
from forecastlab.features.catalogue import find_feature_set, lookback
from forecastlab.features.feature import FeatureKey
from forecastlab.features.signal import VERSIONS, series_read, signal_set
from forecastlab.features.signal_cross import structural_zeros
from tests.support.signal_market import END, HOUR, SYMBOLS, at, key, market
from tests.support.synthetic import START, without

FOUR = [name for name in signal_set("v2_6").columns if name.endswith("_4h")]
CROSS = signal_set("v2_7").columns[19:]


def row(found: Market, symbol: str, hours: int, version: str = "v2_7") -> pd.Series:
    """Return the newest row as of so many hours after the start."""
    return build_features(found.as_of(at(hours)), symbol, key(version)).iloc[-1]


def altered(found: Market, symbol: str, interval: str, opens: list[int]) -> Market:
    """Return the market with candles of one series three times as high."""
    places = pd.DatetimeIndex([START + k * HOUR for k in opens]).as_unit("ms")

    def tripled(one: Candles) -> Candles:
        frame = one.frame.copy()
        frame.loc[places] *= 3.0
        return Candles(one.symbol, one.interval, frame)

    return Market(
        tripled(one) if (one.symbol, one.interval) == (symbol, interval) else one
        for one in found.series()
    )


@pytest.mark.parametrize("phase", [0, 1, 2, 3])
def test_the_open_four_hour_candle_is_not_seen(phase: int) -> None:
    """As of 1000 + phase hours the candle that opened at 1000 is open until 1004."""
    spoiled = altered(market(), "ETHUSDT", "4h", [1000])
    honest, found = (row(one, "ETHUSDT", 1000 + phase)[FOUR] for one in (market(), spoiled))
    pd.testing.assert_series_equal(honest, found, check_exact=True)
    closed = row(spoiled, "ETHUSDT", 1004)[FOUR]
    assert (closed != row(market(), "ETHUSDT", 1004)[FOUR]).all()


def test_a_stale_four_hour_candle_does_not_stand_in_for_the_next() -> None:
    lost = without(market(), "ETHUSDT", "4h", [START + 1000 * HOUR])
    for hours in (1004, 1005, 1006, 1007):
        assert row(lost, "ETHUSDT", hours)[FOUR].isna().all()
    assert row(lost, "ETHUSDT", 1003)[FOUR].notna().all()
    # A hole of one candle may be spanned: the next one brings the values back.
    assert row(lost, "ETHUSDT", 1008)[FOUR].notna().all()


def test_other_symbols_are_matched_by_their_instants() -> None:
    """A reference with one hour less: by place all of its values would be an hour off."""
    late = without(market(), "BTCUSDT", "1h", [START + 900 * HOUR])
    pd.testing.assert_series_equal(row(late, "SOLUSDT", 1000), row(market(), "SOLUSDT", 1000))
    gone = without(market(), "BTCUSDT", "1h", [START + 999 * HOUR])
    of_bitcoin = [name for name in CROSS if name.startswith("btc")]
    found = row(gone, "SOLUSDT", 1000)
    assert found[of_bitcoin].isna().all()
    # The market is that of the four that are there.
    moves = [row(market(), one, 1000)["price_change_pct"] / 100 for one in SYMBOLS[1:]]
    assert found["market_return_1h"] == pytest.approx(np.mean(moves))
    assert found["market_bullish_ratio"] == np.mean([one > 0 for one in moves])


def test_fewer_than_three_symbols_are_no_market() -> None:
    found = market()
    for symbol in ("BNBUSDT", "ADAUSDT"):
        found = without(found, symbol, "1h", [START + 999 * HOUR])
    assert np.isfinite(row(found, "SOLUSDT", 1000)["market_return_1h"])
    found = without(found, "ETHUSDT", "1h", [START + 999 * HOUR])
    assert row(found, "SOLUSDT", 1000)[["market_return_1h", "market_bullish_ratio"]].isna().all()


def test_a_market_without_a_symbol_is_as_one_without_its_candles() -> None:
    alone = Market([one for one in market().series() if one.symbol != "ETHUSDT"])
    found = row(alone, "SOLUSDT", 1000)
    assert found[["eth_return_1h_lag", "eth_return_2h_lag", "btc_eth_corr_24h"]].isna().all()
    assert np.isfinite(found["market_return_1h"])


@pytest.mark.parametrize(("symbol", "zeros"), [("BTCUSDT", 6), ("ETHUSDT", 2), ("SOLUSDT", 0)])
def test_a_symbol_is_not_compared_with_itself(symbol: str, zeros: int) -> None:
    found = build_features(market().as_of(END), symbol, key("v2_7"))
    names = list(structural_zeros(symbol))
    assert len(names) == zeros
    assert (found[names] == 0.0).all(axis=None)
    others = [name for name in CROSS if name not in {*names, "btc_trend_4h"}]
    assert (found[others].iloc[200:].std() > 0).all()


def test_no_own_window_is_cut_short() -> None:
    table = build_features(market().as_of(END), "BTCUSDT", key("v2_7"))
    first = {one.name: table[one.name].first_valid_index() for one in signal_set("v2_7").features}
    assert first["rsi_14"] == pd.Timestamp(START + 99 * HOUR)
    assert first["ma_50"] == pd.Timestamp(START + 49 * HOUR)
    assert first["macd_signal_4h"] == pd.Timestamp(START + 399 * HOUR)


def test_learners_see_no_row_with_a_missing_value() -> None:
    lost = without(market(), "BTCUSDT", "1h", [START + 999 * HOUR])
    panel = build_panel(lost.as_of(END), SYMBOLS, key("v2_7"))
    assert panel.notna().all(axis=None)
    hour = pd.Timestamp(START + 999 * HOUR)
    assert {symbol for symbol, opened in panel.index if opened == hour} == set()
    own = build_panel(lost.as_of(END), SYMBOLS, key("v1"))
    assert {symbol for symbol, opened in own.index if opened == hour} == {*SYMBOLS[1:]}


def test_what_a_version_reads_is_named() -> None:
    assert series_read("v1", "SOLUSDT", SYMBOLS) == (("SOLUSDT", "1h"),)
    assert series_read("v2_7", "SOLUSDT", SYMBOLS) == (
        *(("SOLUSDT", "1h"), ("SOLUSDT", "4h"), ("BTCUSDT", "1h")),
        *(("ETHUSDT", "1h"), ("BNBUSDT", "1h"), ("ADAUSDT", "1h")),
    )
    # 100 four-hour candles are seventeen days.
    assert [lookback(key(version)) for version in VERSIONS] == [5, 17, 17]


def test_the_catalogue_knows_the_sets_of_the_versions_alone() -> None:
    assert len(find_feature_set(key("v2_7")).columns) == 30
    with pytest.raises(UsageError, match="no feature set"):
        find_feature_set(FeatureKey("signal_v3", interval="1h"))
