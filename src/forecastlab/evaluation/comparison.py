"""One forecaster beside others on the same rows: every score and difference with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecastlab.contracts.errors import DataMalformed
from forecastlab.evaluation.scores import Forecasts, MeanScore, Score, value
from forecastlab.evaluation.uncertainty import (
    DRAWS,
    Interval,
    drawn_interval,
    influence_interval,
    linear,
    mean_interval,
    score_draws,
)

Table = dict[str, dict[str, Interval]]
"""Forecaster -> score -> interval."""


@dataclass(frozen=True)
class Comparison:
    """Scores of all forecasters, and by how much the first one is better than each other.

    A difference is positive where the first one is better, whatever the score's sense.
    """

    scores: Table
    differences: Table


@dataclass(frozen=True)
class Resampling:
    """How rows are resampled: the labels' overlap, the block of drawn scores, seed and draws.

    The block of a mean score is its own, max(3 · horizon, Politis–White) of its rows.
    """

    horizon: int
    block: int
    seed: int
    draws: int = DRAWS


def compare(
    forecasters: Mapping[str, Forecasts], scores: Sequence[Score], how: Resampling
) -> Comparison:
    """Score the forecasters, all on the same draws, and compare the first with each other.

    A mean of row statistics needs no draws (`mean_interval`), nor does an AUC over many rows
    (`influence_interval`); a score that the rows do not
    determine is NaN, with a NaN interval.

    Raises:
        DataMalformed: the forecasters were measured on different rows.
        DataUnavailable: there are too few rows.

    >>> from forecastlab.evaluation.scores import LOG_LOSS
    >>> labels = np.tile([0, 1], 50)
    >>> even = Forecasts(np.full((100, 2), 0.5), labels, (0, 1))
    >>> sure = Forecasts(np.where(np.eye(2)[labels] == 1, 0.9, 0.1), labels, (0, 1))
    >>> found = compare({"sure": sure, "even": even}, [LOG_LOSS], Resampling(2, 6, seed=1))
    >>> round(found.differences["even"]["log_loss"].estimate, 3)
    0.588
    """
    first = next(iter(forecasters))
    labels = forecasters[first].labels
    other = [n for n, one in forecasters.items() if not np.array_equal(one.labels, labels)]
    if other:
        raise DataMalformed(
            f"{', '.join(other)} and {first} were measured on different rows.",
            remedy="Give every forecaster on exactly the scored as-ofs.",
        )
    needed = [
        score
        for score in scores
        if not isinstance(score, MeanScore) and not linear(score, len(labels))
    ]
    drawn = score_draws(needed, forecasters, block=how.block, seed=how.seed, draws=how.draws)
    seen = {name: _Seen(one, drawn[name]) for name, one in forecasters.items()}
    return Comparison(
        {name: _own(one, scores, how) for name, one in seen.items()},
        {
            name: _paired(seen[first], one, scores, how)
            for name, one in seen.items()
            if name != first
        },
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """A forecaster with its draws, by score."""

    forecasts: Forecasts
    drawn: Mapping[str, np.ndarray]


def _own(seen: _Seen, scores: Sequence[Score], how: Resampling) -> dict[str, Interval]:
    rows, found = len(seen.forecasts), {}
    for score in scores:
        if isinstance(score, MeanScore):
            found[score.name] = mean_interval(score.rows(seen.forecasts), horizon=how.horizon)
            continue
        estimate = value(score, seen.forecasts)
        if linear(score, rows):
            influence = score.influence(seen.forecasts)
            found[score.name] = influence_interval(estimate, influence, block=how.block)
        else:
            drawn = seen.drawn[score.name]
            found[score.name] = drawn_interval(estimate, drawn, rows=rows, block=how.block)
    return found


def _paired(
    ours: _Seen, theirs: _Seen, scores: Sequence[Score], how: Resampling
) -> dict[str, Interval]:
    one, other, found = ours.forecasts, theirs.forecasts, {}
    for score in scores:
        sign = 1 if score.greater_is_better else -1
        if isinstance(score, MeanScore):
            gains = sign * (score.rows(one) - score.rows(other))
            found[score.name] = mean_interval(gains, horizon=how.horizon)
            continue
        estimate = sign * (value(score, one) - value(score, other))
        if linear(score, len(one)):
            influence = sign * (score.influence(one) - score.influence(other))
            found[score.name] = influence_interval(estimate, influence, block=how.block)
        else:
            drawn = sign * (ours.drawn[score.name] - theirs.drawn[score.name])
            found[score.name] = drawn_interval(estimate, drawn, rows=len(one), block=how.block)
    return found
