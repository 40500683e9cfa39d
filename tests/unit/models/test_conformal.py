from __future__ import annotations

import numpy as np
import pytest

from forecastlab.contracts.errors import BundleRefused
from forecastlab.models.conformal import (
    PredictionSets,
    fit_prediction_sets,
    realised_coverage,
)


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    forecasts = random.dirichlet([2, 2, 2], rows)
    happened = (forecasts.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    return forecasts, happened


@pytest.mark.parametrize("known", [4, 20, 500])
def test_sets_cover_at_least_as_often_as_they_claim(known: int) -> None:
    # The guarantee is over draws of the known scores, and holds at every number of them.
    hits = []
    for seed in range(200):
        forecasts, happened = drawn(known + 200, seed)
        sets = fit_prediction_sets(forecasts[:known], happened[:known], level=0.8, last=500)
        inside = sets.contains(forecasts[known:])
        hits.append(inside[np.arange(200), happened[known:]].mean())
    assert np.mean(hits) >= 0.79
    if known == 500:
        assert np.mean(hits) <= 0.82


def test_too_few_scores_put_every_class_in() -> None:
    for known in range(4):
        sets = fit_prediction_sets(*drawn(known, 0), level=0.8, last=500)
        assert sets.threshold == 1.0
        assert sets.contains(np.array([[0.98, 0.01, 0.01]])).all()


def test_a_set_is_never_empty() -> None:
    sets = PredictionSets(0.8, 0.1, 500)
    assert sets.contains(np.array([[0.3, 0.36, 0.34]])).tolist() == [[False, True, False]]


@pytest.mark.parametrize("level", [0.07, 0.55, 0.57, 0.8])
def test_the_rank_is_that_of_whole_numbers(level: float) -> None:
    # (99 + 1) · 0.55 is 55, though floats make it 55.00000000000001.
    hit = np.linspace(0.01, 0.99, 99)
    table = np.column_stack([hit, 1 - hit])
    sets = fit_prediction_sets(table, np.zeros(99, dtype=int), level=level, last=500)
    assert sets.threshold == pytest.approx(level)


def test_only_the_newest_scores_count() -> None:
    old, new = np.tile([0.1, 0.9], (700, 1)), np.tile([0.9, 0.1], (500, 1))
    happened = np.zeros(1200, dtype=int)
    sets = fit_prediction_sets(np.vstack([old, new]), happened, level=0.8, last=500)
    assert (sets.threshold, sets.scores) == (pytest.approx(0.1), 500)


def test_realised_coverage_stays_within_its_bounds() -> None:
    covered = np.ones(400)
    covered[::50] = 0
    interval = realised_coverage(covered, horizon=14)
    assert interval.estimate == pytest.approx(0.98)
    assert 0 < interval.low < interval.estimate < interval.high <= 1


def test_a_dumped_state_is_the_same() -> None:
    sets = fit_prediction_sets(*drawn(100, 0), level=0.8, last=500)
    assert PredictionSets.load(sets.dump()) == sets


@pytest.mark.parametrize("files", [{}, {"conformal.json": b"{}"}, {"conformal.json": b"[]"}])
def test_broken_files_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(BundleRefused):
        PredictionSets.load(files)
