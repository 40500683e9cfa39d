"""Everything that an evaluation states of one candidate, and the series behind its charts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import per_day
from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.contracts.verdicts import (
    PUBLISHED,
    CandidateVerdict,
    DirectionFindings,
    Estimate,
    GroupGain,
    Multiplicity,
    ShiftTest,
)
from forecastlab.evaluation.breakdown import (
    AGE_DAYS,
    calibration_error,
    fold_table,
    gain_by_age,
    gain_by_year,
)
from forecastlab.evaluation.circular_shift import ShiftNull, shift_null
from forecastlab.evaluation.classification import LABEL_SCORES
from forecastlab.evaluation.comparison import Resampling, Table, compare
from forecastlab.evaluation.multiple_testing import best_of, expected_maximum, gain_p_value
from forecastlab.evaluation.scores import (
    LOG_LOSS,
    REVERSAL_CLASSES,
    AucScore,
    Forecasts,
    Score,
    reliability,
    scores_for,
)
from forecastlab.evaluation.skill import DEPLOYABLE
from forecastlab.evaluation.uncertainty import mean_interval, rank_block
from forecastlab.models.prequential import Prequential
from forecastlab.report.series import CandidateSeries
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.direction_findings import Scored, as_estimate, direction_findings
from forecastlab.usecases.measure import scored_forecasts
from forecastlab.usecases.walk_forward import OutOfFold

VOLATILITY_ONLY: Final = "first_passage"
"""The member that stands for "volatility alone": it reads variance features and names no side."""

DIRECTION_CLASSES: Final = (0, 1)

EVENT: Final = "event"
"""Name of "some class but 0" beside the labels, in calibration tables."""

_DIGITS: Final = 6


@dataclass(frozen=True, eq=False)
class Examined:
    """One candidate's walk-forward with what `measure` said of it.

    `candles` holds those of the recipe's interval, by symbol: what the simplest forecasts of a
    direction and its money are computed from. Without them, or for other targets, these are left
    out.
    """

    found: OutOfFold
    prequential: Prequential
    evaluation: EvaluationEntry
    candles: Mapping[str, Candles] = field(default_factory=dict)


def examine(
    one: Examined, recipe: Recipe, *, looks: int
) -> tuple[CandidateVerdict, CandidateSeries]:
    """Score the published forecast and all others in every way, and say what the looks cost.

    Args:
        looks: entries of the trial ledger on these days, this one included.

    Raises:
        DataUnavailable: no day that counts has resolved, or too few have.
    """
    target = target_from_name(one.found.candidate)
    published, others = scored_forecasts(one.found, one.prequential, recipe)
    scores: list[Score] = [*scores_for(target.classes), *LABEL_SCORES]
    losses, week = LOG_LOSS.rows(published), 7 * per_day(recipe.interval)
    block = rank_block(losses, target.horizon, week=week)
    how = Resampling(target.horizon, block, recipe.train.seed)
    compared = compare({PUBLISHED: published, **others}, scores, how)
    series = _series(one, published, others, scores, block)
    gain = series.gains[one.evaluation.reference]
    years = gain_by_year(gain, series.opens.year.to_numpy(), horizon=target.horizon)
    ages = gain_by_age(gain, _age_days(one.found, series.opens), block=block)
    verdict = CandidateVerdict(
        label_rule=target.rule,
        classes=target.classes,
        horizon=target.horizon,
        level=target.level,
        happened={str(label): int((published.labels == label).sum()) for label in target.classes},
        folds=len(series.folds),
        refit_days=recipe.train.refit_days,
        evaluation=one.evaluation,
        scores=_estimates(compared.scores),
        differences=_estimates(compared.differences),
        volatility_only=VOLATILITY_ONLY if VOLATILITY_ONLY in one.found.members else None,
        calibration_error={
            name: rounded(calibration_error(*binary), _DIGITS)
            for name, binary in _probabilities(published).items()
        },
        shift_tests={name: _shift_test(null) for name, null in series.nulls.items()},
        years=_groups(years),
        ages=_groups(ages.set_axis([_age_name(int(age)) for age in ages.index])),
        multiplicity=_multiplicity(series.gains, target.horizon, recipe.trials.prior_looks, looks),
        direction=_direction(one, recipe, series.opens, published, others, block),
    )
    return verdict, series


def _direction(
    one: Examined,
    recipe: Recipe,
    opens: pd.DatetimeIndex,
    published: Forecasts,
    others: Mapping[str, Forecasts],
    block: int,
) -> DirectionFindings | None:
    if published.classes != DIRECTION_CLASSES or recipe.symbol not in one.candles:
        return None
    scored = Scored(
        opens=opens,
        published=published,
        members={name: others[name] for name in one.found.members},
        reference=others[one.evaluation.reference],
        horizon=target_from_name(one.found.candidate).horizon,
        block=block,
    )
    return direction_findings(scored, one.found, one.candles, recipe.symbol)


def _series(
    one: Examined,
    published: Forecasts,
    others: Mapping[str, Forecasts],
    scores: list[Score],
    block: int,
) -> CandidateSeries:
    rows = one.found.rows.loc[one.evaluation.first :]
    rows = rows.loc[rows["label"].notna()]
    own = LOG_LOSS.rows(published)
    ranks = [score for score in scores if isinstance(score, AucScore)]
    return CandidateSeries(
        opens=pd.DatetimeIndex(rows.index),
        gains={name: LOG_LOSS.rows(other) - own for name, other in others.items()},
        reliability={
            name: reliability(*binary) for name, binary in _probabilities(published).items()
        },
        nulls={score.name: shift_null(score, published, block=block) for score in ranks},
        folds=fold_table(published, others, scores, rows["fold"].to_numpy()),
    )


def _probabilities(published: Forecasts) -> dict[str, tuple[Forecasts, int]]:
    """Return every probability that a frequency can check: each label's, and the event's.

    Of two classes the second says it all.
    """
    if published.classes != REVERSAL_CLASSES:
        return {str(label): (published, label) for label in published.classes[1:]}
    named = {str(label): (published, label) for label in published.classes}
    quiet = published.column(0)
    event = Forecasts(
        np.column_stack([quiet, 1 - quiet]), (published.labels != 0).astype("int64"), (0, 1)
    )
    return {EVENT: (event, 1), **named}


def _age_days(found: OutOfFold, opens: pd.DatetimeIndex) -> np.ndarray:
    first = {fold.number: pd.Timestamp(fold.first_open) for fold in found.folds}
    begun = pd.DatetimeIndex(found.rows.loc[opens, "fold"].map(first))
    return np.asarray((opens - begun).days)


def _age_name(youngest: int) -> str:
    return f"{youngest}–{youngest + AGE_DAYS - 1} days"


def _multiplicity(
    gains: Mapping[str, np.ndarray], horizon: int, prior_looks: int, looks: int
) -> Multiplicity:
    intervals = {name: mean_interval(gains[name], horizon=horizon) for name in DEPLOYABLE}
    p_values = {
        name: gain_p_value(interval, rows=len(gains[name])) for name, interval in intervals.items()
    }
    hardest = max(DEPLOYABLE, key=lambda name: p_values[name])
    total = prior_looks + looks
    return Multiplicity(
        looks=total,
        prior_looks=prior_looks,
        p_value=rounded(p_values[hardest], _DIGITS),
        p_value_best=rounded(best_of(p_values[hardest], total), _DIGITS),
        lucky_gain=rounded(intervals[hardest].standard_error * expected_maximum(total), _DIGITS),
    )


def _shift_test(null: ShiftNull) -> ShiftTest:
    return ShiftTest(
        observed=_known(null.observed),
        null_mean=_known(null.mean),
        null_sd=_known(null.sd),
        p_value=_known(null.p_value),
        offsets=len(null.offsets),
        independent=rounded(null.independent, _DIGITS),
    )


def _estimates(table: Table) -> dict[str, dict[str, Estimate]]:
    return {
        name: {score: as_estimate(interval) for score, interval in row.items()}
        for name, row in table.items()
    }


def _groups(table: pd.DataFrame) -> tuple[GroupGain, ...]:
    return tuple(
        GroupGain(
            group=str(group),
            rows=int(row["rows"]),
            gain=Estimate(
                value=_known(row["gain"]),
                ci95=None
                if math.isnan(row["low"])
                else (rounded(float(row["low"]), _DIGITS), rounded(float(row["high"]), _DIGITS)),
            ),
        )
        for group, row in table.iterrows()
    )


def _known(number: float) -> float | None:
    return rounded(float(number), _DIGITS) if math.isfinite(number) else None
