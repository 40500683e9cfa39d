"""What many looks at the same data do to the best of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Final

import numpy as np

from forecastlab.contracts.errors import UsageError
from forecastlab.evaluation.uncertainty import Interval

_EULER: Final = 0.5772156649015329


def gain_p_value(interval: Interval, *, rows: int) -> float:
    """Return the p value of "no gain": below .05 exactly where the 95 % interval lies above 0.

    It is twice the upper tail of Student's t with rows/block − 1 degrees of freedom, at most 1;
    1 for a gain of 0 without error.

    >>> from forecastlab.evaluation.uncertainty import student_interval
    >>> touching = student_interval(1.0, 0.5, rows=1260, block=63)
    >>> touching.low < 0, round(gain_p_value(touching, rows=1260), 2)
    (True, 0.06)
    """
    if interval.standard_error == 0:
        return 0.0 if interval.estimate > 0 else 1.0
    freedom = rows / interval.block - 1
    from scipy.special import stdtr  # noqa: PLC0415 - 0.2 s that no forecast should pay

    return min(1.0, 2 * float(stdtr(freedom, -interval.estimate / interval.standard_error)))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return the p values adjusted so that any error among all of them stays below the level.

    A missing p value counts as 1: what could not be tested shows nothing, but was looked at.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".

    >>> holm([0.01, 0.04, 0.03, 0.005]).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    given = np.nan_to_num(np.asarray(p_values, dtype="float64"), nan=1.0)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def best_of(p_value: float, looks: int) -> float:
    """Return the chance that the best of so many useless looks has such a p value.

    It is 1 − (1 − p)^looks, exact for independent looks and too strict for looks that resemble
    each other.

    Source: Šidák (1967), "Rectangular confidence regions for the means of multivariate normal
    distributions".

    >>> round(best_of(0.01, 35), 3), best_of(0.01, 1)
    (0.297, 0.01)
    """
    return -math.expm1(looks * math.log1p(-p_value)) if p_value < 1 else 1.0


def expected_maximum(looks: int) -> float:
    """Return about how many standard errors above 0 the best of so many useless looks lies.

    Source: Bailey & López de Prado (2014), "The deflated Sharpe ratio", eq. 1.

    >>> round(expected_maximum(100), 3), expected_maximum(1)
    (2.531, 0.0)
    """
    if looks < 2:
        return 0.0
    normal = NormalDist()
    first, second = normal.inv_cdf(1 - 1 / looks), normal.inv_cdf(1 - 1 / (looks * math.e))
    return float((1 - _EULER) * first + _EULER * second)


@dataclass(frozen=True)
class Returns:
    """A return series in four numbers; the Sharpe ratio is per period, not annualised.

    `kurtosis` is 3 for a normal distribution.
    """

    sharpe: float
    periods: int
    skew: float
    kurtosis: float


def probabilistic_sharpe(returns: Returns, benchmark: float) -> float:
    """Return P(the true Sharpe ratio exceeds `benchmark`), both per period.

    Source: Bailey & López de Prado (2012), "The Sharpe ratio efficient frontier".

    >>> probabilistic_sharpe(Returns(0.1, 1000, 0.0, 3.0), 0.1)
    0.5
    """
    sharpe = returns.sharpe
    spread = 1 - returns.skew * sharpe + (returns.kurtosis - 1) / 4 * sharpe**2
    return NormalDist().cdf((sharpe - benchmark) * math.sqrt((returns.periods - 1) / spread))


def deflated_sharpe(returns: Returns, *, looks: int, variance: float) -> float:
    """Return P(the true Sharpe ratio exceeds the best that so many useless looks would show).

    Args:
        variance: of the looks' Sharpe ratios, per period.

    Source: Bailey & López de Prado (2014), "The deflated Sharpe ratio".

    >>> daily = Returns(sharpe=2.5 / math.sqrt(250), periods=1250, skew=-3.0, kurtosis=10.0)
    >>> round(deflated_sharpe(daily, looks=100, variance=0.5 / 250), 4)
    0.9004
    """
    return probabilistic_sharpe(returns, math.sqrt(variance) * expected_maximum(looks))


@dataclass(frozen=True, eq=False)
class Overfitting:
    """How often the best in one half of the data was below the middle in the other.

    `logits` holds one value per split, shape (splits,): log(rank / (strategies + 1 − rank)) of the
    in-sample best, out of sample; `probability` is the share of them at or below 0.
    """

    probability: float
    logits: np.ndarray


def probability_of_overfitting(gains: np.ndarray, *, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting (CSCV) of a table of gains or returns.

    The rows are cut into `blocks` runs of equal length (the oldest rest is left out); every half of
    them is once in sample, the other half out of sample. A strategy's merit is mean over standard
    deviation; equal merits share their mean rank.

    Args:
        gains: shape (rows, strategies).
        blocks: even.

    Raises:
        UsageError: fewer than two strategies, an odd number of blocks, or blocks below two rows.

    Source: Bailey, Borwein, López de Prado & Zhu (2017), "The probability of backtest
    overfitting".

    >>> steady = np.column_stack([np.tile([1.0, 1.2], 40), np.tile([-1.0, 1.0], 40)])
    >>> probability_of_overfitting(steady, blocks=4).probability
    0.0
    """
    rows, strategies = gains.shape
    length = rows // blocks
    if strategies < 2 or blocks % 2 or length < 2:
        raise UsageError(
            f"{strategies} strategies on {rows} rows in {blocks} blocks cannot be cross-validated.",
            remedy="Give at least two strategies, an even number of blocks, and two rows for each.",
        )
    kept = gains[rows - blocks * length :].reshape(blocks, length, strategies)
    halves = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for split, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        halves[split, list(chosen)] = 1
    inside, outside = _merits(kept, halves), _merits(kept, 1 - halves)
    best = inside.argmax(axis=1)
    from scipy.stats import rankdata  # noqa: PLC0415 - 0.4 s that no forecast should pay

    rank = rankdata(outside, axis=1)[np.arange(len(best)), best]
    logits = np.log(rank / (strategies + 1 - rank))
    return Overfitting(float((logits <= 0).mean()), logits)


def _merits(kept: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Return mean over standard deviation per split and strategy; 0 where nothing varies at 0."""
    rows = halves.sum(axis=1, keepdims=True) * kept.shape[1]
    mean = halves @ kept.sum(axis=1) / rows
    spread = np.sqrt(np.maximum(halves @ (kept**2).sum(axis=1) / rows - mean**2, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where((spread == 0) & (mean == 0), 0.0, mean / spread))
