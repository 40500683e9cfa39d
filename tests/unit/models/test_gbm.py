from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.errors import BundleRefused, DataMalformed, DataUnavailable
from forecastlab.models.base import TrainingSet
from forecastlab.models.gbm import LightGbm, LightGbmCross, LightGbmCrossModel, LightGbmModel
from tests.support.out_of_fold import CLASSES
from tests.support.pooled_training import COLUMNS, ROWS, SYMBOLS, training_set, up_or_not

LEARNER = LightGbm(SYMBOLS, min_rows_in_leaf=20, l2=1.0, learning_rate=0.1, column_share=1.0)


TRAINING = training_set()
MODEL = LEARNER.fit(TRAINING, seed=1)


def test_it_finds_a_signal() -> None:
    table = MODEL.predict_proba(ROWS)
    assert list(table.columns) == list(CLASSES)
    assert table.to_numpy().argmax(axis=1).tolist() == [0, 1, 2]
    assert table.sum(axis=1).tolist() == pytest.approx([1, 1, 1])


def test_it_is_deterministic_under_its_seed() -> None:
    assert LEARNER.fit(TRAINING, seed=1).dump() == MODEL.dump()
    assert LEARNER.fit(TRAINING, seed=2).dump() != MODEL.dump()


def test_a_dumped_model_gives_the_same_bits() -> None:
    loaded = LightGbmModel.load(MODEL.dump())
    pd.testing.assert_frame_equal(
        loaded.predict_proba(ROWS), MODEL.predict_proba(ROWS), check_exact=True
    )
    assert loaded.dump() == MODEL.dump()


def test_columns_are_matched_by_name() -> None:
    turned = ROWS.loc[:, COLUMNS[::-1]]
    pd.testing.assert_frame_equal(MODEL.predict_proba(turned), MODEL.predict_proba(ROWS))
    assert MODEL.predict_proba(ROWS.iloc[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "rows",
    [ROWS.drop(columns="noise"), ROWS.assign(more=1.0), ROWS.assign(noise=np.nan)],
    ids=["missing", "unknown", "nan"],
)
def test_other_rows_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(DataMalformed):
        MODEL.predict_proba(rows)


def test_without_a_signal_it_stays_at_the_symbols_own_frequencies() -> None:
    # ETHUSDT always rises; that must not pull BTCUSDT's frequencies.
    training = training_set(eth_label=1)
    table = training.features["flow"]
    training.features["flow"].loc[:, :] = np.random.default_rng(0).normal(size=table.shape)
    share = training.labels.loc["BTCUSDT", "label"].value_counts(normalize=True).sort_index()
    found = LightGbm(SYMBOLS).fit(training, seed=1).predict_proba(ROWS)
    np.testing.assert_allclose(found.to_numpy(), np.tile(share, (3, 1)), atol=0.05)


def test_a_class_that_training_never_saw_keeps_a_small_probability() -> None:
    training = training_set(keep=(0, 1))
    alone = LightGbm(("BTCUSDT",)).fit(training, seed=1).predict_proba(ROWS)[-1]
    assert (alone > 1e-6).all()
    assert (alone < 0.01).all()


def test_constant_features_give_the_frequencies() -> None:
    training = training_set()
    training.features["flow"].loc[:, :] = 1.0
    share = training.labels.loc["BTCUSDT", "label"].value_counts(normalize=True).sort_index()
    found = LEARNER.fit(training, seed=1).predict_proba(ROWS)
    np.testing.assert_allclose(found.to_numpy(), np.tile(share, (3, 1)), atol=0.03)


@pytest.mark.parametrize("days", [0, 20, 60])
def test_too_few_rows_are_refused(days: int) -> None:
    labels = TRAINING.labels.groupby(level="symbol").head(days)
    few = TrainingSet(
        TRAINING.symbol, TRAINING.target, TRAINING.until, TRAINING.features, labels, pd.DataFrame()
    )
    with pytest.raises(DataUnavailable, match="too few for lightgbm"):
        LEARNER.fit(few, seed=1)


def test_the_newest_rows_only_choose_the_number_of_rounds() -> None:
    # In the newest fifth the signal is turned round, so stopping there ends the boosting at once.
    turned = training_set()
    table = turned.features["flow"]
    newest = table.index.get_level_values("open_time") >= table.loc["BTCUSDT"].index[480]
    table.loc[newest, "signal"] *= -1
    found = LEARNER.fit(turned, seed=1).booster.num_trees()
    assert found == 3
    assert MODEL.booster.num_trees() > 30


def test_without_patience_all_rounds_are_fitted_and_nothing_is_held_back() -> None:
    # What ends the boosting at once in the test above changes nothing here.
    turned = training_set()
    table = turned.features["flow"]
    newest = table.index.get_level_values("open_time") >= table.loc["BTCUSDT"].index[480]
    table.loc[newest, "signal"] *= -1
    fixed = replace(LEARNER, patience=0, rounds=40)
    assert fixed.fit(turned, seed=1).booster.current_iteration() == 40
    other = replace(fixed, stop_share=0.5)
    assert other.fit(turned, seed=1).dump() == fixed.fit(turned, seed=1).dump()


def test_two_classes_take_one_tree_a_round() -> None:
    model = replace(LEARNER, patience=0, rounds=40).fit(up_or_not(TRAINING), seed=1)
    assert model.booster.num_trees() == 40
    table = model.predict_proba(ROWS)
    assert list(table.columns) == [0, 1]
    assert table[1].is_monotonic_increasing
    assert table[1].iloc[0] < 0.2
    assert table[1].iloc[-1] > 0.8
    loaded = LightGbmModel.load(model.dump())
    pd.testing.assert_frame_equal(loaded.predict_proba(ROWS), table, check_exact=True)


def test_two_classes_start_from_the_symbols_own_frequencies() -> None:
    # ETHUSDT is always up; with features that say nothing BTCUSDT keeps its own share.
    training = up_or_not(training_set(eth_label=1))
    training.features["flow"].loc[:, :] = 1.0
    share = training.labels.loc["BTCUSDT", "label"].mean()
    found = replace(LEARNER, patience=0).fit(training, seed=1).predict_proba(ROWS)
    np.testing.assert_allclose(found[1], share, atol=0.01)
    assert share < 0.5


def test_the_cross_learner_is_the_same_learner_in_files_of_its_own() -> None:
    training = replace(TRAINING, features={"cross": TRAINING.features["flow"]})
    cross = LightGbmCross(**{**LEARNER.describe(), "symbols": SYMBOLS, "feature_set": "cross"})
    found = cross.fit(training, seed=1)
    assert isinstance(found, LightGbmCrossModel)
    assert found.dump().keys() == {"lightgbm_cross.txt", "lightgbm_cross.json"}
    assert found.dump()["lightgbm_cross.txt"] == MODEL.dump()["lightgbm.txt"]
    loaded = LightGbmCrossModel.load({**MODEL.dump(), **found.dump()})
    pd.testing.assert_frame_equal(loaded.predict_proba(ROWS), MODEL.predict_proba(ROWS))
    assert found.kind == LightGbmCross.kind == "lightgbm_cross"
    assert LightGbmCross(SYMBOLS).feature_set == "direction_cross"


def with_json(text: bytes) -> dict[str, bytes]:
    return {**MODEL.dump(), "lightgbm.json": text}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"lightgbm.json": MODEL.dump()["lightgbm.json"]},
        {**MODEL.dump(), "lightgbm.txt": b"no booster"},
        {**MODEL.dump(), "lightgbm.txt": b"\xff\xfe"},
        with_json(b"{}"),
        with_json(b'{"classes": [-1, 0, 1], "columns": ["noise", "signal"], "start": [0, 0, 0]}'),
        with_json(b'{"classes": [0, 1], "columns": ["signal", "noise"], "start": [0, 0]}'),
        with_json(b'{"classes": [-1, 0, 1], "columns": ["signal", "noise"], "start": [0, 0]}'),
    ],
    ids=["none", "no text", "junk", "bytes", "empty", "other columns", "classes", "start"],
)
def test_broken_or_foreign_files_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleRefused):
        LightGbmModel.load(files)


def test_the_description_holds_every_parameter() -> None:
    described = LEARNER.describe()
    assert described["symbols"] == list(SYMBOLS)
    assert described["min_rows_in_leaf"] == 20
