"""Champion and challenger on the same bars that have resolved: log loss and AUC with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from forecastlab.evaluation.comparison import Resampling, compare
from forecastlab.evaluation.scores import LOG_LOSS, AucScore, Forecasts, Score, scores_for, value
from forecastlab.evaluation.uncertainty import BLOCKS_PER_HORIZON, Interval, rank_block

CHALLENGER: Final = "challenger"
CHAMPION: Final = "champion"
_SEED: Final = 1

LEAST_WEEKS: Final = 4
"""Weeks that an interval of an AUC needs, for a block is a week at least."""


@dataclass(frozen=True)
class Estimate:
    """A score, with its 95 % interval where there are bars enough; None where undetermined."""

    value: float | None
    low: float | None = None
    high: float | None = None


Scores = dict[str, Estimate]


@dataclass(frozen=True)
class ShadowScores:
    """Scores of one candidate over the bars that both have answered and that have resolved.

    Attributes:
        rows: how many bars these are.
        needed: score -> how many an interval needs.
        scores: `challenger` and `champion` -> score -> estimate.
        gain: by how much the challenger is better, paired bar by bar.
    """

    candidate: str
    rows: int
    needed: dict[str, int]
    scores: dict[str, Scores]
    gain: Scores

    @property
    def too_few(self) -> tuple[str, ...]:
        """The scores for which the bars give no interval, and so no judgement."""
        return tuple(name for name, needed in self.needed.items() if self.rows < needed)


def shadow_scores(
    candidate: str, forecasters: Mapping[str, Forecasts], *, horizon: int, week: int
) -> ShadowScores:
    """Score challenger and champion on the same bars.

    An interval of the log loss needs two blocks of three horizons, one of an AUC whole weeks too:
    two blocks of half the bars gave an AUC of 0.48 the interval from −0.1 to 1.0.

    Args:
        forecasters: `challenger` and `champion` -> their forecasts, oldest first.
        horizon: candles that a label overlaps.
        week: bars of a week.

    >>> import numpy as np
    >>> even = Forecasts(np.full((4, 2), 0.5), np.array([0, 1, 0, 1]), (0, 1))
    >>> found = shadow_scores("H5", {"challenger": even, "champion": even}, horizon=5, week=168)
    >>> found.too_few, found.scores["champion"]["log_loss"]
    (('log_loss', 'direction_auc'), Estimate(value=0.6931471805599453, low=None, high=None))
    """
    ours = forecasters[CHALLENGER]
    chosen = [
        one for one in scores_for(ours.classes) if one is LOG_LOSS or isinstance(one, AucScore)
    ]
    rows, shortest = len(ours), 2 * BLOCKS_PER_HORIZON * horizon
    needed = {
        one.name: max(shortest, LEAST_WEEKS * week) if isinstance(one, AucScore) else shortest
        for one in chosen
    }
    scores = {name: _points(one, chosen) for name, one in forecasters.items()}
    gain = _gains(scores, chosen)
    judged = [one for one in chosen if rows >= needed[one.name]]
    if judged:
        block = rank_block(LOG_LOSS.rows(ours), horizon, week=week)
        found = compare(forecasters, judged, Resampling(horizon, block, seed=_SEED))
        scores = {name: {**scores[name], **_estimates(found.scores[name])} for name in scores}
        gain |= _estimates(found.differences[CHAMPION])
    return ShadowScores(candidate, rows, needed, scores, gain)


def _points(forecasts: Forecasts, scores: Sequence[Score]) -> Scores:
    if not len(forecasts):
        return {one.name: Estimate(None) for one in scores}
    return {one.name: Estimate(_known(value(one, forecasts))) for one in scores}


def _gains(scores: Mapping[str, Scores], chosen: Sequence[Score]) -> Scores:
    found = {}
    for one in chosen:
        ours, theirs = (scores[name][one.name].value for name in (CHALLENGER, CHAMPION))
        if ours is None or theirs is None:
            found[one.name] = Estimate(None)
        else:
            found[one.name] = Estimate(ours - theirs if one.greater_is_better else theirs - ours)
    return found


def _estimates(table: Mapping[str, Interval]) -> Scores:
    return {
        name: Estimate(_known(one.estimate), _known(one.low), _known(one.high))
        for name, one in table.items()
    }


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None
