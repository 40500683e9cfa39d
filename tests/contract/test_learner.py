"""The contract of every learner: deterministic, exact round trip, strict about its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import BundleRefused, DataMalformed
from forecastlab.models.base import Learner, Model, TrainingSet
from forecastlab.models.base_rate import BaseRate, BaseRateModel
from forecastlab.models.catalogue import LEARNERS, load_model, make_learner
from forecastlab.usecases.training_materials import Materials, build_materials
from forecastlab.usecases.walk_forward import make_folds
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import small_recipe

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SEED = 3

Make = Callable[[], Learner]

SMALL_NETWORK: dict[str, Any] = {"length": 12, "hidden": 4, "epochs": 2, "batch": 256}

TABLES: dict[str, dict[str, Any]] = {
    "lightgbm_cross": {"feature_set": "flow"},
    "lstm": {**SMALL_NETWORK, "seeds": 2},
    "tft": SMALL_NETWORK,
}
"""Kind -> its table in a recipe; a daily market has no cross-asset features."""


def made(kind: str) -> Learner:
    return make_learner(kind, TABLES.get(kind, {}), SYMBOLS)


CASES: dict[str, Make] = {
    "base_rate": BaseRate,
    **{kind: lambda kind=kind: made(kind) for kind in LEARNERS},  # type: ignore[misc]
}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    recipe = small_recipe(SYMBOLS)
    dates = {"oof_from": pd.Timestamp("2019-06-01").date()}
    return recipe.model_copy(update={"train": recipe.train.model_copy(update=dates)})


@pytest.fixture(scope="module")
def materials(recipe: Recipe) -> Materials:
    market = synthetic_market(700, SYMBOLS, seed=5)
    end = market.newest("BTCUSDT", "1d") + pd.Timedelta(days=1)
    learners = [made(kind) for kind in LEARNERS]
    return build_materials(market.as_of(end), recipe, learners)


@pytest.fixture(scope="module")
def training(materials: Materials, recipe: Recipe) -> TrainingSet:
    fold = make_folds(recipe, materials.until - pd.Timedelta(days=1))[-1]
    return materials.training_set("T14_X8", fold)


@pytest.fixture(params=CASES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rows(kind: str, materials: Materials) -> pd.DataFrame:
    feature_set = CASES[kind]().feature_set
    if feature_set not in materials.features:
        return pd.DataFrame(index=materials.own(materials.daily).index[-30:])
    return materials.own(materials.features[feature_set]).tail(30 + window(kind) - 1)


def window(kind: str) -> int:
    """Return how many consecutive rows a forecast reads."""
    return int(getattr(CASES[kind](), "length", 1))


@pytest.fixture(scope="module")
def fitted() -> dict[str, Model]:
    """Models that tests share, for a network takes a second to fit."""
    return {}


@pytest.fixture
def model(kind: str, training: TrainingSet, fitted: dict[str, Model]) -> Model:
    if kind not in fitted:
        fitted[kind] = CASES[kind]().fit(training, seed=SEED)
    return fitted[kind]


def load(kind: str, files: dict[str, bytes]) -> Any:
    return BaseRateModel.load(files) if kind == "base_rate" else load_model(kind, files)


def test_probabilities_are_probabilities_of_the_targets_classes(
    kind: str, model: Model, training: TrainingSet, rows: pd.DataFrame
) -> None:
    table = model.predict_proba(rows)
    assert tuple(table.columns) == training.target.classes
    assert table.index.equals(rows.index[window(kind) - 1 :])
    values = table.to_numpy()
    assert ((values > 0) & (values < 1)).all()
    np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-12)


def test_the_same_seed_gives_the_same_files(kind: str, model: Model, training: TrainingSet) -> None:
    assert CASES[kind]().fit(training, seed=SEED).dump() == model.dump()


def test_a_loaded_model_answers_to_the_last_bit(
    kind: str, model: Model, rows: pd.DataFrame
) -> None:
    loaded = load(kind, model.dump())
    pd.testing.assert_frame_equal(
        loaded.predict_proba(rows), model.predict_proba(rows), check_exact=True
    )
    assert loaded.dump() == model.dump()


def test_one_row_answers_as_among_many(kind: str, model: Model, rows: pd.DataFrame) -> None:
    length = window(kind)
    cuts = [rows.iloc[i : i + length] for i in range(len(rows) - length + 1)]
    alone = pd.concat([model.predict_proba(cut) for cut in cuts])
    # The float32 sums of a network depend on its batch.
    atol = 1e-12 if length == 1 else 1e-6
    np.testing.assert_allclose(alone, model.predict_proba(rows), atol=atol)


def test_column_order_is_irrelevant(model: Model, rows: pd.DataFrame) -> None:
    turned = rows[rows.columns[::-1]]
    pd.testing.assert_frame_equal(model.predict_proba(turned), model.predict_proba(rows))


@pytest.mark.parametrize("spoil", ["missing", "unknown", "NaN", "infinite"])
def test_rows_that_do_not_fit_are_refused(model: Model, rows: pd.DataFrame, spoil: str) -> None:
    if not model.columns:
        # The base rate reads no column, so none can be wrong.
        assert len(model.predict_proba(rows.assign(more=np.nan))) == len(rows)
        return
    spoiled = {
        "missing": lambda: rows.drop(columns=rows.columns[0]),
        "unknown": lambda: rows.assign(surprise=1.0),
        "NaN": lambda: rows.where(rows != rows.iloc[0, 0]),
        "infinite": lambda: rows.assign(**{rows.columns[0]: np.inf}),
    }[spoil]()
    with pytest.raises(DataMalformed):
        model.predict_proba(spoiled)


def test_labels_and_prices_from_the_refit_on_change_nothing(
    kind: str, model: Model, materials: Materials, recipe: Recipe
) -> None:
    """A training set of a market that went on differently is the same training set."""
    fold = make_folds(recipe, materials.until - pd.Timedelta(days=1))[-1]
    labels = materials.labels["T14_X8"].copy()
    later = labels["resolves_at"] >= pd.Timestamp(fold.refit)
    labels.loc[later, "label"] = 1
    assert later.any()
    spoiled = replace(materials, labels={"T14_X8": labels}).training_set("T14_X8", fold)
    assert CASES[kind]().fit(spoiled, seed=SEED).dump() == model.dump()


def test_files_that_are_missing_or_junk_are_refused(kind: str, model: Model) -> None:
    files = model.dump()
    for name in files:
        for spoiled in ({**files, name: b"junk"}, {k: v for k, v in files.items() if k != name}):
            with pytest.raises(BundleRefused):
                load(kind, spoiled)
