"""Splits and scores agree with libraries of the field, by values computed with them once.

skfolio 1.12.2: WalkForward(test_size=21, train_size=50, purged_size=14, expand_train=True) on 120
rows gives the training rows 0 … 49 and 0 … 70 before the test rows 64 … 84 and 85 … 105.
scores 2.7.0: the sum over classes of brier_score(P(class), happened), row by row.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from forecastlab.evaluation.scores import brier
from forecastlab.evaluation.splits import walk_forward
from forecastlab.targets.base import resolves_at

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)


def test_the_purge_is_that_of_skfolio() -> None:
    opens = pd.date_range(START, periods=120, tz="UTC")
    as_of = pd.DatetimeIndex(opens + DAY)
    labels = pd.DataFrame(
        {"as_of": as_of, "resolves_at": resolves_at(as_of, 14, "1d")}, index=opens
    )
    labels.index.name = "open_time"
    folds = walk_forward(START + 64 * DAY, START + 105 * DAY, step=21, interval="1d")
    rows = {when: place for place, when in enumerate(opens)}
    ends = [
        tuple(
            rows[part.index[i]]
            for part in (fold.training(labels), fold.test(labels))
            for i in (0, -1)
        )
        for fold in folds
    ]
    assert ends == [(0, 49, 64, 84), (0, 70, 85, 105)]


def test_the_brier_score_is_that_of_scores() -> None:
    table = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    np.testing.assert_allclose(brier(table, np.array([1, 0, 1])), [0.38, 0.14, 1.46])
