"""Skill against base rates, and the official verdict on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from forecastlab.contracts.errors import DataMalformed, DataUnavailable
from forecastlab.contracts.records import Verdict
from forecastlab.evaluation.scores import (
    BRIER,
    DIRECTION_AUC,
    LOG_LOSS,
    Forecasts,
    value,
)
from forecastlab.evaluation.uncertainty import (
    Interval,
    effective_rows,
    mean_interval,
    mean_standard_error,
    rank_block,
    score_intervals,
    student_interval,
)

Reference = Literal["expanding", "trailing_year"]

DEPLOYABLE: Final[tuple[Reference, ...]] = ("expanding", "trailing_year")
"""Base rates that could have been published day by day; the verdict is against each of them."""


@dataclass(frozen=True)
class Gain:
    """The forecast's gain over one reference: `gain = LL_ref − LL` in nats, positive = better."""

    reference: str
    log_loss: float
    gain: float
    ci95: tuple[float, float]
    block: int


@dataclass(frozen=True)
class Skill:
    """How good forecasts were, against base rates.

    Attributes:
        reference: the deployable base rate with the lower log loss.
        log_loss_skill: 1 − LL / LL_ref against `reference`, a fraction; `ci95` is its interval.
        verdict: `better` if the gain's interval is above 0 against each deployable base rate;
            `worse` if it is below 0 against `reference`, the harder of the two; else
            `not_distinguishable`.
        gains: against every reference given, deployable or not.
        effective_rows: the independent rows that the rows are worth, by the gain over `reference`.
    """

    reference: Reference
    rows: int
    effective_rows: float
    block: int
    log_loss: float
    brier: float
    log_loss_skill: float
    ci95: tuple[float, float]
    verdict: Verdict
    gains: tuple[Gain, ...]


@dataclass(frozen=True)
class Direction:
    """Whether the side is forecast, among events: AUC of P(up | event), its interval and verdict.

    Of two classes every row is an event. `auc` and `ci95` are None where there is no event, or
    events of one side only.
    """

    auc: float | None
    ci95: tuple[float, float] | None
    verdict: Verdict


def measure_skill(
    forecasts: Forecasts, references: Mapping[str, Forecasts], *, horizon: int
) -> Skill:
    """Compare forecasts with `expanding`, `trailing_year` and any other reference, row by row.

    Args:
        references: name -> that reference's forecasts of the same rows.
        horizon: rows that a label overlaps.

    Raises:
        DataMalformed: a reference has other rows.
        DataUnavailable: a deployable base rate is missing, or there are too few rows.

    >>> labels = np.tile([-1, 0, 1, 0], 100)
    >>> flat = Forecasts(np.full((400, 3), 1 / 3), labels, (-1, 0, 1))
    >>> sure = Forecasts(np.where(np.eye(3)[labels + 1] == 1, 0.8, 0.1), labels, (-1, 0, 1))
    >>> measure_skill(sure, {"expanding": flat, "trailing_year": flat}, horizon=21).verdict
    'better'
    """
    for name, other in references.items():
        if not np.array_equal(other.labels, forecasts.labels):
            raise DataMalformed(
                f"the reference {name} was measured on other rows.",
                remedy="Give every reference on exactly the scored as-ofs.",
            )
    missing = [name for name in DEPLOYABLE if name not in references]
    if missing:
        raise DataUnavailable(
            f"the base rates {', '.join(missing)} are missing.",
            remedy="A verdict needs the expanding and the trailing-year base rate.",
        )
    losses = LOG_LOSS.rows(forecasts)
    theirs = {name: LOG_LOSS.rows(other) for name, other in references.items()}
    gains = tuple(_gain(name, other, losses, horizon) for name, other in theirs.items())
    by_name = {gain.reference: gain for gain in gains}
    reference = min(DEPLOYABLE, key=lambda name: by_name[name].log_loss)
    block = by_name[reference].block
    skill = _relative(losses, theirs[reference], block)
    return Skill(
        reference=reference,
        rows=len(forecasts),
        effective_rows=effective_rows(theirs[reference] - losses, block),
        block=block,
        log_loss=float(losses.mean()),
        brier=float(BRIER.rows(forecasts).mean()),
        log_loss_skill=skill.estimate,
        ci95=(skill.low, skill.high),
        verdict=_verdict(by_name, reference),
        gains=gains,
    )


def measure_direction(forecasts: Forecasts, *, horizon: int, seed: int, week: int = 7) -> Direction:
    """Judge the side among events: `better` if the AUC's interval is above .5, `worse` if below.

    The block is `rank_block` of the log loss; `seed` draws the bootstrap.

    Args:
        week: rows of a week.

    Raises:
        DataUnavailable: there are too few rows for an interval.

    >>> labels = np.tile([-1, 0, 1, 0], 100)
    >>> flat = Forecasts(np.full((400, 3), 1 / 3), labels, (-1, 0, 1))
    >>> measure_direction(flat, horizon=21, seed=1)
    Direction(auc=0.5, ci95=(0.5, 0.5), verdict='not_distinguishable')
    """
    if math.isnan(value(DIRECTION_AUC, forecasts)):
        return Direction(None, None, "not_distinguishable")
    block = rank_block(LOG_LOSS.rows(forecasts), horizon, week=week)
    interval = score_intervals([DIRECTION_AUC], forecasts, block=block, seed=seed)["direction_auc"]
    side: Verdict = "not_distinguishable"
    if interval.low > 0.5:
        side = "better"
    elif interval.high < 0.5:
        side = "worse"
    return Direction(interval.estimate, (interval.low, interval.high), side)


def _gain(name: str, theirs: np.ndarray, losses: np.ndarray, horizon: int) -> Gain:
    interval = mean_interval(theirs - losses, horizon=horizon)
    ends = (interval.low, interval.high)
    return Gain(name, float(theirs.mean()), interval.estimate, ends, interval.block)


def _relative(losses: np.ndarray, theirs: np.ndarray, block: int) -> Interval:
    """Return 1 − LL / LL_ref with its interval, by the delta method on the ratio of means."""
    ratio = losses.mean() / theirs.mean()
    influence = (ratio * theirs - losses) / theirs.mean()
    error = float(mean_standard_error(influence, block))
    return student_interval(float(1 - ratio), error, rows=len(losses), block=block)


def _verdict(gains: Mapping[str, Gain], reference: Reference) -> Verdict:
    if all(gains[name].ci95[0] > 0 for name in DEPLOYABLE):
        return "better"
    return "worse" if gains[reference].ci95[1] < 0 else "not_distinguishable"
