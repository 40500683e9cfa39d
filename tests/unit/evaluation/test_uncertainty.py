from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.scores import (
    AUC_ONE_VS_REST,
    DIRECTION_AUC,
    EVENT_AUC,
    LOG_LOSS,
    AucScore,
    Forecasts,
    scores_for,
)
from forecastlab.evaluation.uncertainty import (
    block_length,
    effective_rows,
    mean_interval,
    mean_standard_error,
    politis_white,
    rank_block,
    resample_counts,
    score_draws,
    score_intervals,
    student_interval,
    subset_mean_interval,
)
from tests.support.out_of_fold import CLASSES


def autoregression(seed: int, slope: float, rows: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(rows)
    return np.asarray(lfilter([1.0], [1.0, -slope], noise))


def overlapping(seed: int, horizon: int, rows: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(rows + horizon - 1)
    return np.convolve(noise, np.ones(horizon), "valid")


@pytest.mark.parametrize(
    ("seed", "slope", "rows", "expected"),
    [
        (0, 0.0, 500, 1.1263582324667067),
        (1, 0.5, 1000, 13.10066948615872),
        (2, 0.9, 2000, 41.782842555197334),
        (3, -0.4, 800, 10.44275881514461),
        (4, 0.98, 1713, 86.71635752986303),
    ],
)
def test_block_lengths_equal_those_of_the_arch_package(
    seed: int, slope: float, rows: int, expected: float
) -> None:
    # `optimal_block_length(…)["circular"]` of arch 8.0.0 on the same series.
    assert politis_white(autoregression(seed, slope, rows)) == pytest.approx(expected)


def test_block_lengths_of_overlapping_labels_equal_those_of_the_arch_package() -> None:
    assert politis_white(overlapping(5, 14, 1720)) == pytest.approx(41.90495820296667)
    assert politis_white(overlapping(6, 21, 1720)) == pytest.approx(53.271013240562496)


def test_the_block_is_never_shorter_than_three_horizons() -> None:
    noise = np.random.default_rng(0).standard_normal(1720)
    persistent = autoregression(4, 0.98, 1720)
    assert block_length(noise, 14) == 42
    assert block_length(persistent, 14) == math.ceil(politis_white(persistent)) > 42
    assert block_length(np.column_stack([noise, persistent]), 14) == block_length(persistent, 14)


def test_too_few_rows_are_refused() -> None:
    assert block_length(np.zeros(126), 21) == 63
    with pytest.raises(DataUnavailable, match="at least 126"):
        block_length(np.zeros(125), 21)


def test_without_drawing_the_error_is_that_of_many_draws() -> None:
    values = overlapping(7, 21, 1000)
    counts = resample_counts(1000, 63, draws=20_000, seed=1)
    drawn = (counts @ values / 1000).std() / math.sqrt(1 - 63 / 1000)
    assert float(mean_standard_error(values, 63)) == pytest.approx(drawn, rel=0.04)


def test_a_block_of_one_row_gives_the_textbook_error() -> None:
    values = np.random.default_rng(0).standard_normal(300)
    expected = values.std(ddof=1) / math.sqrt(300)
    assert float(mean_standard_error(values, 1)) == pytest.approx(expected)


def test_overlap_makes_many_rows_worth_few() -> None:
    found = [effective_rows(overlapping(seed, 21, 1713), 63) for seed in range(40)]
    # 1713 / 21 = 82 windows do not overlap; a block of 63 rows sees most of the dependence.
    assert 70 < np.mean(found) < 190
    assert effective_rows(np.ones(500), 42) == 500


def test_student_intervals_are_wider_where_blocks_are_few() -> None:
    few = student_interval(0.0, 1.0, rows=126, block=63)
    many = student_interval(0.0, 1.0, rows=63 * 500, block=63)
    assert few.high == pytest.approx(12.706, abs=1e-3)
    assert many.high == pytest.approx(1.965, abs=1e-3)


@pytest.mark.parametrize("horizon", [14, 21])
def test_the_interval_covers_the_mean_of_overlapping_labels(horizon: int) -> None:
    # Nominal 95 %. At a true 92 % fewer than 900 of 1000 would be seen once in 80 tries.
    covered = 0
    for seed in range(1000):
        interval = mean_interval(overlapping(seed, horizon, 1720), horizon=horizon)
        covered += interval.low <= 0 <= interval.high
    assert covered / 1000 >= 0.92


def test_draws_hold_whole_blocks_and_every_draw_is_as_long_as_the_sample() -> None:
    counts = resample_counts(100, 30, draws=500, seed=3)
    assert (counts.sum(axis=1) == 100).all()
    changes = np.abs(np.diff(counts, axis=1)).sum(axis=1)
    assert changes.max() <= 2 * math.ceil(100 / 30)
    np.testing.assert_array_equal(counts, resample_counts(100, 30, draws=500, seed=3))
    assert (counts != resample_counts(100, 30, draws=500, seed=4)).any()


def made_up(rows: int) -> Forecasts:
    random = np.random.default_rng(8)
    return Forecasts(random.dirichlet([2, 2, 2], rows), random.choice(CLASSES, rows), CLASSES)


def test_all_scores_get_an_interval_from_the_same_draws() -> None:
    forecasts = made_up(600)
    intervals = score_intervals(scores_for(CLASSES), forecasts, block=42, seed=1)
    assert list(intervals) == [score.name for score in scores_for(CLASSES)]
    assert all(one.low < one.estimate < one.high for one in intervals.values())
    exact = float(mean_standard_error(LOG_LOSS.rows(forecasts), 42))
    assert intervals["log_loss"].standard_error == pytest.approx(exact, rel=0.06)


def test_draws_in_batches_are_enough_for_long_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    forecasts = made_up(600)
    whole = score_intervals([EVENT_AUC], forecasts, block=42, seed=1)["event_auc"]
    monkeypatch.setattr("forecastlab.evaluation.uncertainty._CELLS", 600 * 300)
    parts = score_intervals([EVENT_AUC], forecasts, block=42, seed=1)["event_auc"]
    assert parts.estimate == whole.estimate
    assert parts.standard_error == pytest.approx(whole.standard_error, rel=0.08)


def test_a_score_without_events_has_no_interval() -> None:
    calm = Forecasts(np.full((200, 3), 1 / 3), np.zeros(200, dtype=int), CLASSES)
    interval = score_intervals([EVENT_AUC], calm, block=42, seed=1)["event_auc"]
    assert math.isnan(interval.estimate)
    assert math.isnan(interval.high)


def two_classes(rows: int, seed: int = 8) -> Forecasts:
    random = np.random.default_rng(seed)
    labels = np.repeat(random.integers(0, 2, rows // 10), 10)
    noise = np.convolve(random.standard_normal(rows + 19), np.ones(20) / 20, "valid")
    up = 1 / (1 + np.exp(-noise - 0.1 * labels))
    return Forecasts(np.column_stack([1 - up, up]), labels, (0, 1))


@pytest.mark.parametrize("score", [DIRECTION_AUC, AUC_ONE_VS_REST, EVENT_AUC])
@pytest.mark.parametrize("classes", [2, 3])
def test_over_many_rows_influence_stands_in_for_draws(
    score: AucScore, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecasts = two_classes(3000) if classes == 2 else made_up(3000)
    drawn = score_intervals([score], forecasts, block=60, seed=1)[score.name]
    monkeypatch.setattr("forecastlab.evaluation.uncertainty.LONG", 3000)
    found = score_intervals([score], forecasts, block=60, seed=1)[score.name]
    if classes == 2 and score is EVENT_AUC:
        assert math.isnan(found.estimate) and math.isnan(drawn.estimate)
        return
    assert found.estimate == drawn.estimate
    assert found.standard_error != drawn.standard_error
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.06)


def test_an_undetermined_score_has_no_influence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecastlab.evaluation.uncertainty.LONG", 100)
    calm = Forecasts(np.full((200, 3), 1 / 3), np.zeros(200, dtype=int), CLASSES)
    interval = score_intervals([DIRECTION_AUC], calm, block=42, seed=1)["direction_auc"]
    assert math.isnan(interval.estimate) and math.isnan(interval.high)


def test_a_rank_score_is_resampled_by_the_week_where_there_are_weeks() -> None:
    losses = np.random.default_rng(0).standard_normal(5000)
    assert rank_block(losses, 5, week=168) == 168
    assert rank_block(losses, 100, week=168) == 300
    assert rank_block(losses[:200], 5, week=168) == 100
    assert rank_block(losses, 21, week=7) == block_length(losses, 21)


def test_the_mean_of_a_subset_has_the_error_of_repeated_samples() -> None:
    found, errors = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        values = 5 + np.convolve(random.standard_normal(846), np.ones(7), "valid")
        # Which rows count is random too, and hangs together.
        inside = np.repeat(random.random(60) < 0.4, 14)
        interval = subset_mean_interval(values, inside, block=42)
        assert interval.estimate == pytest.approx(values[inside].mean())
        found.append(interval.estimate)
        errors.append(interval.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)


def test_an_empty_subset_has_no_mean() -> None:
    interval = subset_mean_interval(np.ones(100), np.zeros(100, dtype=bool), block=5)
    assert math.isnan(interval.estimate) and math.isnan(interval.low)


def test_all_forecasters_are_drawn_on_the_same_rows() -> None:
    one, other = two_classes(600, seed=1), two_classes(600, seed=2)
    both = score_draws([LOG_LOSS], {"a": one, "b": other}, block=42, seed=3, draws=50)
    for name, forecasts in (("a", one), ("b", other)):
        alone = score_draws([LOG_LOSS], {"x": forecasts}, block=42, seed=3, draws=50)["x"]
        np.testing.assert_array_equal(both[name]["log_loss"], alone["log_loss"])
