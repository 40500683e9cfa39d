"""How good the forecasts of one candidate and kind have been, in numbers.

Live, late, hindsight and out-of-fold forecasts are different evidence: a record is made of the rows
of one kind, never of a mixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.errors import DataUnavailable
from forecastlab.evaluation.scores import BRIER, LOG_LOSS, Forecasts, MeanScore
from forecastlab.evaluation.uncertainty import (
    BLOCKS_PER_HORIZON,
    Interval,
    block_length,
    effective_rows,
    mean_interval,
    mean_standard_error,
    student_interval,
)
from webapp.read_model.ledger import forecasts_of, resolved, strongest

SCORES: Final = (LOG_LOSS, BRIER)


@dataclass(frozen=True, eq=False)
class Record:
    """The scored forecasts of one candidate and kind, oldest first.

    Attributes:
        rows: all of them, resolved or not.
        done: the resolved ones.
        theirs: the base rates that the forecasts carried.
        horizon: rows that a label overlaps.
    """

    rows: pd.DataFrame
    done: pd.DataFrame
    classes: tuple[int, ...]
    mine: Forecasts
    theirs: Forecasts
    horizon: int

    @property
    def pending(self) -> int:
        """Forecasts that have not resolved."""
        return len(self.rows) - len(self.done)

    @property
    def needed(self) -> int:
        """Resolved forecasts below which no interval can be given."""
        return 2 * BLOCKS_PER_HORIZON * self.horizon


@dataclass(frozen=True)
class Skill:
    """`1 − score / score of the base rate` of a mean score, a fraction; positive is better.

    `ci95` is None where the forecasts are too few for one.
    """

    score: str
    value: float
    mine: float
    theirs: float
    ci95: tuple[float, float] | None


def record_of(rows: pd.DataFrame, classes: Sequence[int], horizon: int) -> Record:
    """Return a record of the rows of one candidate and kind."""
    ordered = strongest(rows) if len(rows) else rows
    names = [f"{column}[{label}]" for column in ("p", "base") for label in classes]
    done = resolved(ordered).dropna(subset=names)
    return Record(
        ordered,
        done,
        tuple(classes),
        forecasts_of(done, classes),
        forecasts_of(done, classes, column="base"),
        horizon,
    )


def skills(record: Record, *, until: int | None = None) -> tuple[Skill, ...]:
    """Return the skill of the first `until` resolved forecasts (None: of all), a score each."""
    return tuple(_skill(score, record, until) for score in SCORES)


def independent(record: Record) -> float:
    """Return how many independent forecasts the resolved ones are worth.

    By the bootstrap of their gain where they suffice for one; else, as neighbouring labels share
    their candles, one per horizon.
    """
    rows = len(record.mine)
    gain = LOG_LOSS.rows(record.theirs) - LOG_LOSS.rows(record.mine)
    try:
        return effective_rows(gain, block_length(gain, record.horizon))
    except DataUnavailable:
        return float(np.ceil(rows / record.horizon))


def coverage(record: Record) -> tuple[float | None, tuple[float, float] | None]:
    """Return the share of prediction sets that held the outcome, and its interval."""
    held = covered(record)
    if not len(held):
        return None, None
    try:
        found = mean_interval(held, horizon=record.horizon)
    except DataUnavailable:
        return float(held.mean()), None
    return found.estimate, (max(found.low, 0.0), min(found.high, 1.0))


def covered(record: Record) -> np.ndarray:
    """Return per resolved forecast with a prediction set whether it held the outcome, as 0 or 1."""
    done = record.done[record.done["set_labels"].notna()]
    return np.array(
        [label in labels for label, labels in zip(done["label"], done["set_labels"], strict=True)],
        dtype="float64",
    )


def _skill(score: MeanScore, record: Record, until: int | None) -> Skill:
    mine, theirs = score.rows(record.mine)[:until], score.rows(record.theirs)[:until]
    ratio = float(mine.mean() / theirs.mean())
    found = _relative(mine, theirs, record.horizon)
    ends = None if found is None else (found.low, found.high)
    return Skill(score.name, 1 - ratio, float(mine.mean()), float(theirs.mean()), ends)


def _relative(mine: np.ndarray, theirs: np.ndarray, horizon: int) -> Interval | None:
    """Return 1 − mean / mean of the base rate with its interval, by the delta method."""
    try:
        block = block_length(theirs - mine, horizon)
    except DataUnavailable:
        return None
    ratio = mine.mean() / theirs.mean()
    error = float(mean_standard_error((ratio * theirs - mine) / theirs.mean(), block))
    return student_interval(float(1 - ratio), error, rows=len(mine), block=block)
