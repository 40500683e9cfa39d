from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.calibration import Calibration
from forecastlab.models.methods import EqualWeightPool, load_combiner
from forecastlab.models.prequential import run_prequential
from forecastlab.models.rule import Rule
from tests.support.out_of_fold import end_of, out_of_fold

ROWS, MEMBERS = out_of_fold()
RULE = run_prequential(ROWS, MEMBERS, horizon=5, until=end_of(ROWS)).rule
CALIBRATION = Calibration((0.0, 0.1, -0.1), 1.2).dump()


def test_a_dumped_rule_forecasts_the_same() -> None:
    loaded = Rule.load(RULE.dump())
    table = loaded.forecast(MEMBERS)
    pd.testing.assert_frame_equal(table, RULE.forecast(MEMBERS), check_exact=True)
    assert loaded.prediction_sets(table) == RULE.prediction_sets(table)
    assert loaded.dump() == RULE.dump()


def test_sets_ascend_and_are_never_empty() -> None:
    sets = RULE.prediction_sets(RULE.forecast(MEMBERS))
    assert all(sets)
    assert all(list(one) == sorted(one) for one in sets)


def test_the_order_of_columns_and_members_is_irrelevant() -> None:
    turned = {name: MEMBERS[name].loc[:, [1, -1, 0]] for name in reversed(MEMBERS)}
    pd.testing.assert_frame_equal(RULE.forecast(turned), RULE.forecast(MEMBERS))


def test_a_stranger_has_no_say_in_the_pool() -> None:
    pool = replace(RULE, method="pool", combiner=EqualWeightPool())
    more = {**MEMBERS, "stranger": MEMBERS["clever"]}
    pd.testing.assert_frame_equal(pool.forecast(more), pool.forecast(MEMBERS))


def test_a_missing_member_is_named() -> None:
    with pytest.raises(DataMalformed, match="forecasts of noisy are missing"):
        RULE.forecast({"clever": MEMBERS["clever"]})


@pytest.mark.parametrize(
    "files",
    [
        {},
        {**RULE.dump(), "rule.json": b"{}"},
        {**RULE.dump(), "rule.json": b'{"method": "oracle", "members": ["a"], "classes": [0, 1]}'},
        {name: data for name, data in RULE.dump().items() if name != "conformal.json"},
    ],
    ids=["none", "empty", "unknown method", "no prediction set"],
)
def test_broken_files_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleRefused):
        Rule.load(files)


@pytest.mark.parametrize("method", ["stack", "stack+calibration"])
def test_without_stacking_the_pool_stands_in_for_a_stack(method: str) -> None:
    stacked = replace(RULE, method=method)
    assert stacked.forecast_with(MEMBERS)[0] == method
    said, published = stacked.forecast_with(MEMBERS, stacking=False)
    assert said == "pool"
    pool = replace(RULE, method="pool", combiner=EqualWeightPool())
    pd.testing.assert_frame_equal(published, pool.forecast(MEMBERS))


@pytest.mark.parametrize("method", ["clever", "pool", "pool+calibration"])
def test_without_stacking_a_rule_that_has_none_speaks_as_ever(method: str) -> None:
    plain = replace(RULE, method=method, combiner=load_combiner(method, CALIBRATION))
    said, published = plain.forecast_with(MEMBERS, stacking=False)
    assert said == method
    pd.testing.assert_frame_equal(published, plain.forecast(MEMBERS))
