"""No fold learns from a label that overlaps its test block, its embargo included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastlab.evaluation.splits import walk_forward
from tests.support.out_of_fold import random_labels

ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
LABELS = {horizon: random_labels(300, horizon) for horizon in (1, 5, 14, 21)}


@settings(max_examples=60, deadline=None)
@given(
    horizon=st.sampled_from(sorted(LABELS)),
    first=st.integers(0, 250),
    length=st.integers(1, 120),
    step=st.integers(1, 40),
    embargo=st.integers(0, 10),
    window=st.none() | st.integers(1, 200),
)
def test_every_training_label_has_resolved_before_the_refit_less_the_embargo(
    horizon: int, first: int, length: int, step: int, embargo: int, window: int | None
) -> None:
    labels, start = LABELS[horizon], ORIGIN + timedelta(days=first)
    folds = walk_forward(
        start,
        start + timedelta(days=length - 1),
        step=step,
        interval="1d",
        embargo=embargo,
        train_window=None if window is None else timedelta(days=window),
    )
    tested = pd.concat([fold.test(labels) for fold in folds])
    assert tested.index.is_unique
    for fold in folds:
        learnt, test = fold.training(labels), fold.test(labels)
        limit = pd.Timestamp(fold.refit - timedelta(days=embargo))
        assert (learnt["resolves_at"] < limit).all()
        assert (test["as_of"] >= pd.Timestamp(fold.refit)).all()
        if window is None:
            # Nothing that may be learnt from is lost either.
            assert len(learnt) == (labels["resolves_at"] < limit).sum()
        else:
            assert (learnt["as_of"] >= pd.Timestamp(fold.refit - timedelta(days=window))).all()
