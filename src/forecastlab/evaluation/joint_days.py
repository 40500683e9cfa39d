"""Intervals of scores over many symbols at once: whole days are resampled, all symbols together.

Symbols move together and labels of neighbouring hours overlap, so that five symbols' hours are
worth hardly more than one's. Every row's part in a score is summed by day, and the days are what is
resampled in blocks.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from forecastlab.evaluation.scores import auc, auc_influence
from forecastlab.evaluation.uncertainty import Interval, block_length, influence_interval

WEEK: Final = 7
"""Shortest block, in days: within a week hours and weekdays repeat."""


def joint_mean(values: np.ndarray, days: np.ndarray) -> Interval:
    """Return the mean over all rows with its interval; `block` counts days.

    How many rows a day holds varies, so the error is that of a ratio of sums.

    Args:
        values: a statistic per row, shape (rows,).
        days: number of each row's day, shape (rows,), any order.

    Raises:
        DataUnavailable: there are too few days for an interval.

    >>> days = np.repeat(np.arange(40), 5)
    >>> joint_mean(np.ones(200), days).estimate
    1.0
    """
    estimate = float(values.mean())
    return _interval(estimate, values - estimate, days)


def joint_auc(scores: np.ndarray, positive: np.ndarray, days: np.ndarray) -> Interval:
    """Return the AUC over all rows with its interval; `block` counts days.

    Raises:
        DataUnavailable: there are too few days for an interval.

    >>> days = np.repeat(np.arange(40), 2)
    >>> joint_auc(np.tile([0.0, 1.0], 40), np.tile([False, True], 40), days).estimate
    1.0
    """
    estimate = float(auc(scores, positive)[0])
    return _interval(estimate, auc_influence(scores, positive), days)


def _interval(estimate: float, influence: np.ndarray, days: np.ndarray) -> Interval:
    """Return the interval that the rows' influences give, summed by day."""
    place = days - days.min()
    daily = np.bincount(place, weights=influence) / (len(days) / (int(place.max()) + 1))
    block = max(block_length(daily, 1), min(WEEK, len(daily) // 2))
    return influence_interval(estimate, daily, block=block)
