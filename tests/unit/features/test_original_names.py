"""What is made of the earlier system's columns is what the candles give."""

from __future__ import annotations

import numpy as np
import pytest

from forecastlab.features.build import build_features
from forecastlab.features.feature import FeatureKey
from forecastlab.features.original_names import original_names, successors
from tests.support.synthetic import START, synthetic_market

SYMBOLS = ("ETHUSDT", "BTCUSDT", "SOLUSDT", "BNBUSDT")
REFERENCES = SYMBOLS[1:]
ROWS = 200


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    view = synthetic_market(40, SYMBOLS, seed=2).as_of(START.replace(month=2, day=9))
    key = FeatureKey("direction_cross", "raw", "1h", REFERENCES)
    rows = build_features(view, "ETHUSDT", key).iloc[-ROWS:]
    found = {str(name): rows[name].to_numpy() for name in rows}
    return {name.replace("target_corr", "eth_corr"): one for name, one in found.items()} | found


@pytest.mark.parametrize("name", sorted(successors("ETHUSDT", REFERENCES)))
def test_a_successor_is_the_column_itself(name: str, columns: dict[str, np.ndarray]) -> None:
    one = successors("ETHUSDT", REFERENCES)[name]
    made = one.make(*(columns[source] for source in one.of))
    known = np.isfinite(made)
    assert known.sum() >= ROWS - 64
    assert known[-1]
    np.testing.assert_allclose(made[known], columns[name][known], rtol=1e-9, atol=1e-12)


def test_a_row_whose_window_was_not_sent_whole_is_missing() -> None:
    total = successors("ETHUSDT", REFERENCES)["ofi_sum_60"]
    made = total.make(np.ones(61))
    assert np.isnan(made[:59]).all()
    assert made[59:].tolist() == [60.0, 60.0]


def test_the_earlier_client_sends_101_columns() -> None:
    names = original_names("ETHUSDT", "1h", REFERENCES)
    own = {"momentum_accel_rel", "macd_bar_change_rel", "ofi_sum_60", "ofi_sum_60_slope"}
    aliases = {name for name in names if "target_corr" in name}
    assert len(names - own - aliases) == 101
