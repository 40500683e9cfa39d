from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from forecastlab.contracts.errors import UsageError
from forecastlab.evaluation.splits import walk_forward
from tests.support.out_of_fold import random_labels

START, END = datetime(1970, 4, 1, tzinfo=UTC), datetime(1970, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_test_blocks_tile_the_span() -> None:
    folds = walk_forward(START, END, step=21, interval="1d")
    opens = [fold.first_open + n * DAY for fold in folds for n in range(21)]
    assert [fold.number for fold in folds] == [0, 1, 2, 3, 4]
    assert folds[-1].last_open == END
    assert [one for one in opens if one <= END] == [START + n * DAY for n in range(91)]


def test_a_refit_is_the_as_of_of_the_first_test_row() -> None:
    hourly = walk_forward(START, START + 3 * DAY, step=24, interval="1h")
    assert [fold.refit - fold.first_open for fold in hourly] == [timedelta(hours=1)] * 4


def test_a_label_that_resolves_at_the_refit_is_not_learnt_from() -> None:
    fold = walk_forward(START, END, step=21, interval="1d")[0]
    labels = random_labels(200, horizon=14)
    learnt = fold.training(labels)
    assert learnt["resolves_at"].max() == pd.Timestamp(fold.refit - DAY)


def test_the_embargo_takes_off_its_candles() -> None:
    fold = walk_forward(START, END, step=21, interval="1d", embargo=3)[0]
    learnt = fold.training(random_labels(200, horizon=14))
    assert learnt["resolves_at"].max() == pd.Timestamp(fold.refit - 4 * DAY)


def test_a_window_limits_how_far_back_is_learnt_from() -> None:
    window = timedelta(days=40)
    fold = walk_forward(START, END, step=21, interval="1d", train_window=window)[0]
    learnt = fold.training(random_labels(200, horizon=14))
    assert learnt["as_of"].min() == pd.Timestamp(fold.refit - window)


def test_rows_are_cut_in_both_kinds_of_tables() -> None:
    fold = walk_forward(START, END, step=21, interval="1d")[1]
    labels = random_labels(200, horizon=14)
    pooled = pd.concat({"A": labels, "B": labels}, names=["symbol", "open_time"])
    assert fold.test(labels).index.tolist() == [
        pd.Timestamp(fold.first_open + n * DAY) for n in range(21)
    ]
    assert len(fold.test(pooled)) == 42
    assert len(fold.training(pooled)) == 2 * len(fold.training(labels))


@pytest.mark.parametrize(
    ("first", "last", "step", "embargo", "message"),
    [
        (END, START, 21, 0, "no test candle"),
        (START + timedelta(hours=1), END, 21, 0, "off the 1d grid"),
        (START, END, 0, 0, "cannot be meant"),
        (START, END, 21, -1, "cannot be meant"),
    ],
)
def test_senseless_spans_are_refused(
    first: datetime, last: datetime, step: int, embargo: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        walk_forward(first, last, step=step, interval="1d", embargo=embargo)
