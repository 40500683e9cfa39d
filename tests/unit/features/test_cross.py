"""The set `cross`: seven comparisons per reference, at the same open or not at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.candles import Candles, Market
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.features.cross import base_asset, cross_features, cross_set
from forecastlab.features.direction import direction_features
from tests.support.hourly_sets import END, HOUR, REFERENCES, SYMBOL, market
from tests.support.synthetic import START, without

SEVEN = [
    "ret_1",
    "ret_5",
    "ret_21",
    "target_corr_20",
    "target_corr_60",
    "rel_strength",
    "vol_ratio",
]


def table(found: Market) -> pd.DataFrame:
    return cross_features(found.as_of(END), SYMBOL, REFERENCES, "1h")


def test_the_names_are_seven_per_reference_in_the_order_given() -> None:
    one = cross_set(REFERENCES, "4h")
    assert list(one.columns) == [f"{ref}_{name}" for ref in ("btc", "sol", "bnb") for name in SEVEN]
    assert (one.name, one.variant, one.interval) == ("cross", "raw", "4h")


@pytest.mark.parametrize(
    ("symbol", "base"),
    [("BTCUSDT", "btc"), ("1000SHIBUSDT", "1000shib"), ("ETHFDUSD", "eth"), ("ETHBTC", "ethbtc")],
)
def test_the_base_asset_begins_the_names(symbol: str, base: str) -> None:
    assert base_asset(symbol) == base


def test_a_missing_candle_of_a_reference_is_missing_not_carried_forward() -> None:
    lost = 5000
    found = table(without(market(), "BTCUSDT", "1h", [START + lost * HOUR]))
    missing = found.isna().iloc[1000:].sum()
    assert missing[[f"btc_{name}" for name in SEVEN]].tolist() == [2, 2, 2, 21, 61, 2, 21]
    assert missing.drop([f"btc_{name}" for name in SEVEN]).sum() == 0
    assert np.flatnonzero(found["btc_ret_5"].isna())[5:].tolist() == [lost, lost + 5]
    whole = table(market())
    known = found.notna()
    pd.testing.assert_frame_equal(found.where(known), whole.where(known), check_exact=True)


def test_a_reference_that_lags_behind_gives_no_row() -> None:
    """Its newest candle has not come: the comparison waits, it does not use the one before."""
    late = Market(
        Candles(one.symbol, one.interval, one.frame.iloc[:-1]) if one.symbol == "SOLUSDT" else one
        for one in market().series()
    )
    row = table(late).iloc[-1]
    assert row[[f"sol_{name}" for name in SEVEN]].isna().all()
    assert row[[f"btc_{name}" for name in SEVEN]].notna().all()


def test_a_reference_without_candles_is_an_error_not_a_column_of_nothing() -> None:
    with pytest.raises(DataUnavailable):
        cross_features(market().as_of(END), SYMBOL, ("DOGEUSDT",), "1h")


def test_the_values_are_those_of_the_two_symbols_by_themselves() -> None:
    view = market().as_of(END)
    found = table(market())
    own, btc = (direction_features(view, one, "1h") for one in (SYMBOL, "BTCUSDT"))
    for n in (1, 5, 21):
        np.testing.assert_array_equal(found[f"btc_ret_{n}"], btc[f"ret_{n}"])
    np.testing.assert_array_equal(found["btc_rel_strength"], own["ret_5"] - btc["ret_5"])
    for n in (20, 60):
        expected = own["ret_1"].rolling(n).corr(btc["ret_1"])
        np.testing.assert_allclose(found[f"btc_target_corr_{n}"], expected, rtol=1e-6)
    expected = own["hvol_20"] / btc["ret_1"].rolling(20).std()
    np.testing.assert_allclose(found["btc_vol_ratio"], expected, rtol=1e-6)
