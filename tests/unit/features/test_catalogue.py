"""Every feature is described, built, and looks back as far as the catalogue says."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import numpy as np
import pytest

from forecastlab.contracts.candles import Market
from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import INTERVALS
from forecastlab.features.baseline import START_DEPENDENT
from forecastlab.features.build import build_features
from forecastlab.features.catalogue import FEATURE_SETS, find_feature_set, lookback
from forecastlab.features.feature import FeatureKey, FeatureSet, Source
from tests.support.synthetic import START, synthetic_market

SETS = [pytest.param(one, id=f"{one.name}-{one.variant}") for one in FEATURE_SETS.values()]


def test_the_sets_are_these() -> None:
    """A set that bundles read never changes; a further one may stand beside these."""
    sizes = {key: len(one.columns) for key, one in FEATURE_SETS.items()}
    assert (
        sizes
        | {
            ("baseline", "raw"): 6,
            ("flow", "raw"): 20,
            ("flow", "scaled"): 20,
            ("variance", "raw"): 11,
        }
        == sizes
    )
    assert all(key == (one.name, one.variant) for key, one in FEATURE_SETS.items())


@pytest.mark.parametrize("one", SETS)
def test_every_feature_is_described(one: FeatureSet) -> None:
    assert len(set(one.columns)) == len(one.columns)
    for feature in one.features:
        assert feature.formula.strip(), feature.name
        assert feature.unit.strip(), feature.name
        assert feature.lookback >= 1, feature.name
        assert feature.interval in INTERVALS, feature.name
        assert feature.source in get_args(Source), feature.name


@pytest.mark.parametrize("one", SETS)
def test_every_feature_is_built_in_order_and_nothing_else(one: FeatureSet) -> None:
    view = synthetic_market(200).as_of(START + timedelta(days=200))
    table = build_features(view, "BTCUSDT", FeatureKey(one.name, one.variant))
    assert tuple(table.columns) == one.columns
    assert table.iloc[-1].notna().all()
    assert set(table.dtypes.astype(str)) == {"float64"}


def test_lookback_is_in_daily_candles() -> None:
    found = {key: lookback(FeatureKey(*key)) for key in FEATURE_SETS}
    assert (
        found
        | {
            ("baseline", "raw"): 150,
            ("flow", "raw"): 150,
            ("flow", "scaled"): 150,
            ("variance", "raw"): 1500,
        }
        == found
    )


def test_raw_features_need_no_more_than_they_declare() -> None:
    (daily,) = synthetic_market(400, intervals=("1d",)).series()
    end = START + timedelta(days=400)
    bulk = build_features(Market([daily]).as_of(end), "BTCUSDT", FeatureKey("flow", "raw")).iloc[-1]
    for feature in FEATURE_SETS["flow", "raw"].features:
        window = daily.between(end - timedelta(days=feature.lookback), end)
        assert len(window) == feature.lookback
        table = build_features(Market([window]).as_of(end), "BTCUSDT", FeatureKey("flow", "raw"))
        if feature.name in START_DEPENDENT:
            assert table[feature.name].iloc[-1] == pytest.approx(bulk[feature.name], rel=1e-3)
        else:
            assert table[feature.name].iloc[-1] == bulk[feature.name], feature.name
            assert np.isnan(table[feature.name].iloc[:-1]).all(), feature.name


@pytest.mark.parametrize(
    ("name", "variant"), [("flow", "raww"), ("fl0w", "raw"), ("baseline", "scaled")]
)
def test_an_unknown_set_is_refused_with_the_known_ones(name: str, variant: str) -> None:
    with pytest.raises(UsageError) as refusal:
        find_feature_set(FeatureKey(name, variant))
    assert refusal.value.exit_code == 2
    for known_name, known_variant in FEATURE_SETS:
        assert f"{known_name} ({known_variant})" in refusal.value.remedy
    view = synthetic_market(3).as_of(START)
    with pytest.raises(UsageError):
        build_features(view, "BTCUSDT", FeatureKey(name, variant))
