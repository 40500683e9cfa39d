from __future__ import annotations

import math

import numpy as np
import pytest

from forecastlab.evaluation.classification import (
    BALANCED_ACCURACY,
    KAPPA,
    LABEL_SCORES,
    MACRO_F1,
    confusion,
    macro_f1,
)
from forecastlab.evaluation.scores import Forecasts, value
from tests.support.out_of_fold import CLASSES

RANDOM = np.random.default_rng(0)
PROBABILITIES = RANDOM.dirichlet([2, 2, 2], 200)
LABELS = RANDOM.choice(CLASSES, 200)
NO_QUIET = np.where(LABELS == 0, 1, LABELS)
NEVER_QUIET = PROBABILITIES * [1, 0, 1]


def forecasts(probabilities: np.ndarray, labels: np.ndarray) -> Forecasts:
    return Forecasts(probabilities / probabilities.sum(axis=1, keepdims=True), labels, CLASSES)


@pytest.mark.parametrize(
    ("given", "kappa", "f1", "accuracy"),
    [
        (
            forecasts(PROBABILITIES, LABELS),
            -0.07808639664595352,
            0.27899204445967035,
            0.28218022374,
        ),
        (forecasts(PROBABILITIES, NO_QUIET), -0.04008667388949, 0.22426550738019, 0.28037995414346),
        (forecasts(NEVER_QUIET, NO_QUIET), -0.03984450923226, 0.46012765205984, 0.4776176438475816),
    ],
    ids=["all classes", "one never happens", "it is never called either"],
)
def test_scores_equal_those_of_scikit_learn(
    given: Forecasts, kappa: float, f1: float, accuracy: float
) -> None:
    # cohen_kappa_score, f1_score(average="macro"), balanced_accuracy_score of scikit-learn 1.9.1.
    assert value(KAPPA, given) == pytest.approx(kappa)
    assert value(MACRO_F1, given) == pytest.approx(f1)
    assert value(BALANCED_ACCURACY, given) == pytest.approx(accuracy)


def test_an_absent_class_can_count_as_zero_as_published_tables_have_it() -> None:
    counted = confusion(forecasts(NEVER_QUIET, NO_QUIET), np.ones((1, 200)))
    # f1_score(labels=[-1, 0, 1], zero_division=0) of scikit-learn 1.9.1.
    assert macro_f1(counted, absent=0.0)[0] == pytest.approx(0.3067517680398934)


def test_a_draw_is_the_score_of_the_rows_that_it_holds() -> None:
    given = forecasts(PROBABILITIES, LABELS)
    counts = np.random.default_rng(1).integers(0, 3, (4, 200))
    for score in LABEL_SCORES:
        found = score.draws(given, counts)
        for draw, count in zip(found, counts, strict=True):
            held = np.repeat(np.arange(200), count)
            repeated = Forecasts(given.probabilities[held], given.labels[held], CLASSES)
            assert draw == pytest.approx(value(score, repeated))


def test_what_the_rows_do_not_determine_is_missing() -> None:
    calm = np.zeros(10, dtype="int64")
    sure = forecasts(np.tile([0.1, 0.8, 0.1], (10, 1)), calm)
    assert math.isnan(value(KAPPA, sure))
    assert value(BALANCED_ACCURACY, sure) == 1
    empty = Forecasts(np.empty((0, 3)), np.empty(0, dtype="int64"), CLASSES)
    assert math.isnan(value(MACRO_F1, empty)) and math.isnan(value(BALANCED_ACCURACY, empty))


def test_a_constant_forecast_agrees_no_better_than_chance() -> None:
    constant = forecasts(np.tile([0.2, 0.5, 0.3], (200, 1)), LABELS)
    assert value(KAPPA, constant) == 0
    assert value(BALANCED_ACCURACY, constant) == pytest.approx(1 / 3)
