from __future__ import annotations

import numpy as np
import pytest

from forecastlab.evaluation.economics import ROUND_TRIP, by_probability

RANDOM = np.random.default_rng(0)
ROWS = 5000
CHANCE = 0.5 + 0.03 * RANDOM.standard_normal(ROWS)
BASE = np.full(ROWS, 0.5)
AHEAD = 0.1 * (CHANCE - 0.5) + 0.01 * np.convolve(
    RANDOM.standard_normal(ROWS + 4), np.ones(5), "valid"
)


def test_buckets_are_those_of_a_loop() -> None:
    table = by_probability(CHANCE, BASE, AHEAD, block=168)
    ranked = np.argsort(CHANCE)
    for number, row in table.iterrows():
        own = ranked[int(number) * 1000 : (int(number) + 1) * 1000]
        assert row["rows"] == 1000
        assert (row["lowest"], row["highest"]) == (CHANCE[own].min(), CHANCE[own].max())
        assert row["forward"] == pytest.approx(AHEAD[own].mean())
        side = 1 if CHANCE[own].mean() > 0.5 else -1
        assert row["side"] == side
        assert row["gross"] == pytest.approx(side * AHEAD[own].mean())
        assert row["net"] == pytest.approx(side * AHEAD[own].mean() - ROUND_TRIP)
        assert row["low"] < row["net"] < row["high"]
    assert table["side"].tolist()[0] == -1 and table["side"].tolist()[-1] == 1


def test_the_side_is_against_the_base_rate_not_against_one_half() -> None:
    table = by_probability(CHANCE, BASE - 0.2, AHEAD, block=168)
    assert (table["side"] == 1).all()


def test_the_interval_covers_the_mean_of_overlapping_returns() -> None:
    covered = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        steps = random.standard_normal(2023)
        ahead = np.convolve(steps, np.ones(24), "valid") / 24
        chance = 0.5 + 0.03 * random.standard_normal(2000)
        row = by_probability(chance, BASE[:2000], ahead, block=72, cost=0.0).iloc[-1]
        covered += row["low"] <= 0 <= row["high"]
    assert covered / 300 >= 0.9


def test_a_cost_moves_net_and_its_interval_alone() -> None:
    free, dear = (by_probability(CHANCE, BASE, AHEAD, block=168, cost=cost) for cost in (0.0, 0.01))
    for name in ("net", "low", "high"):
        np.testing.assert_allclose(free[name] - dear[name], 0.01)
    np.testing.assert_array_equal(free["gross"], dear["gross"])


def test_equal_probabilities_are_shared_out_in_time_order() -> None:
    table = by_probability(np.full(100, 0.6), BASE[:100], np.arange(100.0), block=5)
    assert table["rows"].tolist() == [20] * 5
    assert table["forward"].tolist() == [9.5, 29.5, 49.5, 69.5, 89.5]
