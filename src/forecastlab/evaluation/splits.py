"""Purged walk-forward: which labels a refit may learn from, and which rows it then forecasts.

A fold refits at one instant and forecasts the next `step` candles. A label may be learnt from only
if it resolved strictly before that instant, less the embargo: a label that overlaps the test block
would carry its closes into the training set.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import UsageError
from forecastlab.contracts.intervals import DURATION, Interval, floor_open


@dataclass(frozen=True)
class Fold:
    """One refit and the rows that it forecasts.

    Attributes:
        number: 0, 1, 2, … in time.
        refit: the instant of the refit, which is the as-of of the first test row.
        first_open: open of the first test candle; the test block is [first_open, last_open].
        last_open: open of the last test candle.
        labels_before: refit − embargo; labels that resolve in (−∞, labels_before) may be learnt.
        train_from: the oldest as-of that may be learnt from, [train_from, …); None for no limit.
    """

    number: int
    refit: datetime
    first_open: datetime
    last_open: datetime
    labels_before: datetime
    train_from: datetime | None

    def training(self, labels: pd.DataFrame) -> pd.DataFrame:
        """Return the labels that this refit may learn from.

        `labels` has the columns `as_of` and `resolves_at`; any index.
        """
        usable = labels["resolves_at"] < pd.Timestamp(self.labels_before)
        if self.train_from is not None:
            usable &= labels["as_of"] >= pd.Timestamp(self.train_from)
        return labels.loc[usable]

    def test(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the test block; the index is `open_time`, or has such a level."""
        opens = rows.index.get_level_values("open_time")
        inside = (opens >= pd.Timestamp(self.first_open)) & (opens <= pd.Timestamp(self.last_open))
        return rows.loc[np.asarray(inside)]


def walk_forward(
    first_open: datetime,
    last_open: datetime,
    *,
    step: int,
    interval: Interval,
    embargo: int = 0,
    train_window: timedelta | None = None,
) -> tuple[Fold, ...]:
    """Return the folds whose test blocks tile [first_open, last_open] without overlap.

    Args:
        step: candles from one refit to the next; the last block may be shorter.
        embargo: candles between the last usable label's resolution and the refit.
        train_window: how far back of the refit as-ofs may be learnt from; None for all.

    Raises:
        UsageError: the span is empty or off the grid, or a length is out of bounds.

    >>> from datetime import UTC
    >>> start = datetime(2021, 1, 1, tzinfo=UTC)
    >>> folds = walk_forward(start, datetime(2021, 1, 31, tzinfo=UTC), step=21, interval="1d")
    >>> [(fold.refit.day, fold.first_open.day, fold.last_open.day) for fold in folds]
    [(2, 1, 21), (23, 22, 31)]
    """
    _check_span(first_open, last_open, step=step, interval=interval, embargo=embargo)
    candle = DURATION[interval]
    folds: list[Fold] = []
    start = first_open
    while start <= last_open:
        refit = start + candle
        folds.append(
            Fold(
                number=len(folds),
                refit=refit,
                first_open=start,
                last_open=min(start + (step - 1) * candle, last_open),
                labels_before=refit - embargo * candle,
                train_from=None if train_window is None else refit - train_window,
            )
        )
        start += step * candle
    return tuple(folds)


def _check_span(
    first_open: datetime, last_open: datetime, *, step: int, interval: Interval, embargo: int
) -> None:
    if last_open < first_open:
        raise UsageError(
            f"a walk-forward from {first_open} to {last_open} has no test candle.",
            remedy="Let the span end after it begins, or bring candles up to its end.",
        )
    if (
        floor_open(first_open, interval) != first_open
        or floor_open(last_open, interval) != last_open
    ):
        raise UsageError(
            f"[{first_open}, {last_open}] is off the {interval} grid.",
            remedy="Begin and end the span at candle opens (UTC).",
        )
    if step < 1 or embargo < 0:
        raise UsageError(
            f"a walk-forward with step {step} and embargo {embargo} cannot be meant.",
            remedy="Give a step of at least 1 candle and an embargo of at least 0.",
        )
