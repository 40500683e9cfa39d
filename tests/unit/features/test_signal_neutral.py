"""Stand-ins: the documented values, in the newest row alone, and each of them named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.features.signal import signal_set
from forecastlab.features.signal_neutral import NEUTRAL, neutral_values, newest_filled


def test_the_neutral_values_are_those_documented() -> None:
    whole = neutral_values("signal_v2_7")
    assert whole["market_bullish_ratio"] == 0.5
    assert whole["rsi_14"] == whole["rsi_14_4h"] == 50.0
    others = {name for name in whole if name not in {"market_bullish_ratio", "rsi_14", "rsi_14_4h"}}
    assert {whole[name] for name in others} == {0.0}
    assert {*whole} == {*NEUTRAL} <= {*signal_set("v2_7").columns}
    assert {*signal_set("v2_7").columns[19:]} <= {*whole}


def test_prices_and_volumes_have_no_neutral_value() -> None:
    levels = {"ma_20", "ma_50", "bb_upper", "atr_14", "volume", "macd", "ma_20_4h", "atr_14_4h"}
    assert not levels & {*NEUTRAL}


@pytest.mark.parametrize("version", ["v1", "v2_6", "v2_7"])
def test_every_missing_value_that_is_filled_is_named(version: str) -> None:
    columns = signal_set(version).columns
    table = pd.DataFrame(np.nan, index=range(3), columns=list(columns))
    filled, stood_in = newest_filled(table, f"signal_{version}")
    assert filled.iloc[:-1].isna().all(axis=None)
    newest = filled.iloc[-1].dropna()
    assert tuple(newest.index) == stood_in
    assert newest.to_dict() == dict(neutral_values(f"signal_{version}"))
    assert table.isna().all(axis=None)


def test_a_whole_row_stays_as_it_is() -> None:
    table = pd.DataFrame(1.0, index=range(2), columns=list(signal_set("v2_7").columns))
    filled, stood_in = newest_filled(table, "signal_v2_7")
    assert filled is table
    assert stood_in == ()


def test_other_sets_have_no_stand_ins() -> None:
    table = pd.DataFrame({"ret1": [np.nan]})
    assert newest_filled(table, "flow") == (table, ())
