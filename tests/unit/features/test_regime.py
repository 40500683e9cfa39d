"""The sets `regime` and `quantile` say what pandas says of them, and nothing is unbounded."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecastlab.features.direction import direction_table
from forecastlab.features.regime import quantile_set, quantile_table, regime_set, regime_table
from tests.support.hourly_sets import END, SYMBOL, funding_rates, market

CANDLES = market().as_of(END).candles(SYMBOL, "1h").frame.iloc[:2500]

TEN = [
    *("atr_pct", "vol_ratio", "bb_width", "bb_width_rank", "momentum_5", "trend_r2"),
    *("vol_ma_ratio", "range_ratio", "funding_rate", "ma60_slope"),
]
FIVE = ["funding_z", "oi_z", "basis_z", "taker_imbalance", "volume_surprise"]


def test_the_names_are_these() -> None:
    assert list(regime_set("1h").columns) == TEN
    assert list(quantile_set("4h").columns) == [*TEN, *FIVE]
    assert quantile_set("4h").interval == "4h"


def test_regime_is_the_beginning_of_quantile() -> None:
    ten, fifteen = (
        build(CANDLES, "1h", funding=funding_rates()) for build in (regime_table, quantile_table)
    )
    pd.testing.assert_frame_equal(fifteen[TEN], ten, check_exact=True)


def test_the_values_are_those_of_rolling_windows() -> None:
    found = quantile_table(CANDLES, "1h", funding=funding_rates())
    close, volume = CANDLES["close"], CANDLES["volume"]
    returns = np.log(close).diff()
    width = 2 * close.rolling(20).std() / close.rolling(20).mean()
    high, low = CANDLES["high"], CANDLES["low"]
    extents = [high.rolling(n).max() - low.rolling(n).min() for n in (3, 20)]
    rate = found["funding_rate"]
    basis = (close - CANDLES["quote_volume"] / volume) / close
    expected = {
        "vol_ratio": returns.rolling(5).std() / returns.rolling(20).std(),
        "bb_width": width,
        "bb_width_rank": width.rolling(120).rank(pct=True),
        "momentum_5": close.pct_change(5),
        "trend_r2": close.rolling(20).corr(pd.Series(np.arange(2500.0), close.index)) ** 2,
        "vol_ma_ratio": volume.rolling(5).mean() / volume.rolling(20).mean(),
        "range_ratio": extents[0] / extents[1],
        "ma60_slope": close.rolling(60).mean().pct_change(5),
        "funding_z": z_score(rate),
        "basis_z": z_score(basis),
        "taker_imbalance": 2 * CANDLES["taker_buy_base"] / volume - 1,
        # No hour is quiet here; the floor makes the first 19 hours missing.
        "volume_surprise": z_score(np.log(volume).where(np.arange(2500) >= 19)),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-8, err_msg=name)
    same = direction_table(CANDLES, "1h", funding=funding_rates())
    np.testing.assert_array_equal(found["atr_pct"], same["atr_14"])
    np.testing.assert_array_equal(found["funding_rate"], same["funding_rate"])


def z_score(values: pd.Series) -> pd.Series:
    return ((values - values.rolling(60).mean()) / values.rolling(60).std()).clip(-5, 5)


def test_a_burst_of_volume_and_a_quiet_hour_stay_within_five_deviations() -> None:
    candles = CANDLES.copy()
    names = ["volume", "quote_volume", "taker_buy_base", "taker_buy_quote"]
    candles.loc[candles.index[600], names] *= 1e9
    candles.loc[candles.index[900], [*names, "trades"]] = 0.0
    found = quantile_table(candles, "1h")
    assert found["volume_surprise"].iloc[600] == 5.0
    assert -5.0 <= found["volume_surprise"].iloc[900] < -4.0
    assert found["taker_imbalance"].iloc[900] == 0.0
    assert (
        found.iloc[900:1000]
        .drop(columns=["funding_rate", "funding_z", "oi_z"])
        .notna()
        .all(axis=None)
    )
