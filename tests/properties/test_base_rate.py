"""Base rates know only what had resolved, and stored counts continue them exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.models.base_rate import RateCounts, expanding_rate, trailing_rate
from tests.support.out_of_fold import CLASSES, random_labels

LABELS = random_labels(300, horizon=14)
AS_OF = pd.DatetimeIndex(LABELS["as_of"])


@given(at=st.integers(0, 285), seed=st.integers(0, 1000), days=st.integers(1, 100))
def test_labels_that_had_not_resolved_change_nothing(at: int, seed: int, days: int) -> None:
    unknown = LABELS["resolves_at"] > AS_OF[at]
    poison = np.random.default_rng(seed).choice(CLASSES, len(LABELS))
    poisoned = LABELS.assign(label=LABELS["label"].where(~unknown, poison))
    known = AS_OF[: at + 1]
    pd.testing.assert_frame_equal(
        expanding_rate(poisoned, known, CLASSES), expanding_rate(LABELS, known, CLASSES)
    )
    pd.testing.assert_frame_equal(
        trailing_rate(poisoned, known, CLASSES, resolved_days=days),
        trailing_rate(LABELS, known, CLASSES, resolved_days=days),
    )


@given(cut=st.integers(0, 285), spare=st.integers(14, 60))
def test_counts_at_any_cut_continue_to_the_full_rate(cut: int, spare: int) -> None:
    counts = RateCounts.of(LABELS, CLASSES, until=AS_OF[cut].to_pydatetime())
    recent = LABELS.iloc[max(cut - spare, 0) :]
    later = AS_OF[cut:]
    pd.testing.assert_frame_equal(
        counts.rates(recent, later), expanding_rate(LABELS, later, CLASSES)
    )
