from __future__ import annotations

import numpy as np
import pytest

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.ablation import ablate
from forecastlab.evaluation.uncertainty import block_length, mean_standard_error

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(1.0, 0.3, 900)
LUCK = RANDOM.normal(0.0, 0.3, 900)


def losses(members: tuple[str, ...]) -> np.ndarray:
    """Return losses that `good` and either of two twins lower; `idle` does nothing."""
    found = NOISE - 0.2 * ("good" in members)
    return np.asarray(found - 0.1 * bool({"twin", "other_twin"} & {*members}))


def test_what_is_not_missed_is_dropped_the_least_simple_first() -> None:
    found = ablate(["twin", "good", "idle", "other_twin"], losses, horizon=5)
    assert [one.member for one in found.removals] == ["other_twin", "idle", "good", "twin"]
    # Of the twins one is needed: the simpler one stays.
    assert found.dropped == ("other_twin", "idle")
    kept = {one.member: one.cost for one in found.removals if not one.dropped}
    assert kept == pytest.approx({"good": 0.2, "twin": 0.1})
    beside = {one.member: one.beside for one in found.removals}
    assert beside["good"] == ("twin",)


def test_the_bound_is_one_block_error_of_the_paired_difference() -> None:
    def by_luck(members: tuple[str, ...]) -> np.ndarray:
        return np.asarray(NOISE - (LUCK - LUCK.mean() + size) * ("b" in members))

    difference = LUCK - LUCK.mean()
    error = float(mean_standard_error(difference, block_length(difference, 5)))
    for size, dropped in ((0.9 * error, True), (1.1 * error, False)):
        [removal, *_] = ablate(["a", "b"], by_luck, horizon=5).removals
        assert removal.standard_error == pytest.approx(error)
        assert removal.cost == pytest.approx(size)
        assert removal.dropped == dropped


def test_a_member_that_does_harm_is_dropped() -> None:
    def harmed(members: tuple[str, ...]) -> np.ndarray:
        return np.asarray(NOISE + 0.1 * ("bad" in members))

    assert ablate(["a", "bad"], harmed, horizon=5).dropped == ("bad",)


def test_the_last_member_stays() -> None:
    def useless(members: tuple[str, ...]) -> np.ndarray:
        return np.asarray(NOISE + 0 * len(members))

    assert ablate(["a", "b", "c"], useless, horizon=5).dropped == ("c", "b")
    assert ablate(["alone"], useless, horizon=5).removals == ()


def test_every_set_of_members_is_asked_once() -> None:
    asked: list[tuple[str, ...]] = []

    def counted(members: tuple[str, ...]) -> np.ndarray:
        asked.append(members)
        return losses(members)

    ablate(["twin", "good", "idle"], counted, horizon=5)
    assert len(asked) == len(set(asked)) == 4


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataUnavailable):
        ablate(["a", "b"], lambda _: NOISE[:20], horizon=5)
