"""Scores stay in their bounds, and rank scores see only the order."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.evaluation.scores import CLIP, Forecasts, auc, scores_for, value
from tests.support.out_of_fold import CLASSES

BOUNDS = {
    "log_loss": (0, -math.log(CLIP)),
    "brier": (0, 2),
    "auc_one_vs_rest": (0, 1),
    "event_auc": (0, 1),
    "direction_auc": (0, 1),
}
weights = st.tuples(*[st.integers(0, 5)] * 3).filter(any)
rows = st.lists(st.tuples(weights, st.sampled_from(CLASSES)), min_size=1, max_size=30)


def forecasts_of(drawn: list[tuple[tuple[int, ...], int]]) -> Forecasts:
    table = np.array([one for one, _ in drawn], dtype="float64")
    labels = np.array([label for _, label in drawn])
    return Forecasts(table / table.sum(axis=1, keepdims=True), labels, CLASSES)


@given(drawn=rows)
def test_scores_are_within_their_bounds_or_undetermined(
    drawn: list[tuple[tuple[int, ...], int]],
) -> None:
    forecasts = forecasts_of(drawn)
    for score in scores_for(CLASSES):
        low, high = BOUNDS[score.name]
        found = value(score, forecasts)
        assert math.isnan(found) or low <= found <= high + 1e-12


@given(drawn=rows)
def test_the_order_of_rows_is_irrelevant(drawn: list[tuple[tuple[int, ...], int]]) -> None:
    there, back = forecasts_of(drawn), forecasts_of(drawn[::-1])
    for score in scores_for(CLASSES):
        np.testing.assert_allclose(value(score, there), value(score, back), rtol=1e-12)


@given(
    pairs=st.lists(st.tuples(st.integers(-20, 20), st.booleans()), min_size=1, max_size=40),
)
def test_auc_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    positives = [score for score, hit in pairs if hit]
    negatives = [score for score, hit in pairs if not hit]
    scores = np.array([score for score, _ in pairs], dtype="float64")
    hits = np.array([hit for _, hit in pairs])
    found = auc(scores, hits)[0]
    if not positives or not negatives:
        assert math.isnan(found)
        return
    wins = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    assert math.isclose(found, wins / (len(positives) * len(negatives)))
    assert math.isclose(auc(np.exp(scores / 10), hits)[0], found)
    assert math.isclose(auc(-scores, hits)[0], 1 - found)
