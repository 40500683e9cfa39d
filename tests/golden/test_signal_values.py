"""The 30 values of the signal against loops over lists, and pinned where both could move."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pandas as pd
import pytest

from forecastlab.contracts.candles import Market
from forecastlab.features.build import build_features
from forecastlab.features.signal import signal_set
from tests.support.market_data import real_market
from tests.support.signal_market import END, HOUR, SYMBOLS, at, key, market, slow_row

NAMES: Final = (
    *("rsi_14", "macd", "macd_signal", "macd_hist", "ma_20", "ma_50"),
    *("bb_upper", "bb_middle", "bb_lower", "atr_14", "volume", "volume_ma_20"),
    "price_change_pct",
    *("rsi_14_4h", "macd_4h", "macd_signal_4h", "ma_20_4h", "volume_ma_20_4h", "atr_14_4h"),
    *("btc_return_1h_lag", "btc_return_2h_lag", "btc_return_4h_lag", "btc_return_24h_lag"),
    *("btc_trend_4h", "eth_return_1h_lag", "eth_return_2h_lag"),
    *("market_return_1h", "market_bullish_ratio", "btc_eth_corr_24h", "btc_target_corr_24h"),
)
"""As the original lists them."""


def test_names_and_order_are_the_originals() -> None:
    assert signal_set("v1").columns == NAMES[:13]
    assert signal_set("v2_6").columns == NAMES[:19]
    assert signal_set("v2_7").columns == NAMES


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("hours", [500, 501, 502, 503, 1440])
def test_rows_equal_plain_loops(symbol: str, hours: int) -> None:
    """At each phase of the four-hour candle, of which three must not see the open one."""
    compare(market(), symbol, at(hours))


DAYS = ("2021-01-20T14", "2022-06-18T21", "2024-08-05T06", "2025-09-30T23")


@pytest.mark.parametrize("open_time", DAYS)
def test_rows_of_real_candles_equal_plain_loops(open_time: str) -> None:
    found = real_market(SYMBOLS, ["1h", "4h"])
    as_of = (pd.Timestamp(open_time, tz="UTC") + HOUR).to_pydatetime()
    for symbol in SYMBOLS:
        compare(found, symbol, as_of)


def compare(found: Market, symbol: str, as_of: datetime) -> None:
    view = found.as_of(as_of)
    row = build_features(view, symbol, key("v2_7")).iloc[-1]
    assert row.to_dict() == pytest.approx(slow_row(view, symbol), rel=1e-9, abs=1e-12)


GOLDEN: Final = {
    "rsi_14": 73.9787266868,
    "macd": 0.369059005296,
    "macd_signal": 0.323999428604,
    "macd_hist": 0.0450595766919,
    "ma_20": 29.5556782494,
    "ma_50": 28.7983123136,
    "bb_upper": 30.3493826398,
    "bb_middle": 29.5556782494,
    "bb_lower": 28.7619738591,
    "atr_14": 0.283830626687,
    "volume": 995282.51701,
    "volume_ma_20": 1334136.64152,
    "price_change_pct": 1.02924348046,
    "rsi_14_4h": 70.7958469135,
    "macd_4h": 0.378836146711,
    "macd_signal_4h": 0.128484013752,
    "ma_20_4h": 28.5122299047,
    "volume_ma_20_4h": 4056115.57013,
    "atr_14_4h": 0.520830825249,
    "btc_return_1h_lag": 0.000603099617328,
    "btc_return_2h_lag": 0.0096150252104,
    "btc_return_4h_lag": 0.0143437366397,
    "btc_return_24h_lag": 0.0227007361872,
    "btc_trend_4h": 1.0,
    "eth_return_1h_lag": 0.0172524241482,
    "eth_return_2h_lag": 0.0240208598033,
    "market_return_1h": 0.00753732836072,
    "market_bullish_ratio": 1.0,
    "btc_eth_corr_24h": 0.663509926327,
    "btc_target_corr_24h": 0.574026209292,
}
"""Of SOLUSDT at the synthetic market's end."""


def test_the_values_are_pinned() -> None:
    row = build_features(market().as_of(END), "SOLUSDT", key("v2_7")).iloc[-1]
    assert row.to_dict() == pytest.approx(GOLDEN, rel=1e-9)


def test_every_version_is_the_beginning_of_the_next() -> None:
    view = market().as_of(END)
    whole = build_features(view, "ADAUSDT", key("v2_7"))
    for version in ("v1", "v2_6"):
        part = build_features(view, "ADAUSDT", key(version))
        pd.testing.assert_frame_equal(part, whole[list(part.columns)], check_exact=True)
