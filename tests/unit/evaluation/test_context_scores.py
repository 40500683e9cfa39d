from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.context_scores import chance_score, context_document, coverage

ROWS = 4000
RANDOM = np.random.default_rng(2)
SIGMA = np.exp(RANDOM.normal(0, 0.5, ROWS))
OUTCOMES = pd.Series(SIGMA * RANDOM.standard_normal(ROWS))
NORMAL = {0.05: -1.6449, 0.5: 0.0, 0.95: 1.6449}
RIGHT = pd.DataFrame({level: at * SIGMA for level, at in NORMAL.items()})


def test_right_quantiles_hold_and_beat_the_best_constant() -> None:
    scores = coverage(RIGHT, OUTCOMES, horizon=3)
    assert [one.level for one in scores] == list(NORMAL)
    assert all(one.holds for one in scores)
    assert [one.share.estimate for one in scores] == pytest.approx(list(NORMAL), abs=0.03)
    assert scores[0].loss < 0.95
    assert scores[1].loss == pytest.approx(1, abs=0.01)


def test_quantiles_that_are_too_narrow_do_not_hold() -> None:
    scores = coverage(RIGHT * 0.7, OUTCOMES, horizon=3)
    assert [one.holds for one in scores] == [False, True, False]


def test_a_level_inside_the_interval_holds_however_far_it_is() -> None:
    few = coverage(RIGHT.iloc[:60] + 0.35, OUTCOMES.iloc[:60], horizon=3)[1]
    assert abs(few.share.estimate - few.level) > 0.03
    assert few.holds


def test_rows_without_an_outcome_do_not_count() -> None:
    known = OUTCOMES.iloc[500:1500]
    assert coverage(RIGHT, known, horizon=3) == coverage(RIGHT.iloc[500:1500], known, horizon=3)
    assert coverage(RIGHT.iloc[:900], OUTCOMES, horizon=3)[0].share.block >= 9
    with pytest.raises(DataUnavailable):
        coverage(RIGHT.iloc[:0], OUTCOMES, horizon=3)


def test_a_chance_is_scored_by_rank_and_level() -> None:
    chance = pd.Series(RANDOM.uniform(0.2, 0.8, ROWS))
    label = pd.Series((RANDOM.random(ROWS) < chance).astype("int64"))
    clever = chance_score(chance, label, horizon=3)
    assert clever.auc.low > 0.6
    assert clever.mean_forecast == pytest.approx(clever.happened, abs=0.03)
    blind = chance_score(
        chance.sample(frac=1, random_state=1).set_axis(chance.index), label, horizon=3
    )
    assert blind.auc.low < 0.5 < blind.auc.high


def test_the_document_is_plain_and_whole() -> None:
    scores = coverage(RIGHT, OUTCOMES, horizon=3)
    chance = chance_score(RIGHT[0.95], (OUTCOMES > 1).astype("int64"), horizon=3)
    document = context_document({5: scores}, {"vol": chance})
    canonical_bytes(document)
    assert document["quantiles"]["5"]["0.05"]["holds"] is True
    assert document["quantiles"]["5"]["0.05"]["estimate"] == scores[0].share.estimate
    assert document["regime"]["vol"]["low"] < document["regime"]["vol"]["high"]
