from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import BundleRefused, DataUnavailable
from forecastlab.models.xgb import XgBoost, XgBoostModel
from tests.support.out_of_fold import CLASSES
from tests.support.pooled_training import COLUMNS, ROWS, SYMBOLS, training_set, up_or_not

LEARNER = XgBoost(SYMBOLS, min_weight=2.0, l2=1.0, learning_rate=0.1, column_share=1.0)
TRAINING = training_set()
MODEL = LEARNER.fit(TRAINING, seed=1)
BINARY = replace(LEARNER, patience=0, rounds=40).fit(up_or_not(TRAINING), seed=1)


def test_it_finds_a_signal() -> None:
    table = MODEL.predict_proba(ROWS)
    assert list(table.columns) == list(CLASSES)
    assert table.to_numpy().argmax(axis=1).tolist() == [0, 1, 2]
    assert table.sum(axis=1).tolist() == pytest.approx([1, 1, 1])


def test_two_classes_take_one_tree_a_round() -> None:
    table = BINARY.predict_proba(ROWS)
    assert len(BINARY.booster.get_dump()) == 40
    assert list(table.columns) == [0, 1]
    assert table[1].iloc[0] < 0.25
    assert table[1].iloc[-1] > 0.75


@pytest.mark.parametrize("model", [MODEL, BINARY], ids=["three classes", "two classes"])
def test_a_dumped_model_gives_the_same_bits(model: XgBoostModel) -> None:
    loaded = XgBoostModel.load(model.dump())
    pd.testing.assert_frame_equal(
        loaded.predict_proba(ROWS), model.predict_proba(ROWS), check_exact=True
    )
    assert loaded.dump() == model.dump()


def test_it_is_deterministic_under_its_seed() -> None:
    assert LEARNER.fit(TRAINING, seed=1).dump() == MODEL.dump()
    assert LEARNER.fit(TRAINING, seed=2).dump() != MODEL.dump()


def test_columns_are_matched_by_name() -> None:
    turned = ROWS.loc[:, COLUMNS[::-1]]
    pd.testing.assert_frame_equal(MODEL.predict_proba(turned), MODEL.predict_proba(ROWS))
    assert MODEL.predict_proba(ROWS.iloc[:0]).shape == (0, 3)


def test_without_a_signal_it_stays_at_the_symbols_own_frequencies() -> None:
    # ETHUSDT always rises; that must not pull BTCUSDT's frequencies.
    training = training_set(eth_label=1)
    table = training.features["flow"]
    training.features["flow"].loc[:, :] = np.random.default_rng(0).normal(size=table.shape)
    share = training.labels.loc["BTCUSDT", "label"].value_counts(normalize=True).sort_index()
    found = XgBoost(SYMBOLS).fit(training, seed=1).predict_proba(ROWS)
    np.testing.assert_allclose(found.to_numpy(), np.tile(share, (3, 1)), atol=0.05)


def test_a_class_that_training_never_saw_keeps_a_small_probability() -> None:
    training = training_set(keep=(0, 1))
    alone = XgBoost(("BTCUSDT",)).fit(training, seed=1).predict_proba(ROWS)[-1]
    assert (alone > 1e-6).all()
    assert (alone < 0.01).all()


@pytest.mark.parametrize("days", [0, 20, 60])
def test_too_few_rows_are_refused(days: int) -> None:
    few = replace(TRAINING, labels=TRAINING.labels.groupby(level="symbol").head(days))
    with pytest.raises(DataUnavailable, match="too few for xgboost"):
        LEARNER.fit(few, seed=1)


def test_the_newest_rows_only_choose_the_number_of_rounds() -> None:
    # In the newest fifth the signal is turned round, so stopping there ends the boosting at once.
    turned = training_set()
    table = turned.features["flow"]
    newest = table.index.get_level_values("open_time") >= table.loc["BTCUSDT"].index[480]
    table.loc[newest, "signal"] *= -1
    assert LEARNER.fit(turned, seed=1).booster.num_boosted_rounds() == 1
    assert MODEL.booster.num_boosted_rounds() > 10
    fixed = replace(LEARNER, patience=0, rounds=25)
    assert fixed.fit(turned, seed=1).booster.num_boosted_rounds() == 25


def with_json(text: bytes) -> dict[str, bytes]:
    return {**MODEL.dump(), "xgboost.json": text}


def listing(**changes: str) -> bytes:
    values = {
        "booster": f'"{digest(MODEL.dump()["xgboost.ubj"])}"',
        "classes": "[-1, 0, 1]",
        "columns": '["signal", "noise"]',
        "start": "[0, 0, 0]",
    } | changes
    return ("{" + ", ".join(f'"{key}": {text}' for key, text in values.items()) + "}").encode()


def test_the_listing_of_the_test_below_is_whole() -> None:
    assert XgBoostModel.load(with_json(listing())).columns == ("signal", "noise")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"xgboost.json": MODEL.dump()["xgboost.json"]},
        {**MODEL.dump(), "xgboost.ubj": b""},
        {**MODEL.dump(), "xgboost.ubj": MODEL.dump()["xgboost.ubj"][:1000]},
        {**MODEL.dump(), "xgboost.ubj": BINARY.dump()["xgboost.ubj"]},
        {"xgboost.ubj": b"junk", "xgboost.json": listing(booster=f'"{digest(b"junk")}"')},
        with_json(b"{}"),
        with_json(listing(columns='["noise", "signal"]')),
        with_json(listing(classes="[0, 1]", start="[0, 0]")),
        with_json(listing(start="[0, 0]")),
    ],
    ids=[
        *("none", "no booster", "nothing", "cut short", "another booster", "junk", "empty"),
        *("other columns", "classes", "start"),
    ],
)
def test_broken_or_foreign_files_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleRefused):
        XgBoostModel.load(files)


def test_the_description_holds_every_parameter() -> None:
    described = LEARNER.describe()
    assert described["symbols"] == list(SYMBOLS)
    assert described["min_weight"] == 2.0
