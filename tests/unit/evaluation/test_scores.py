from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from forecastlab.contracts.errors import DataMalformed
from forecastlab.evaluation.scores import (
    AUC_ONE_VS_REST,
    BRIER,
    CLIP,
    DIRECTION_AUC,
    EVENT_AUC,
    LOG_LOSS,
    Forecasts,
    auc,
    reliability,
    scores_for,
    value,
)
from tests.support.out_of_fold import CLASSES

PERFECT = Forecasts(np.eye(3), np.array([-1, 0, 1]), CLASSES)
WRONG = Forecasts(np.eye(3)[[1, 2, 0]], np.array([-1, 0, 1]), CLASSES)


def test_perfect_and_hopeless_forecasts_have_the_extreme_scores() -> None:
    assert [value(score, PERFECT) for score in scores_for(CLASSES)] == [0, 0, 1, 1, 1]
    assert value(LOG_LOSS, WRONG) == pytest.approx(-math.log(CLIP))
    assert value(BRIER, WRONG) == 2


def test_each_score_says_which_way_is_better() -> None:
    better = {score.name: score.greater_is_better for score in scores_for(CLASSES)}
    for score in scores_for(CLASSES):
        assert (value(score, PERFECT) > value(score, WRONG)) == better[score.name]


def test_a_score_that_the_rows_do_not_determine_is_nan() -> None:
    calm = Forecasts(np.full((4, 3), 1 / 3), np.zeros(4, dtype=int), CLASSES)
    assert math.isnan(value(EVENT_AUC, calm))
    assert math.isnan(value(DIRECTION_AUC, calm))
    assert math.isnan(value(AUC_ONE_VS_REST, calm))
    rising = Forecasts(np.full((4, 3), 1 / 3), np.ones(4, dtype=int), CLASSES)
    assert math.isnan(value(DIRECTION_AUC, rising))


def test_one_vs_rest_leaves_out_a_class_that_never_happened() -> None:
    labels = np.array([0, 1, 0, 1])
    table = np.array([[0.2, 0.6, 0.2], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4], [0.1, 0.4, 0.5]])
    assert value(AUC_ONE_VS_REST, Forecasts(table, labels, CLASSES)) == 1.0


def test_rounding_noise_in_a_constant_direction_is_no_direction() -> None:
    random = np.random.default_rng(0)
    event, share = random.uniform(0.2, 0.9, 500), 0.52
    table = np.column_stack([event * (1 - share), 1 - event, event * share])
    table = softmax(np.log(table), axis=1)
    labels = random.choice(CLASSES, 500)
    assert len(np.unique(table[:, 2] / (table[:, 0] + table[:, 2]))) > 1
    assert value(DIRECTION_AUC, Forecasts(table, labels, CLASSES)) == 0.5


def test_direction_looks_at_events_only() -> None:
    table = np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.9, 0.05, 0.05], [0.05, 0.05, 0.9]])
    assert value(DIRECTION_AUC, Forecasts(table, np.array([1, -1, 0, 0]), CLASSES)) == 1.0


def test_auc_counts_rows_as_often_as_a_draw_holds_them() -> None:
    random = np.random.default_rng(1)
    scores, positive = random.integers(0, 8, 40) / 8, random.random(40) < 0.4
    counts = random.integers(0, 4, (5, 40))
    expected = [auc(np.repeat(scores, row), np.repeat(positive, row))[0] for row in counts]
    assert auc(scores, positive, counts).tolist() == pytest.approx(expected)


def test_reliability_of_calibrated_forecasts_lies_on_the_diagonal() -> None:
    random = np.random.default_rng(2)
    up = random.random(20_000)
    table = np.column_stack([1 - up, up])
    labels = (random.random(20_000) < up).astype(int)
    bins = reliability(Forecasts(table, labels, (0, 1)), 1)
    assert bins["rows"].sum() == 20_000
    assert len(bins) == 10
    assert (bins["forecast"] - bins["happened"]).abs().max() < 0.05


def test_a_certain_forecast_falls_into_the_last_bin() -> None:
    bins = reliability(Forecasts(np.array([[0.0, 1.0]]), np.array([1]), (0, 1)), 1, bins=5)
    assert bins.index.tolist() == [4]


@pytest.mark.parametrize(
    ("table", "labels", "message"),
    [
        ({0: [0.5, np.nan], 1: [0.5, 0.5]}, [0, 1], "missing or negative"),
        ({0: [1.5, 0.5], 1: [-0.5, 0.5]}, [0, 1], "missing or negative"),
        ({0: [0.5, 0.5], 1: [0.2, 0.5]}, [0, 1], "do not sum to 1"),
        ({0: [0.5, 0.5], 1: [0.5, 0.5]}, [0, 7], "none of the classes"),
        ({0: [0.5, 0.5], 1: [0.5, 0.5]}, [0], "different rows"),
    ],
)
def test_what_is_no_forecast_is_refused(
    table: dict[int, list[float]], labels: list[int], message: str
) -> None:
    with pytest.raises(DataMalformed, match=message):
        Forecasts.of(pd.DataFrame(table), pd.Series(labels))


def test_of_two_classes_the_direction_is_class_one_and_there_is_no_event() -> None:
    table = np.array([[0.7, 0.3], [0.4, 0.6], [0.4, 0.6], [0.2, 0.8]])
    found = Forecasts(table, np.array([0, 1, 0, 1]), (0, 1))
    assert value(DIRECTION_AUC, found) == value(AUC_ONE_VS_REST, found) == 0.875
    assert math.isnan(value(EVENT_AUC, found))
    sided = Forecasts(table, np.array([-1, 1, -1, 1]), (-1, 1))
    assert value(DIRECTION_AUC, sided) == 0.875
    for classes in ((0, 1), (-1, 1)):
        assert [score.name for score in scores_for(classes)] == [
            "log_loss",
            "brier",
            "direction_auc",
        ]


def test_a_direction_among_events_is_influenced_by_events_alone() -> None:
    random = np.random.default_rng(0)
    found = Forecasts(random.dirichlet([2, 2, 2], 300), random.choice(CLASSES, 300), CLASSES)
    influence = DIRECTION_AUC.influence(found)
    assert (influence[found.labels == 0] == 0).all()
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    # To first order, doubling a row moves the score by its influence / rows.
    for row in np.flatnonzero(found.labels != 0)[:5]:
        counts = np.ones((1, 300))
        counts[0, row] = 2
        moved = DIRECTION_AUC.draws(found, counts)[0] - value(DIRECTION_AUC, found)
        assert moved == pytest.approx(influence[row] / 300, rel=0.03)
