from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from forecastlab.evaluation.ranks import auc_by_period, auc_difference, auc_interval, quarters
from forecastlab.evaluation.scores import DIRECTION_AUC, Forecasts, auc_influence
from forecastlab.evaluation.uncertainty import score_intervals

RANDOM = np.random.default_rng(0)
ROWS = 3000
POSITIVE = np.repeat(RANDOM.random(ROWS // 10) < 0.4, 10)
NOISE = np.convolve(RANDOM.standard_normal(ROWS + 19), np.ones(20) / 20, "valid")
GOOD = NOISE + 0.3 * POSITIVE
POOR = np.round(NOISE + 0.05 * POSITIVE, 1)


def by_hand(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the share of pairs that are ranked rightly, ties counted half."""
    ups, downs = scores[positive], scores[~positive]
    wins = [(up > down) + 0.5 * (up == down) for up, down in product(ups, downs)]
    return float(np.mean(wins))


@pytest.mark.parametrize("scores", [GOOD, POOR])
def test_the_area_is_that_of_all_pairs(scores: np.ndarray) -> None:
    few = slice(0, 300)
    found = auc_interval(scores[few], POSITIVE[few], block=20)
    assert found.estimate == pytest.approx(by_hand(scores[few], POSITIVE[few]))


@pytest.mark.parametrize("scores", [GOOD, POOR])
def test_the_influence_is_what_leaving_a_row_out_changes(scores: np.ndarray) -> None:
    some = slice(0, 120)
    score, positive = scores[some], POSITIVE[some]
    influence = auc_influence(score, positive)
    whole, rows = by_hand(score, positive), len(score)
    jack = []
    for row in range(rows):
        rest = np.arange(rows) != row
        jack.append((rows - 1) * (whole - by_hand(score[rest], positive[rest])))
    np.testing.assert_allclose(influence, jack, rtol=0.05, atol=1e-9)
    assert influence.mean() == pytest.approx(0, abs=1e-12)


def test_its_error_is_that_of_drawn_blocks() -> None:
    up = 1 / (1 + np.exp(-GOOD))
    drawn = score_intervals(
        [DIRECTION_AUC],
        Forecasts(np.column_stack([1 - up, up]), POSITIVE.astype("int64"), (0, 1)),
        block=60,
        seed=1,
    )["direction_auc"]
    found = auc_interval(GOOD, POSITIVE, block=60)
    assert found.estimate == pytest.approx(drawn.estimate)
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.06)


def test_a_difference_is_paired() -> None:
    near = GOOD + 0.001 * RANDOM.standard_normal(ROWS)
    found = auc_difference(GOOD, near, POSITIVE, block=60)
    alone = auc_interval(GOOD, POSITIVE, block=60)
    assert found.standard_error < alone.standard_error / 10
    apart = auc_difference(GOOD, POOR, POSITIVE, block=60)
    assert apart.estimate == pytest.approx(
        alone.estimate - auc_interval(POOR, POSITIVE, block=60).estimate
    )
    assert apart.low > 0


def test_one_class_alone_determines_nothing() -> None:
    found = auc_interval(GOOD, np.ones(ROWS, dtype=bool), block=60)
    assert math.isnan(found.estimate) and math.isnan(found.low)


def test_periods_are_judged_each_on_its_own_rows() -> None:
    periods = np.repeat(["a", "b", "c"], [1500, 1450, 50])
    table = auc_by_period(GOOD, POSITIVE, periods, block=60)
    assert table["rows"].tolist() == [1500, 1450, 50]
    for period in ("a", "b"):
        inside = periods == period
        alone = auc_interval(GOOD[inside], POSITIVE[inside], block=60)
        row = table.loc[period]
        assert (row["auc"], row["low"], row["high"]) == (alone.estimate, alone.low, alone.high)
    assert math.isfinite(table.loc["c", "auc"]) and math.isnan(table.loc["c", "low"])


def test_quarters_are_those_of_the_utc_calendar() -> None:
    opens = pd.DatetimeIndex(
        ["2024-12-31T23:00Z", "2025-01-01T00:00Z", "2025-03-31T23:00Z", "2025-04-01T00:00Z"]
    ).as_unit("ms")
    assert quarters(opens).tolist() == ["2024Q4", "2025Q1", "2025Q1", "2025Q2"]
