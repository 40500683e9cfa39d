"""From a serving window to the forecasts of a record: features, forecasters, base rates, call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.degradations import LABELS_LEFT_OUT, NO_CONTEXT, missing_features
from forecastlab.contracts.intervals import DURATION, parse_asof
from forecastlab.contracts.manifest import CandidateEntry
from forecastlab.contracts.records import (
    CandidateForecast,
    PredictionSet,
    Probabilities,
    Regime,
    SkillNote,
    Verdict,
)
from forecastlab.contracts.switches import MODELS_OFF, STACKING_OFF
from forecastlab.evaluation.call import read_call
from forecastlab.features.build import build_features
from forecastlab.models.base_rate import trailing_rate
from forecastlab.models.conformal import likeliest_labels
from forecastlab.models.ensemble import EnsembleForecast, Forecaster
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.inference import Asking, MemberAnswers
from forecastlab.usecases.inference_wire import SENT_ROWS
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.serving_window import ServingWindow
from forecastlab.usecases.stand_ins import with_stand_ins
from forecastlab.usecases.training_materials import feature_key

if TYPE_CHECKING:
    from forecastlab.models.context import ContextForecast


NO_VERDICT: Final[Verdict] = "not_distinguishable"

HERE: Final = Asking()
"""The members in this process, with nothing switched off."""

BASE_RATE: Final = "base_rate"
"""The method of a forecast for which no model was asked."""

SAME_HORIZON: Final = "H5"
"""The candidate whose P(rise) is over the horizon that the position scale is about."""


@dataclass(frozen=True)
class Said:
    """What a record says: the candidates' forecasts, what surrounds them, and what was missing.

    `asked` tells on which path the members were asked; None where none was.
    """

    forecasts: dict[str, CandidateForecast]
    regime: Regime | None
    quantiles: dict[str, dict[str, float]] | None
    position_scale: float | None
    degraded: tuple[str, ...]
    asked: MemberAnswers | None = None


def forecast(bundle: OpenBundle, window: ServingWindow, asking: Asking = HERE) -> Said:
    """Forecast every candidate at the window's as-of, and what surrounds them.

    A member whose rows cannot be computed is skipped and named; the others still answer. With the
    models switched off the base rate alone speaks.

    Raises:
        DataUnavailable: no member of a candidate can answer.
    """
    manifest = bundle.files.manifest
    if not asking.switches.enabled:
        return _base_rates_alone(bundle, window)
    rows, absent, stood_in = _rows(bundle, window)
    opens = pd.DatetimeIndex([window.asof_open]).as_unit("ms")
    asked = asking.inference.answers(bundle, rows, opens, absent)
    stacking = asking.switches.stacking
    said = {
        name: one.combine(asked.tables[name], asked.skipped[name], stacking=stacking)
        for name, one in bundle.forecasters.items()
    }
    forecasts = {
        name: _candidate(bundle, name, manifest.candidates[name], window, one)
        for name, one in said.items()
    }
    missed = {f"{name}: {why}": None for one in said.values() for name, why in one.skipped.items()}
    around, why_not = _surroundings(bundle, window, forecasts)
    context = manifest.context
    doubts = (why_not,) if why_not else context.faults if context is not None else ()
    stepped_back = not stacking and any(one.rule.stacks for one in bundle.forecasters.values())
    marks = (STACKING_OFF,) if stepped_back else ()
    old = _labels_left_out(bundle, window)
    degraded = (*marks, *stood_in, *missed, *(NO_CONTEXT.says(why=one) for one in doubts), *old)
    if around is None:
        return Said(forecasts, None, None, None, degraded, asked)
    regime = Regime(
        name=around.regime.name,
        vol_prob=rounded(around.regime.vol_prob),
        trend_prob=rounded(around.regime.trend_prob),
        confidence=rounded(around.regime.confidence),
    )
    quantiles = {
        horizon: {level: rounded(value) for level, value in levels.items()}
        for horizon, levels in around.quantiles.items()
    }
    return Said(forecasts, regime, quantiles, rounded(around.position_scale), degraded, asked)


def _base_rates_alone(bundle: OpenBundle, window: ServingWindow) -> Said:
    """Let the base rates speak, without features, members and surroundings."""
    forecasts = {
        name: _base_rate_alone(bundle, name, entry, window)
        for name, entry in bundle.files.manifest.candidates.items()
    }
    return Said(forecasts, None, None, None, (MODELS_OFF, *_labels_left_out(bundle, window)))


def _base_rate_alone(
    bundle: OpenBundle, name: str, entry: CandidateEntry, window: ServingWindow
) -> CandidateForecast:
    forecaster = bundle.forecasters[name]
    base_rate = _base_rate(forecaster, entry, name, window)
    shares = {int(label): share for label, share in base_rate.items()}
    level = forecaster.rule.sets.level
    resolves_at = _resolves_at(entry, window)
    return CandidateForecast(
        pred_label=max(shares, key=lambda label: shares[label]),
        pred_proba=base_rate,
        base_rate=base_rate,
        call="no_view",
        prediction_set=PredictionSet(level=level, labels=likeliest_labels(shares, level)),
        resolves_on=(resolves_at - DURATION[window.interval]).date(),
        resolves_at=resolves_at,
        method=BASE_RATE,
        members={},
        # It is its own reference.
        skill=SkillNote(
            reference=entry.evaluation.reference,
            log_loss_skill=0.0,
            ci95=(0.0, 0.0),
            verdict=NO_VERDICT,
        ),
    )


def _surroundings(
    bundle: OpenBundle, window: ServingWindow, forecasts: Mapping[str, CandidateForecast]
) -> tuple[ContextForecast | None, str | None]:
    """Return the regime, quantiles and scale, or why there are none though the bundle has them.

    The scale starts from the forecast of the same horizon, where a candidate gives one.
    """
    entry = bundle.files.manifest.context
    if bundle.context is None or entry is None:
        return None, None
    rows = {}
    for name in entry.feature_sets:
        key = feature_key(bundle.files.manifest.recipe, name)
        row = build_features(window.view, window.symbol, key).iloc[[-1]]
        missing = [str(column) for column in row.columns[row.isna().to_numpy()[0]]]
        if missing:
            return None, missing_features(missing)
        rows[name] = row
    near = forecasts.get(SAME_HORIZON)
    return bundle.context.forecast(rows, up=near.pred_proba["1"] if near else None), None


def _rows(
    bundle: OpenBundle, window: ServingWindow
) -> tuple[dict[str, pd.DataFrame], dict[str, str], tuple[str, ...]]:
    """Return feature set -> the rows that its members read, why a set has none, and stand-ins."""
    lengths: dict[str, int] = {}
    for one in bundle.forecasters.values():
        for name, length in one.windows.items():
            lengths[name] = max(lengths.get(name, 1), length)
    rows, absent = {}, {}
    notes: dict[str, None] = {}
    recipe = bundle.files.manifest.recipe
    for name, length in lengths.items():
        built = build_features(window.view, window.symbol, feature_key(recipe, name))
        found = with_stand_ins(recipe, window.view, window.symbol, built)
        table = found.rows
        if found.obstacle is not None:
            absent[name] = found.obstacle
            continue
        notes |= dict.fromkeys(found.notes)
        missing = [str(column) for column in table.columns[table.iloc[-1].isna().to_numpy()]]
        if missing:
            absent[name] = missing_features(missing)
        # As in training: rows beside a gap are left out first, then the last ones are a window.
        rows[name] = table.dropna().iloc[-max(length, SENT_ROWS) :]
    return rows, absent, tuple(notes)


def _candidate(
    bundle: OpenBundle,
    name: str,
    entry: CandidateEntry,
    window: ServingWindow,
    said: EnsembleForecast,
) -> CandidateForecast:
    forecaster = bundle.forecasters[name]
    probabilities = _table(said.published)
    base_rate = _base_rate(forecaster, entry, name, window)
    found = entry.evaluation
    resolves_at = _resolves_at(entry, window)
    return CandidateForecast(
        pred_label=int(said.published.columns[int(np.argmax(said.published.to_numpy()[0]))]),
        pred_proba=probabilities,
        base_rate=base_rate,
        call=read_call(
            {int(label): value for label, value in probabilities.items()},
            {int(label): value for label, value in base_rate.items()},
            verdict=found.verdict if _speaks_as_judged(entry, forecaster, said) else NO_VERDICT,
            direction_verdict=found.direction_verdict,
        ),
        prediction_set=PredictionSet(level=forecaster.rule.sets.level, labels=said.sets[0]),
        resolves_on=(resolves_at - DURATION[window.interval]).date(),
        resolves_at=resolves_at,
        method=said.method,
        members={member: _table(table) for member, table in said.members.items()},
        skipped=dict(said.skipped),
        skill=SkillNote(
            reference=found.reference,
            log_loss_skill=found.log_loss_skill,
            ci95=found.ci95,
            verdict=found.verdict,
        ),
    )


def _resolves_at(entry: CandidateEntry, window: ServingWindow) -> datetime:
    return window.view.as_of + entry.horizon * DURATION[window.interval]


def _speaks_as_judged(
    entry: CandidateEntry, forecaster: Forecaster, said: EnsembleForecast
) -> bool:
    """Say whether the verdict is about what is said: a pool that stands in was never judged."""
    return entry.research_only is None and said.method == forecaster.rule.method


def _base_rate(
    forecaster: Forecaster, entry: CandidateEntry, name: str, window: ServingWindow
) -> Probabilities:
    """Return the reference base rate as it stands at the as-of."""
    labels = _labels(name, window)
    at = pd.DatetimeIndex([window.view.as_of])
    if entry.evaluation.reference == "expanding":
        return _table(forecaster.rates.rates(labels, at))
    return _table(trailing_rate(labels, at, forecaster.rule.classes))


def _labels(name: str, window: ServingWindow) -> pd.DataFrame:
    return target_from_name(name).labels(window.view.candles(window.symbol, window.interval))


def _labels_left_out(bundle: OpenBundle, window: ServingWindow) -> tuple[str, ...]:
    """Say so where a bundle is older than its window: a base rate then lacks the labels between."""
    first = window.view.candles(window.symbol, window.interval).frame.index[0]
    manifest = bundle.files.manifest
    cut_off = manifest.training.cut_off
    horizon = max(entry.horizon for entry in manifest.candidates.values())
    if first + horizon * DURATION[window.interval] <= parse_asof(cut_off, window.interval):
        return ()  # nearly always; the labels need not be computed once more
    left_out = [
        name
        for name, entry in manifest.candidates.items()
        if entry.evaluation.reference == "expanding"
        and not bundle.forecasters[name].rates.reached(_labels(name, window), window.view.as_of)
    ]
    if not left_out:
        return ()
    return (LABELS_LEFT_OUT.says(cut_off=cut_off, candidates=", ".join(left_out)),)


def _table(row: pd.DataFrame) -> Probabilities:
    return {str(label): rounded(float(value)) for label, value in row.iloc[0].items()}
