"""From out-of-fold forecasts to the evaluation that a manifest states."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.config import Recipe, midnight
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import per_day
from forecastlab.contracts.manifest import EvaluationEntry, ScoreEntry
from forecastlab.evaluation.scores import EVENT_AUC, Forecasts, value
from forecastlab.evaluation.skill import Gain, measure_direction, measure_skill
from forecastlab.models.base_rate import hindsight_rate
from forecastlab.models.conformal import realised_coverage
from forecastlab.models.prequential import Prequential, run_prequential
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.walk_forward import OutOfFold

_HINDSIGHT = "hindsight_constant"


def publish_out_of_fold(found: OutOfFold, recipe: Recipe, *, until: datetime) -> Prequential:
    """Publish the members' out-of-fold forecasts by the prequential rule, as known at `until`."""
    return run_prequential(
        found.rows,
        found.members,
        horizon=target_from_name(found.candidate).horizon,
        until=until,
        level=recipe.prediction_set.level,
        scores=recipe.prediction_set.scores,
    )


def measure(found: OutOfFold, prequential: Prequential, recipe: Recipe) -> EvaluationEntry:
    """Score the published forecasts of the days that count, against base rates and members.

    Raises:
        DataUnavailable: no day that counts has resolved, or too few have.
    """
    target = target_from_name(found.candidate)
    scored = _scored(found.rows, midnight(recipe.train.score_from))
    published, references = scored_forecasts(found, prequential, recipe)
    skill = measure_skill(published, references, horizon=target.horizon)
    direction = measure_direction(
        published,
        horizon=target.horizon,
        seed=recipe.train.seed,
        week=7 * per_day(recipe.interval),
    )
    coverage = realised_coverage(
        prequential.published.loc[scored, "covered"].to_numpy(dtype="float64"),
        horizon=target.horizon,
    )
    entries = {gain.reference: _entry(gain) for gain in skill.gains}
    methods = prequential.published.loc[scored, "method"].value_counts()
    return EvaluationEntry(
        first=str(scored[0].date()),
        last=str(scored[-1].date()),
        rows=skill.rows,
        effective_rows=rounded(skill.effective_rows, 4),
        log_loss=rounded(skill.log_loss, 6),
        brier=rounded(skill.brier, 6),
        event_auc=_number(value(EVENT_AUC, published)),
        direction_auc=None if direction.auc is None else _number(direction.auc),
        direction_ci95=None if direction.ci95 is None else _ends(*direction.ci95),
        direction_verdict=direction.verdict,
        reference=skill.reference,
        log_loss_skill=rounded(skill.log_loss_skill, 6),
        ci95=_ends(*skill.ci95),
        verdict=skill.verdict,
        block=skill.block,
        baselines=tuple(entries[name] for name in (*found.base_rates, _HINDSIGHT)),
        members=tuple(entries[name] for name in found.members),
        coverage=_number(coverage.estimate),
        coverage_ci95=_ends(coverage.low, coverage.high),
        methods={str(name): int(count) for name, count in methods.sort_index().items()},
    )


def scored_forecasts(
    found: OutOfFold, prequential: Prequential, recipe: Recipe
) -> tuple[Forecasts, dict[str, Forecasts]]:
    """Return the published forecasts of the days that count, and the references' of the same days.

    Raises:
        DataUnavailable: no day that counts has resolved.
    """
    scored = _scored(found.rows, midnight(recipe.train.score_from))
    labels = found.rows.loc[scored, "label"].astype("int64")
    tables = {**found.base_rates, _HINDSIGHT: _hindsight(found, scored), **found.members}
    references = {name: Forecasts.of(table.loc[scored], labels) for name, table in tables.items()}
    return Forecasts.of(prequential.probabilities.loc[scored], labels), references


def _scored(rows: pd.DataFrame, first: datetime) -> pd.DatetimeIndex:
    known = rows.index[rows["label"].notna() & (rows.index >= pd.Timestamp(first))]
    if known.empty:
        raise DataUnavailable(
            f"No forecast from {first:%Y-%m-%d} on has resolved.",
            remedy="Let `score_from` in the recipe lie earlier, or bring later candles.",
        )
    return pd.DatetimeIndex(known)


def _hindsight(found: OutOfFold, scored: pd.DatetimeIndex) -> pd.DataFrame:
    rows = found.rows.loc[scored]
    classes = target_from_name(found.candidate).classes
    as_of = pd.DatetimeIndex(rows["as_of"])
    return hindsight_rate(rows, as_of, classes).set_axis(scored)


def _entry(gain: Gain) -> ScoreEntry:
    return ScoreEntry(
        reference=gain.reference,
        log_loss=rounded(gain.log_loss, 6),
        gain=rounded(gain.gain, 6),
        ci95=_ends(*gain.ci95),
    )


def _ends(low: float, high: float) -> tuple[float, float]:
    return rounded(low, 6), rounded(high, 6)


def _number(score: float) -> float | None:
    return None if np.isnan(score) else rounded(score, 6)
