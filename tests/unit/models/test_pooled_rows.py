from __future__ import annotations

import numpy as np
import pytest

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.models.pooled_rows import pooled_rows, split_for_stopping, stopping_blocks
from tests.support.pooled_training import SYMBOLS, training_set, up_or_not

TRAINING = training_set()
ROWS, COLUMNS = pooled_rows(TRAINING, "flow", SYMBOLS, kind="it")


def test_rows_with_a_label_are_pooled() -> None:
    assert COLUMNS == ("signal", "noise")
    assert ROWS.matrix.shape == (len(TRAINING.labels), 2)
    assert np.unique(ROWS.symbol).tolist() == list(SYMBOLS)
    assert np.asarray((-1, 0, 1))[ROWS.happened].tolist() == TRAINING.labels["label"].tolist()
    alone, _ = pooled_rows(TRAINING, "flow", ("ETHUSDT",), kind="it")
    assert len(alone) == len(ROWS) / 2


def test_rows_that_reach_into_the_stopping_block_are_not_fitted_on() -> None:
    # Two symbols' rows, days 0 … 99 with labels over 5 days; the newest fifth begins on day 80.
    as_of = np.tile(np.arange(100), 2)
    early, late = split_for_stopping(as_of, as_of + 5, share=0.2)
    assert np.unique(as_of[late]).tolist() == list(range(80, 100))
    assert np.unique(as_of[early]).tolist() == list(range(75))


def test_the_blocks_are_purged_over_all_symbols() -> None:
    early, late = stopping_blocks(ROWS, share=0.2, kind="it")
    assert early.resolves_at.max() < late.as_of.min()
    assert len(late) == len(ROWS) / 5


def test_start_scores_are_each_symbols_own_and_always_finite() -> None:
    rows, _ = pooled_rows(up_or_not(training_set(eth_label=1)), "flow", SYMBOLS, kind="it")
    odds = rows.start_scores(np.array(SYMBOLS), 2)
    count = len(rows) // 2
    assert odds[1] == pytest.approx(np.log((count + 1) / 1))
    ups = rows.happened[rows.symbol == "BTCUSDT"].sum()
    assert odds[0] == pytest.approx(np.log((ups + 1) / (count - ups + 1)))


def test_too_few_rows_are_refused_by_the_learners_name() -> None:
    few = training_set(60)
    with pytest.raises(DataUnavailable, match="too few for it"):
        stopping_blocks(pooled_rows(few, "flow", SYMBOLS, kind="it")[0], share=0.2, kind="it")
    with pytest.raises(DataUnavailable, match="too few for it"):
        pooled_rows(training_set(40), "flow", SYMBOLS, kind="it")
