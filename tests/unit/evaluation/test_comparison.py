from __future__ import annotations

import math

import numpy as np
import pytest

from forecastlab.contracts.errors import DataMalformed, DataUnavailable
from forecastlab.evaluation.classification import LABEL_SCORES
from forecastlab.evaluation.comparison import Resampling, compare
from forecastlab.evaluation.scores import (
    AUC_ONE_VS_REST,
    DIRECTION_AUC,
    EVENT_AUC,
    LOG_LOSS,
    Forecasts,
    scores_for,
    value,
)
from forecastlab.evaluation.skill import measure_skill
from forecastlab.evaluation.uncertainty import drawn_interval, score_draws, score_intervals
from tests.support.out_of_fold import CLASSES

ROWS = 900
HOW = Resampling(horizon=5, block=15, seed=1, draws=400)
LABELS = np.repeat(np.random.default_rng(0).choice(CLASSES, ROWS // 5), 5)
ALL = [*scores_for(CLASSES), *LABEL_SCORES]


def leaning(strength: float, seed: int) -> Forecasts:
    noise = np.random.default_rng(seed).dirichlet([20, 20, 20], ROWS)
    table = noise * (1 - strength) + np.eye(3)[LABELS + 1] * strength
    return Forecasts(table, LABELS, CLASSES)


GOOD, POOR = leaning(0.3, seed=1), leaning(0.05, seed=2)


def test_positive_is_better_whatever_the_scores_sense() -> None:
    found = compare({"good": GOOD, "poor": POOR}, ALL, HOW)
    assert [score.name for score in ALL] == list(found.differences["poor"])
    for name, interval in found.differences["poor"].items():
        assert interval.low > 0, name
    turned = compare({"poor": POOR, "good": GOOD}, ALL, HOW)
    for score in ALL:
        there = found.differences["poor"][score.name]
        back = turned.differences["good"][score.name]
        assert (back.estimate, back.low) == pytest.approx((-there.estimate, -there.high))


def test_the_log_loss_difference_is_the_gain_that_verdicts_rest_on() -> None:
    found = compare({"good": GOOD, "poor": POOR}, [LOG_LOSS], HOW)
    gain = measure_skill(GOOD, {"expanding": POOR, "trailing_year": POOR}, horizon=5).gains[0]
    interval = found.differences["poor"]["log_loss"]
    assert (interval.estimate, (interval.low, interval.high)) == (gain.gain, gain.ci95)


def test_drawn_scores_are_those_of_score_intervals() -> None:
    found = compare({"good": GOOD}, [EVENT_AUC, DIRECTION_AUC], HOW)
    alone = score_intervals([EVENT_AUC, DIRECTION_AUC], GOOD, block=15, seed=1, draws=400)
    assert found.scores["good"] == alone
    assert found.differences == {}


def test_a_forecast_cannot_be_told_from_itself() -> None:
    found = compare({"a": GOOD, "b": GOOD}, ALL, HOW)
    for interval in found.differences["b"].values():
        assert (interval.estimate, interval.low, interval.high) == (0, 0, 0)


def test_differences_are_paired() -> None:
    # A near copy: unpaired errors would hide the small but steady difference.
    noise = np.random.default_rng(9).dirichlet([20, 20, 20], ROWS)
    near = Forecasts(POOR.probabilities * 0.98 + noise * 0.02, LABELS, CLASSES)
    found = compare({"poor": POOR, "near": near}, [LOG_LOSS, AUC_ONE_VS_REST], HOW)
    for name, difference in found.differences["near"].items():
        assert 0 < difference.standard_error < found.scores["poor"][name].standard_error / 5


def test_the_error_of_an_auc_is_that_of_the_arch_package() -> None:
    random = np.random.default_rng(3)
    labels = np.repeat(random.integers(0, 2, 60), 15)
    noise = np.convolve(random.standard_normal(929), np.ones(30) / 30, "valid")
    score = noise[:900] + 0.05 * labels
    up = 1 / (1 + np.exp(-score))
    given = Forecasts(np.column_stack([1 - up, up]), labels, (0, 1))
    drawn = score_draws([AUC_ONE_VS_REST], {"": given}, block=45, seed=7, draws=4000)[""]
    # MovingBlockBootstrap(45).apply(roc_auc_score, 4000) of arch 8.0.0 on the same rows.
    assert value(AUC_ONE_VS_REST, given) == pytest.approx(0.5678713056490833)
    assert drawn["auc_one_vs_rest"].std() == pytest.approx(0.07562271593026086, rel=0.05)


def test_an_undetermined_score_is_missing_with_its_interval() -> None:
    calm = Forecasts(GOOD.probabilities, np.zeros(ROWS, dtype="int64"), CLASSES)
    found = compare({"a": calm, "b": calm}, ALL, HOW)
    for table in (found.scores["a"], found.differences["b"]):
        for name in ("event_auc", "direction_auc"):
            assert math.isnan(table[name].estimate) and math.isnan(table[name].low)
    assert math.isfinite(found.scores["a"]["log_loss"].low)


def test_draws_without_the_score_are_left_out_of_its_error() -> None:
    interval = drawn_interval(0.5, np.array([0.4, np.nan, 0.6]), rows=100, block=10)
    assert interval.standard_error == pytest.approx(0.1 / math.sqrt(0.9))
    nothing = drawn_interval(math.nan, np.array([np.nan]), rows=100, block=10)
    assert math.isnan(nothing.standard_error)


def test_other_or_too_few_rows_are_refused() -> None:
    other = Forecasts(GOOD.probabilities, -LABELS, CLASSES)
    with pytest.raises(DataMalformed, match="other and good"):
        compare({"good": GOOD, "other": other}, ALL, HOW)
    short = Forecasts(GOOD.probabilities[:20], LABELS[:20], CLASSES)
    with pytest.raises(DataUnavailable, match="too few"):
        compare({"short": short}, ALL, HOW)


def test_over_many_rows_differences_of_areas_are_paired_without_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [EVENT_AUC, DIRECTION_AUC, AUC_ONE_VS_REST]
    drawn = compare({"good": GOOD, "poor": POOR}, names, HOW)
    monkeypatch.setattr("forecastlab.evaluation.uncertainty.LONG", ROWS)
    found = compare({"good": GOOD, "poor": POOR}, names, HOW)
    for score in names:
        for table, other in (
            (found.scores["poor"], drawn.scores["poor"]),
            (found.differences["poor"], drawn.differences["poor"]),
        ):
            one, two = table[score.name], other[score.name]
            assert one.estimate == two.estimate
            assert one.standard_error == pytest.approx(two.standard_error, rel=0.12)
            assert one.standard_error != two.standard_error
