from __future__ import annotations

import lightgbm
import numpy as np
import pytest
import xgboost

from forecastlab.models.trees import splits, tree_texts

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((400, 3)), RANDOM.integers(0, 3, 400)


class Boosted:
    def __init__(self, booster: object) -> None:
        self.booster = booster


def lightgbm_booster(rounds: int, leaves: int, **more: object) -> lightgbm.Booster:
    parameters = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
    parameters |= {"num_leaves": leaves, "min_data_in_leaf": 20, **more}
    return lightgbm.train(parameters, lightgbm.Dataset(X, Y), num_boost_round=rounds)


def xgboost_booster(rounds: int, **more: object) -> xgboost.Booster:
    parameters = {"objective": "binary:logistic", "nthread": 1, "max_depth": 2, **more}
    return xgboost.train(parameters, xgboost.DMatrix(X, Y > 1), num_boost_round=rounds)


@pytest.mark.parametrize(
    ("booster", "trees"),
    [(lightgbm_booster(7, 4), 21), (xgboost_booster(7), 7)],
    ids=["lightgbm", "xgboost"],
)
def test_every_tree_is_found_and_splits(booster: object, trees: int) -> None:
    texts = tree_texts(Boosted(booster))  # type: ignore[arg-type]
    assert texts is not None
    assert len(texts) == len(set(texts)) == trees
    assert all(splits(one) for one in texts)


@pytest.mark.parametrize(
    "booster",
    [lightgbm_booster(3, 4, min_data_in_leaf=300), xgboost_booster(3, min_child_weight=1e6)],
    ids=["lightgbm", "xgboost"],
)
def test_trees_that_do_not_split_are_told_apart(booster: object) -> None:
    texts = tree_texts(Boosted(booster))  # type: ignore[arg-type]
    assert texts
    assert not any(splits(one) for one in texts)


def test_equal_trees_have_equal_texts() -> None:
    # A learning rate of 0 leaves the scores where they are: every round fits the same trees.
    texts = tree_texts(Boosted(xgboost_booster(5, learning_rate=0.0)))  # type: ignore[arg-type]
    assert texts is not None and len(texts) == 5 and len(set(texts)) == 1


def test_another_model_has_none() -> None:
    assert tree_texts(object()) is None  # type: ignore[arg-type]
