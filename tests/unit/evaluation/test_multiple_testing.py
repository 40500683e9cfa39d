from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.errors import UsageError
from forecastlab.evaluation.multiple_testing import (
    Returns,
    best_of,
    deflated_sharpe,
    expected_maximum,
    gain_p_value,
    holm,
    probabilistic_sharpe,
    probability_of_overfitting,
)
from forecastlab.evaluation.uncertainty import student_interval

# The worked example of Bailey & López de Prado (2014): five years of daily returns, an annualised
# Sharpe ratio of 2.5, skewness −3, kurtosis 10; the trials' annualised ratios vary by 1/2.
EXAMPLE = Returns(sharpe=2.5 / math.sqrt(250), periods=1250, skew=-3.0, kurtosis=10.0)
VARIANCE = 0.5 / 250

P_VALUES = [0.051182162470025674, 0.09504636963259354, 0.014415961271963373, 0.09486494471372439]
P_VALUES += [0.031183145201048548, 0.04233264489725757, 0.08277025938204419, 0.04091991363691613]
P_VALUES += [0.05495936876730595, 0.002755911324306837, 0.07535131086748066, 0.053814331321927825]


def test_holm_equals_that_of_statsmodels() -> None:
    # multipletests(P_VALUES, method="holm") of statsmodels 0.15.0.
    expected = np.full(12, 0.3682792227322452)
    expected[[2, 4, 9]] = [0.1585755739915971, 0.31183145201048545, 0.03307093589168204]
    np.testing.assert_allclose(holm(P_VALUES), expected)


@given(values=st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_nothing_and_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    found = holm(values)
    assert (found >= np.array(values) - 1e-15).all()
    assert (found <= np.minimum(np.array(values) * len(values), 1) + 1e-15).all()
    assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()


def test_holm_counts_what_could_not_be_tested() -> None:
    assert holm([0.02, math.nan]).tolist() == [0.04, 1.0]
    assert holm([]).tolist() == []


def test_the_deflated_sharpe_ratio_of_the_worked_example() -> None:
    benchmark = math.sqrt(VARIANCE) * expected_maximum(100)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(EXAMPLE, looks=100, variance=VARIANCE) == pytest.approx(0.9004, abs=5e-5)
    # The paper: after 46 trials it would have passed at 95 %.
    assert deflated_sharpe(EXAMPLE, looks=46, variance=VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_one_look_needs_no_deflation() -> None:
    alone = deflated_sharpe(EXAMPLE, looks=1, variance=VARIANCE)
    assert alone == probabilistic_sharpe(EXAMPLE, 0.0)
    assert deflated_sharpe(EXAMPLE, looks=2, variance=VARIANCE) < alone


@pytest.mark.parametrize("looks", [2, 10, 100, 1000])
def test_the_expected_maximum_is_that_of_normal_draws(looks: int) -> None:
    drawn = np.random.default_rng(0).standard_normal((4000, looks)).max(axis=1).mean()
    assert expected_maximum(looks) == pytest.approx(drawn, abs=0.06)


def test_the_best_of_many_is_counted() -> None:
    looks, p = 35, 0.02
    drawn = np.random.default_rng(0).uniform(size=(20_000, looks)).min(axis=1)
    assert best_of(p, looks) == pytest.approx((drawn <= p).mean(), abs=0.01)
    assert best_of(0.0, looks) == 0
    assert best_of(1.0, looks) == 1
    assert best_of(1e-18, looks) == pytest.approx(35e-18)


@pytest.mark.parametrize("estimate", [0.9, 1.0, 1.1, -1.0])
def test_the_p_value_agrees_with_the_interval(estimate: float) -> None:
    rows, block = 1260, 63
    interval = student_interval(estimate, 0.48, rows=rows, block=block)
    assert (gain_p_value(interval, rows=rows) < 0.05) == (interval.low > 0)
    assert gain_p_value(interval, rows=rows) <= 1


def test_a_gain_without_error_is_certain_or_none() -> None:
    assert gain_p_value(student_interval(0.0, 0.0, rows=100, block=10), rows=100) == 1
    assert gain_p_value(student_interval(-0.1, 0.0, rows=100, block=10), rows=100) == 1
    assert gain_p_value(student_interval(0.1, 0.0, rows=100, block=10), rows=100) == 0


def by_hand(gains: np.ndarray, blocks: int) -> list[float]:
    """The logits of CSCV, one split at a time."""
    length = len(gains) // blocks
    parts = [gains[length * i : length * (i + 1)] for i in range(blocks)]
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in chosen])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in chosen])
        best = int((inside.mean(axis=0) / inside.std(axis=0)).argmax())
        merits = outside.mean(axis=0) / outside.std(axis=0)
        rank = 1 + int((merits < merits[best]).sum())
        logits.append(math.log(rank / (gains.shape[1] + 1 - rank)))
    return logits


def test_overfitting_is_counted_over_every_split() -> None:
    gains = np.random.default_rng(0).standard_normal((120, 7))
    found = probability_of_overfitting(gains, blocks=6)
    np.testing.assert_allclose(found.logits, by_hand(gains, 6))
    assert len(found.logits) == 20
    assert found.probability == np.mean(np.array(by_hand(gains, 6)) <= 0)


def test_useless_strategies_are_overfitted_and_a_good_one_is_not() -> None:
    noise = [np.random.default_rng(seed).standard_normal((480, 20)) for seed in range(12)]
    found = np.mean([probability_of_overfitting(one, blocks=8).probability for one in noise])
    assert 0.35 < found < 0.75
    skilled = noise[0].copy()
    skilled[:, 3] += 0.4
    assert probability_of_overfitting(skilled, blocks=8).probability == 0


def test_what_is_won_in_one_half_and_lost_in_the_other_is_overfitting() -> None:
    # Each strategy gains in its own block as much as it loses everywhere else together.
    gains = np.repeat(np.eye(4) * 4 - 1, 50, axis=0)
    gains += np.random.default_rng(0).normal(0, 0.1, gains.shape)
    assert probability_of_overfitting(gains, blocks=4).probability == 1


@pytest.mark.parametrize(("rows", "strategies", "blocks"), [(100, 1, 4), (100, 3, 5), (7, 3, 4)])
def test_what_cannot_be_cross_validated_is_refused(rows: int, strategies: int, blocks: int) -> None:
    with pytest.raises(UsageError, match="cannot be cross-validated"):
        probability_of_overfitting(np.zeros((rows, strategies)), blocks=blocks)
