"""What each column adds: base and contributions make the raw score of the member, exactly."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.explanations import EXACT
from forecastlab.contracts.manifest import KNOWN_ANSWERS
from forecastlab.models.base import Model, aligned
from forecastlab.models.contributions import EVENT, contributions
from forecastlab.models.first_passage import FirstPassageModel
from forecastlab.models.gbm import LightGbm
from forecastlab.models.softmax import softmax
from forecastlab.models.xgb import XgBoost
from forecastlab.usecases.open_bundle import OpenBundle, load_bundle
from forecastlab.usecases.stored_answers import stored_answers
from tests.support.memory_store import MemoryStore
from tests.support.pooled_training import ROWS, SYMBOLS, training_set, up_or_not
from tests.support.shipped_bundles import FULL, PRODUCTION

EXPLAINED = ("first_passage", "lightgbm", "xgboost")


@lru_cache(maxsize=1)
def bundle() -> OpenBundle:
    return load_bundle(BundleShelf(PRODUCTION, MemoryStore()).find(FULL))


def member(candidate: str, name: str) -> tuple[Model, pd.DataFrame]:
    """Return a member of the shipped bundle, and the 64 real as-ofs that it carries."""
    forecaster = bundle().forecasters[candidate]
    stored = stored_answers(bundle().files.files[KNOWN_ANSWERS])
    rows = stored.features[forecaster.keys[name].feature_set]
    return forecaster.members[name], rows.loc[stored.opens]


def raw_scores(model: Any, row: pd.DataFrame) -> np.ndarray:
    """Return what goes into the softmax, by the library's own way of predicting."""
    matrix = aligned(row, model.columns)
    if hasattr(model.booster, "get_dump"):
        raw = model.booster.inplace_predict(matrix, predict_type="margin", validate_features=False)
    else:
        raw = model.booster.predict(matrix, raw_score=True)
    start = np.asarray(model.start)
    if len(model.classes) == 2:
        return np.asarray(start[1] - start[0] + np.ravel(raw))
    return np.asarray(start + np.ravel(raw))


@pytest.mark.parametrize("candidate", ["T14_X8", "T21_X8"])
@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_trees_of_the_shipped_bundle_sum_to_their_raw_scores(candidate: str, name: str) -> None:
    model, rows = member(candidate, name)
    for place in range(len(rows)):
        row = rows.iloc[[place]]
        found = contributions(model, row)
        assert found is not None
        raw = np.array([found.raw[str(label)] for label in model.classes])
        np.testing.assert_allclose(raw, raw_scores(model, row), rtol=0, atol=EXACT)
        said = model.predict_proba(row).to_numpy()[0]
        np.testing.assert_allclose(softmax(raw), said, rtol=0, atol=EXACT)
        assert all(set(of) == set(model.columns) for of in found.columns.values())


@pytest.mark.parametrize("candidate", ["T14_X8", "T21_X8"])
def test_first_passage_sums_to_the_log_odds_of_the_event(candidate: str) -> None:
    model, rows = member(candidate, "first_passage")
    for place in range(len(rows)):
        row = rows.iloc[[place]]
        found = contributions(model, row)
        assert found is not None and list(found.raw) == [EVENT]
        quiet = model.predict_proba(row)[0].iloc[0]
        assert found.raw[EVENT] == pytest.approx(np.log((1 - quiet) / quiet), abs=EXACT)


def test_first_passage_at_the_average_row_takes_the_tangent() -> None:
    model, rows = member("T21_X8", "first_passage")
    assert isinstance(model, FirstPassageModel)
    row = rows.iloc[[0]].copy()
    inputs = [name for name in model.columns if name != "log_rv_25"]
    row[inputs] = model.variance.scaling.mean
    for nudge in (0.0, 1e-9):
        row[inputs[0]] += nudge
        found = contributions(model, row)
        assert found is not None
        quiet = model.predict_proba(row)[0].iloc[0]
        assert found.raw[EVENT] == pytest.approx(np.log((1 - quiet) / quiet), abs=EXACT)


LIGHT = LightGbm(SYMBOLS, rounds=40, patience=0, min_rows_in_leaf=20, l2=1.0, column_share=1.0)
EXTREME = XgBoost(SYMBOLS, rounds=40, patience=0, min_weight=2.0, l2=1.0, column_share=1.0)


@pytest.mark.parametrize("learner", [LIGHT, EXTREME], ids=["lightgbm", "xgboost"])
def test_two_classes_have_one_score(learner: Any) -> None:
    model = learner.fit(up_or_not(training_set()), seed=1)
    for place in range(len(ROWS)):
        found = contributions(model, ROWS.iloc[[place]])
        assert found is not None and list(found.raw) == ["1"] and found.unit == "log odds"
        said = model.predict_proba(ROWS.iloc[[place]])[1].iloc[0]
        assert found.raw["1"] == pytest.approx(np.log(said / (1 - said)), abs=EXACT)
        assert found.raw["1"] == pytest.approx(raw_scores(model, ROWS.iloc[[place]])[0], abs=EXACT)


@pytest.mark.parametrize("learner", [LIGHT, EXTREME], ids=["lightgbm", "xgboost"])
def test_the_signal_is_what_moves_the_score_and_order_is_irrelevant(learner: Any) -> None:
    model = learner.fit(training_set(), seed=1)
    top, low = (contributions(model, ROWS.iloc[[place]]) for place in (2, 0))
    assert top is not None and low is not None
    assert top.columns["1"]["signal"] > 5 * abs(top.columns["1"]["noise"])
    assert low.columns["1"]["signal"] < 0 < low.columns["-1"]["signal"]
    turned = contributions(model, ROWS.iloc[[2], ::-1])
    assert turned is not None and turned.columns == top.columns


def test_a_network_is_not_explained_and_a_broken_row_is_refused() -> None:
    model, rows = member("T14_X8", "lightgbm")
    assert contributions(SimpleNamespace(columns=("x",), classes=(0, 1)), rows) is None  # type: ignore[arg-type]
    with pytest.raises(DataMalformed):
        contributions(model, rows.iloc[[0]].drop(columns=rows.columns[0]))


def test_base_and_contributions_are_all_there_is() -> None:
    model, rows = member("T14_X8", "lightgbm")
    found = contributions(model, rows.iloc[[0]])
    assert found is not None
    moved = replace(found, base={name: value + 1 for name, value in found.base.items()})
    assert moved.raw == pytest.approx({name: value + 1 for name, value in found.raw.items()})
