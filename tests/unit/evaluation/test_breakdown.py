from __future__ import annotations

import math

import numpy as np
import pytest

from forecastlab.evaluation.breakdown import (
    calibration_error,
    fold_table,
    gain_by_age,
    gain_by_year,
    subset,
)
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts, scores_for, value
from forecastlab.evaluation.uncertainty import mean_interval
from tests.support.out_of_fold import CLASSES

RANDOM = np.random.default_rng(0)
LABELS = np.repeat(RANDOM.choice(CLASSES, 200), 3)
TABLE = RANDOM.dirichlet([5, 5, 5], 600)
PUBLISHED = Forecasts(TABLE, LABELS, CLASSES)
EVEN = Forecasts(np.full((600, 3), 1 / 3), LABELS, CLASSES)
FOLD = np.arange(600) // 60


def test_folds_add_up_to_the_whole() -> None:
    table = fold_table(PUBLISHED, {"even": EVEN}, scores_for(CLASSES), FOLD)
    assert table["rows"].sum() == 600
    assert np.average(table["log_loss"], weights=table["rows"]) == pytest.approx(
        value(LOG_LOSS, PUBLISHED)
    )
    gain = value(LOG_LOSS, EVEN) - value(LOG_LOSS, PUBLISHED)
    assert np.average(table["gain_even"], weights=table["rows"]) == pytest.approx(gain)
    third = value(LOG_LOSS, subset(PUBLISHED, FOLD == 3))
    assert table.loc[3, "log_loss"] == pytest.approx(third)


def test_a_class_that_a_fold_lacks_is_named_and_its_scores_are_missing_not_zero() -> None:
    labels = np.where(FOLD == 4, 0, LABELS)
    calm = Forecasts(TABLE, labels, CLASSES)
    table = fold_table(calm, {"even": EVEN}, scores_for(CLASSES), FOLD)
    assert table.loc[4, "missing_classes"] == "-1 1"
    assert table.loc[4, ["happened_-1", "happened_0", "happened_1"]].tolist() == [0, 60, 0]
    assert table.loc[4, ["event_auc", "direction_auc"]].isna().all()
    assert math.isfinite(table.loc[4, "log_loss"])
    assert (table.drop(4)["missing_classes"] == "").all()
    assert table.drop(4)["event_auc"].notna().all()


def test_years_are_judged_each_on_its_own_days() -> None:
    gain = RANDOM.standard_normal(600) + np.repeat([0.0, 1.0], 300)
    table = gain_by_year(gain, np.repeat([2023, 2024], 300), horizon=5)
    for year, part in ((2023, gain[:300]), (2024, gain[300:])):
        interval = mean_interval(part, horizon=5)
        assert table.loc[year].tolist() == pytest.approx(
            [300, interval.estimate, interval.low, interval.high]
        )


def test_a_short_year_has_a_gain_but_no_interval() -> None:
    table = gain_by_year(np.ones(129), np.repeat([2024, 2025], [100, 29]), horizon=5)
    assert table.loc[2025, "gain"] == 1
    assert table.loc[2025, ["low", "high"]].isna().all()
    assert table.loc[2024, ["low", "high"]].notna().all()


def test_ages_share_out_all_rows() -> None:
    age = np.arange(600) % 21
    gain = np.where(age >= 14, -1.0, 0.5) + RANDOM.standard_normal(600) * 0.1
    table = gain_by_age(gain, age, block=21)
    assert table.index.tolist() == [0, 7, 14]
    assert table["rows"].sum() == 600
    assert np.average(table["gain"], weights=table["rows"]) == pytest.approx(gain.mean())
    assert (table.loc[[0, 7], "low"] > 0).all()
    assert table.loc[14, "high"] < 0


def test_the_error_of_an_age_is_that_of_repeated_samples() -> None:
    found, errors = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        gain = np.convolve(random.standard_normal(846), np.ones(7), "valid")
        row = gain_by_age(gain, np.arange(840) % 21, block=42).loc[7]
        found.append(row["gain"])
        errors.append((row["high"] - row["low"]) / 2)
    # 840/42 − 1 = 19 degrees of freedom: the interval reaches 2.09 standard errors.
    assert np.mean(errors) / 2.09 == pytest.approx(np.std(found), rel=0.15)


def test_calibration_error_is_zero_only_where_frequencies_agree() -> None:
    labels = np.repeat([0, 1], [700, 300])
    right = Forecasts(np.tile([0.7, 0.3], (1000, 1)), labels, (0, 1))
    wrong = Forecasts(np.tile([0.5, 0.5], (1000, 1)), labels, (0, 1))
    assert calibration_error(right, 1) == pytest.approx(0)
    assert calibration_error(wrong, 1) == pytest.approx(0.2)
