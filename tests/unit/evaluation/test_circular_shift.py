from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.circular_shift import ENOUGH, moved, shift_null
from forecastlab.evaluation.scores import (
    AUC_ONE_VS_REST,
    DIRECTION_AUC,
    EVENT_AUC,
    AucScore,
    Forecasts,
    value,
)
from tests.support.out_of_fold import CLASSES

ROWS = 1000
BLOCK = 42


def runs_of_luck(seed: int, rows: int = ROWS) -> Forecasts:
    """Labels in runs of 14 and a forecast that wanders slowly, with nothing between the two."""
    random = np.random.default_rng(seed)
    labels = np.repeat(random.integers(0, 2, rows // 14 + 1), 14)[:rows]
    wander = np.convolve(random.standard_normal(rows + 59), np.ones(60) / 8, "valid")
    up = 1 / (1 + np.exp(-wander))
    return Forecasts(np.column_stack([1 - up, up]), labels, (0, 1))


def test_luck_that_looks_like_skill_is_called_luck() -> None:
    seeds = 40
    found = [
        shift_null(AUC_ONE_VS_REST, runs_of_luck(seed), block=BLOCK, most=500)
        for seed in range(seeds)
    ]
    # 40 useless forecasts at the 5 % level: more than 6 have probability .004.
    called_skill = sum(one.p_value < 0.05 for one in found)
    assert binom.sf(6, seeds, 0.05) < 0.005
    assert called_skill <= 6
    # The errors of independent rows would call about half of them skill, or its opposite.
    independent = math.sqrt((1 / 500 + 1 / 500) / 12)
    fooled = sum(abs(one.observed - 0.5) > 1.96 * independent for one in found)
    assert fooled > 12


def test_skill_is_found() -> None:
    luck = runs_of_luck(1)
    lean = luck.column(1) * 0.6 + luck.labels * 0.4
    skilled = Forecasts(np.column_stack([1 - lean, lean]), luck.labels, (0, 1))
    null = shift_null(AUC_ONE_VS_REST, skilled, block=BLOCK)
    assert null.p_value == pytest.approx(1 / (1 + len(null.offsets)))
    assert null.observed > null.values.max() > null.mean


def test_no_label_moves_by_less_than_a_block() -> None:
    null = shift_null(AUC_ONE_VS_REST, runs_of_luck(2), block=BLOCK)
    assert null.offsets.min() == BLOCK
    assert null.offsets.max() == ROWS - BLOCK
    assert len(null.offsets) >= ENOUGH
    assert null.independent == pytest.approx(ROWS / BLOCK)


def test_the_values_are_those_of_moved_labels_and_p_counts_them() -> None:
    luck = runs_of_luck(3, rows=120)
    null = shift_null(AUC_ONE_VS_REST, luck, block=BLOCK)
    by_hand = [value(AUC_ONE_VS_REST, moved(luck, offset)) for offset in range(42, 79)]
    np.testing.assert_allclose(null.values, by_hand)
    reached = sum(one >= null.observed for one in by_hand)
    assert null.p_value == pytest.approx((1 + reached) / (1 + 37))


def test_long_spans_are_thinned_not_cut() -> None:
    null = shift_null(AUC_ONE_VS_REST, runs_of_luck(4, rows=3000), block=BLOCK, most=600)
    assert ENOUGH <= len(null.offsets) <= 600
    assert null.offsets[-1] > 3000 - 2 * BLOCK


def test_a_constant_forecast_is_never_skill() -> None:
    luck = runs_of_luck(5)
    flat = Forecasts(np.full((ROWS, 2), 0.5), luck.labels, (0, 1))
    assert shift_null(AUC_ONE_VS_REST, flat, block=BLOCK).p_value == 1


def test_an_undetermined_score_has_no_p_value() -> None:
    calm = Forecasts(np.full((200, 3), 1 / 3), np.zeros(200, dtype="int64"), CLASSES)
    null = shift_null(EVENT_AUC, calm, block=BLOCK)
    assert math.isnan(null.observed) and math.isnan(null.p_value)


def test_a_span_too_short_to_move_labels_is_refused() -> None:
    with pytest.raises(DataUnavailable, match="83 scored rows"):
        shift_null(AUC_ONE_VS_REST, runs_of_luck(6, rows=83), block=BLOCK)


@pytest.mark.parametrize("score", [AUC_ONE_VS_REST, EVENT_AUC, DIRECTION_AUC])
@pytest.mark.parametrize("classes", [(0, 1), (-1, 0, 1)])
def test_ranks_sorted_once_give_what_every_move_gives(
    score: AucScore, classes: tuple[int, ...]
) -> None:
    random = np.random.default_rng(0)
    # Rounded probabilities tie, and one class is rare.
    table = random.dirichlet([3.0] * len(classes), 200).round(2)
    table[:, -1] = 1 - table[:, :-1].sum(axis=1)
    labels = random.choice(classes, 200, p=[0.05, 0.95] if len(classes) == 2 else [0.05, 0.5, 0.45])
    forecasts = Forecasts(table, labels, classes)
    found = shift_null(score, forecasts, block=BLOCK)
    by_hand = [value(score, moved(forecasts, int(offset))) for offset in found.offsets]
    np.testing.assert_allclose(found.values, by_hand, rtol=0, atol=1e-12)
