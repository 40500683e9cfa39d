"""Each gate fails where it should, and not by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forecastlab.evaluation.gates import (
    LEAST_OOF,
    LEAST_ROUNDS,
    OwnLabel,
    enough_oof,
    enough_trees,
    parity,
    research_only,
    same_label,
    small_gap,
    sound_spread,
)
from forecastlab.evaluation.scores import Forecasts

ROWS = 20_000
RANDOM = np.random.default_rng(0)
LABELS = np.repeat(RANDOM.integers(0, 2, ROWS // 5), 5)


def binary(up: np.ndarray, labels: np.ndarray = LABELS) -> Forecasts:
    return Forecasts(np.column_stack([1 - up, up]), labels, (0, 1))


def leaning(strength: np.ndarray | float) -> Forecasts:
    """Return forecasts that lean to what happens, by so many log odds, with noise of .1."""
    lean = strength * (LABELS - 0.5) + 0.1 * np.random.default_rng(1).standard_normal(ROWS)
    return binary(1 / (1 + np.exp(-lean)))


@pytest.mark.parametrize(
    ("kind", "rows", "passed"),
    [
        ("direction", LEAST_OOF - 1, False),
        ("direction", LEAST_OOF, True),
        ("reversal", 100, True),
    ],
)
def test_only_a_direction_needs_ten_thousand_rows(kind: str, rows: int, *, passed: bool) -> None:
    found = enough_oof(rows, kind=kind)
    assert (found.passed, found.found) == (passed, rows)
    assert (found.reason is None) == passed


@pytest.mark.parametrize("classes", [2, 3])
def test_trees_count_once_and_by_the_class(classes: int) -> None:
    least = LEAST_ROUNDS * (1 if classes == 2 else 3)
    trees = [f"tree {number}" for number in range(least)]
    assert enough_trees("gbm", trees, classes=classes).passed
    assert not enough_trees("gbm", trees[1:] * 10, classes=classes).passed


def test_a_constant_of_each_fold_is_still_a_constant() -> None:
    fold = np.arange(ROWS) // 1000
    up = 0.4 + 0.2 * fold / fold.max()
    assert up.std() > 0.05
    found = sound_spread("gbm", np.column_stack([1 - up, up]), fold)
    assert not found.passed and found.found == pytest.approx(0, abs=1e-12)


def test_certainty_is_no_sound_spread() -> None:
    fold = np.zeros(ROWS)
    sure = np.where(RANDOM.random(ROWS) < 0.5, 0.02, 0.98)
    assert not sound_spread("lstm", np.column_stack([1 - sure, sure]), fold).passed
    shy = 0.5 + 0.02 * RANDOM.standard_normal(ROWS)
    found = sound_spread("lstm", np.column_stack([1 - shy, shy]), fold)
    assert found.passed and found.found == pytest.approx(0.02, rel=0.05)
    assert not sound_spread("lstm", np.empty((0, 2)), np.empty(0)).passed


def test_another_labels_frequency_is_noticed() -> None:
    one_sided = binary(0.38 + 0.02 * RANDOM.standard_normal(ROWS))
    own = OwnLabel((0, 1))
    found = same_label("gbm", one_sided, own=own, candidate="H5", horizon=5)
    assert not found.passed and found.found == pytest.approx(0.12, abs=0.02)
    fair = binary(0.47 + 0.02 * RANDOM.standard_normal(ROWS))
    assert same_label("gbm", fair, own=own, candidate="H5", horizon=5).passed


def test_a_frequency_that_is_off_by_chance_is_forgiven() -> None:
    # Twenty labels of twenty rows each: the frequency is off by .1 and more now and then.
    off = []
    for seed in range(200):
        labels = np.repeat(np.random.default_rng(seed).integers(0, 2, 20), 20)
        found = same_label(
            "gbm",
            binary(np.full(400, 0.5), labels),
            own=OwnLabel((0, 1)),
            candidate="H",
            horizon=20,
        )
        off.append((found.found or 0, found.passed))
    assert sum(far > 0.1 for far, _ in off) > 40
    assert sum(not passed for _, passed in off) < 10


def test_a_model_of_another_head_or_with_other_classes_is_refused() -> None:
    even = binary(np.full(ROWS, 0.5))
    for own in (OwnLabel((0, 1), "H12"), OwnLabel((-1, 0, 1)), OwnLabel((-1, 1))):
        found = same_label("lstm", even, own=own, candidate="H5", horizon=5)
        assert not found.passed and "lstm" in (found.reason or "")
    assert same_label("x", even, own=OwnLabel((0, 1), "H5"), candidate="H5", horizon=5).passed


def test_skill_that_ends_with_the_training_rows_is_a_gap() -> None:
    fitted = np.arange(ROWS) < 0.8 * ROWS
    found = small_gap(leaning(np.where(fitted, 0.2, 0.0)), horizon=5)
    assert not found.passed and found.found == pytest.approx(0.42, abs=0.03)
    assert "newest" in (found.reason or "")
    assert small_gap(leaning(0.02), horizon=5).passed
    # That the newest rows are the better ones is no fault.
    assert small_gap(leaning(np.where(fitted, 0.0, 0.2)), horizon=5).passed


def test_a_gap_by_chance_is_forgiven_where_labels_are_few() -> None:
    failed = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        labels = np.repeat(random.choice([-1, 0, 1], 120), 20)
        table = np.repeat(random.dirichlet([5, 5, 5], 240), 10, axis=0)
        found = small_gap(Forecasts(table, labels, (-1, 0, 1)), horizon=20)
        failed.append(not found.passed)
    assert sum(failed) < 10


def test_what_cannot_be_told_passes_and_says_so() -> None:
    few = binary(np.full(20, 0.5), np.tile([0, 1], 10))
    never = binary(np.full(ROWS, 0.5), np.zeros(ROWS, dtype="int64"))
    results = [
        small_gap(few, horizon=5),
        small_gap(never, horizon=5),
        same_label("x", few, own=OwnLabel((0, 1)), candidate="H5", horizon=5),
    ]
    assert all(one.passed and one.found is None and one.reason for one in results)
    assert research_only(results) is None


@pytest.mark.parametrize(("difference", "passed"), [(9e-6, True), (2e-5, False), (math.inf, False)])
def test_parity_is_bounded(difference: float, *, passed: bool) -> None:
    assert parity("tft", difference, tolerance=1e-5).passed == passed
    assert not parity("tft", math.nan, tolerance=1e-5).passed


def test_every_failed_gate_is_a_reason() -> None:
    results = [
        enough_oof(992, kind="direction"),
        enough_oof(20_000, kind="direction"),
        parity("tft", 0.06, tolerance=1e-5),
    ]
    reason = research_only(results)
    assert reason is not None
    assert "992 out-of-fold rows" in reason and "tft" in reason and "20000" not in reason
