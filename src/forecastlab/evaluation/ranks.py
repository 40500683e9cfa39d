"""How well a number per row ranks what happened: AUC with an interval, pairwise, by period."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecastlab.evaluation.scores import auc, auc_influence
from forecastlab.evaluation.uncertainty import Interval, influence_interval


def auc_interval(scores: np.ndarray, positive: np.ndarray, *, block: int) -> Interval:
    """Return the AUC of a number per row with its interval; NaN where it is undetermined.

    Args:
        scores: shape (rows,).
        positive: shape (rows,), truth values.
        block: rows that are resampled together; at most half of them.

    >>> positive = np.arange(40) % 2 == 0
    >>> auc_interval(positive * 1.0, positive, block=4).estimate
    1.0
    """
    estimate = float(auc(scores, positive)[0])
    return influence_interval(estimate, auc_influence(scores, positive), block=block)


def auc_difference(
    ours: np.ndarray, theirs: np.ndarray, positive: np.ndarray, *, block: int
) -> Interval:
    """Return the AUC of our number minus that of theirs, paired row by row, with its interval.

    >>> positive = np.arange(40) % 2 == 0
    >>> auc_difference(positive * 1.0, np.zeros(40), positive, block=4).estimate
    0.5
    """
    estimate = float(auc(ours, positive)[0] - auc(theirs, positive)[0])
    influence = auc_influence(ours, positive) - auc_influence(theirs, positive)
    return influence_interval(estimate, influence, block=block)


def auc_by_period(
    scores: np.ndarray, positive: np.ndarray, periods: np.ndarray, *, block: int
) -> pd.DataFrame:
    """Return the AUC within each period, with its interval.

    Args:
        periods: the name of each row's period, shape (rows,), in time order.

    Returns:
        Index `period`, in order of appearance; columns `rows`, `auc`, `low`, `high`, the last two
        NaN in a period of fewer than two blocks.

    >>> scores, periods = np.tile([0.0, 1.0], 30), np.repeat(["a", "b"], [50, 10])
    >>> table = auc_by_period(scores, scores > 0, periods, block=10)
    >>> table["auc"].tolist(), table["low"].isna().tolist()
    ([1.0, 1.0], [False, True])
    """
    lines = {}
    for period in pd.unique(periods):
        inside = periods == period
        rows = int(inside.sum())
        found = float(auc(scores[inside], positive[inside])[0])
        low = high = np.nan
        if rows >= 2 * block:
            interval = auc_interval(scores[inside], positive[inside], block=block)
            low, high = interval.low, interval.high
        lines[str(period)] = (rows, found, low, high)
    columns = ["rows", "auc", "low", "high"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis("period")
    return table.astype({"rows": "int64"})


def quarters(opens: pd.DatetimeIndex) -> np.ndarray:
    """Return the calendar quarter of each open, as `2025Q3`, shape (rows,).

    >>> quarters(pd.DatetimeIndex(["2025-09-30T23:00Z"])).tolist()
    ['2025Q3']
    """
    return np.asarray(opens.tz_localize(None).to_period("Q").astype(str))
