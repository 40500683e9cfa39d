"""Intervals over many symbols: what moves together counts once."""

from __future__ import annotations

import numpy as np
import pytest

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.joint_days import WEEK, joint_auc, joint_mean
from forecastlab.evaluation.ranks import auc_interval

DAYS = 400
HOURS = np.repeat(np.arange(DAYS), 24)


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a number per hour, and labels that it leans to."""
    random = np.random.default_rng(seed)
    hit = random.random(len(HOURS)) < 0.5
    return random.standard_normal(len(HOURS)) + 0.2 * hit, hit


def test_symbols_that_move_as_one_do_not_narrow_the_interval() -> None:
    number, hit = drawn()
    one = joint_auc(number, hit, HOURS)
    five = joint_auc(np.tile(number, 5), np.tile(hit, 5), np.tile(HOURS, 5))
    assert five.estimate == pytest.approx(one.estimate)
    assert five.standard_error == pytest.approx(one.standard_error, rel=1e-6)
    # Taken for five times as many rows, it would be.
    naive = auc_interval(np.tile(number, 5), np.tile(hit, 5), block=24 * WEEK)
    assert naive.standard_error < 0.6 * five.standard_error


def test_symbols_of_their_own_do_narrow_it() -> None:
    parts = [drawn(seed) for seed in range(5)]
    number, hit = (np.concatenate(column) for column in zip(*parts, strict=True))
    one, five = joint_auc(*parts[0], HOURS), joint_auc(number, hit, np.tile(HOURS, 5))
    assert 0.3 < five.standard_error / one.standard_error < 0.6


def test_the_order_of_the_rows_does_not_matter() -> None:
    number, hit = drawn()
    order = np.random.default_rng(1).permutation(len(HOURS))
    first, second = (
        joint_auc(number, hit, HOURS),
        joint_auc(number[order], hit[order], HOURS[order]),
    )
    assert (first.low, first.high) == pytest.approx((second.low, second.high))


def test_a_mean_weighs_rows_and_not_days() -> None:
    days = np.r_[np.zeros(90, dtype=int), np.arange(1, 61)]
    values = np.r_[np.ones(90), np.zeros(60)]
    found = joint_mean(values, days)
    assert found.estimate == pytest.approx(0.6)
    assert found.low < 0.6 < found.high


def test_days_that_depend_on_each_other_widen_the_interval() -> None:
    random = np.random.default_rng(2)
    shock = random.standard_normal(DAYS)
    slow = np.convolve(shock, np.ones(30) / np.sqrt(30), mode="same")
    fast, lasting = (joint_mean(np.repeat(one, 24), HOURS) for one in (shock, slow))
    assert lasting.standard_error > 2 * fast.standard_error
    assert lasting.block >= fast.block >= WEEK


def test_nothing_to_find_is_not_found_too_often() -> None:
    """Of 100 worlds with day-wide luck and no skill some 95 intervals hold one half."""
    held = 0
    for seed in range(100):
        random = np.random.default_rng([seed, 7])
        common = np.repeat(random.standard_normal(DAYS), 24)
        number = np.tile(np.repeat(random.standard_normal(DAYS), 24), 2)
        hit = np.concatenate([common + random.standard_normal(len(HOURS)) > 0 for _ in range(2)])
        found = joint_auc(number, hit, np.tile(HOURS, 2))
        held += found.low <= 0.5 <= found.high
    assert held >= 88


def test_too_few_days_have_no_interval() -> None:
    with pytest.raises(DataUnavailable, match="too few"):
        joint_mean(np.zeros(100), np.zeros(100, dtype=int))
