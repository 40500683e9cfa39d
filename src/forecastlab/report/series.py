"""What the charts of an evaluation draw, beyond the numbers of its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastlab.evaluation.circular_shift import ShiftNull


@dataclass(frozen=True, eq=False)
class CandidateSeries:
    """One candidate's scored days, oldest first.

    Attributes:
        opens: the days' opens.
        gains: other forecaster -> the published forecast's gain per day, in nats, shape (days,).
        reliability: label, or `event`, -> `scores.reliability` of its probability.
        nulls: rank score -> what moved labels give.
        folds: `breakdown.fold_table`.
    """

    opens: pd.DatetimeIndex
    gains: Mapping[str, np.ndarray]
    reliability: Mapping[str, pd.DataFrame]
    nulls: Mapping[str, ShiftNull]
    folds: pd.DataFrame
