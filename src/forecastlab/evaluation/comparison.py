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

    A mean of row statistics needs no draws (`mean_interval`); a score that the rows do not
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
    drawn = {name: _draws(one, scores, how) for name, one in forecasters.items()}
    return Comparison(
        {name: _own(one, scores, drawn[name], how) for name, one in forecasters.items()},
        {
            name: _paired((forecasters[first], drawn[first]), (one, drawn[name]), scores, how)
            for name, one in forecasters.items()
            if name != first
        },
    )


_Drawn = dict[str, np.ndarray]


def _draws(forecasts: Forecasts, scores: Sequence[Score], how: Resampling) -> _Drawn:
    needed = [score for score in scores if not isinstance(score, MeanScore)]
    return score_draws(needed, forecasts, block=how.block, seed=how.seed, draws=how.draws)


def _own(
    forecasts: Forecasts, scores: Sequence[Score], drawn: _Drawn, how: Resampling
) -> dict[str, Interval]:
    return {
        score.name: mean_interval(score.rows(forecasts), horizon=how.horizon)
        if isinstance(score, MeanScore)
        else drawn_interval(
            value(score, forecasts), drawn[score.name], rows=len(forecasts), block=how.block
        )
        for score in scores
    }


def _paired(
    ours: tuple[Forecasts, _Drawn],
    theirs: tuple[Forecasts, _Drawn],
    scores: Sequence[Score],
    how: Resampling,
) -> dict[str, Interval]:
    found = {}
    for score in scores:
        sign = 1 if score.greater_is_better else -1
        if isinstance(score, MeanScore):
            gains = sign * (score.rows(ours[0]) - score.rows(theirs[0]))
            found[score.name] = mean_interval(gains, horizon=how.horizon)
        else:
            found[score.name] = drawn_interval(
                sign * (value(score, ours[0]) - value(score, theirs[0])),
                sign * (ours[1][score.name] - theirs[1][score.name]),
                rows=len(ours[0]),
                block=how.block,
            )
    return found
