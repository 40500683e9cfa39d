"""From a serving window to the forecasts of a record: features, forecasters, base rates, call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import CandidateEntry
from forecastlab.contracts.records import (
    CandidateForecast,
    PredictionSet,
    Probabilities,
    SkillNote,
)
from forecastlab.evaluation.call import read_call
from forecastlab.features.build import build_features
from forecastlab.models.base_rate import trailing_rate
from forecastlab.models.ensemble import Forecaster
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.serving_window import ServingWindow
from forecastlab.usecases.training_materials import variant_of


def forecast(bundle: OpenBundle, window: ServingWindow) -> dict[str, CandidateForecast]:
    """Forecast every candidate at the window's as-of.

    Raises:
        DataUnavailable: a feature is missing at the as-of.
    """
    manifest = bundle.files.manifest
    sets = dict.fromkeys(name for one in bundle.forecasters.values() for name in one.feature_sets)
    rows = {name: _asof_row(bundle, window, name) for name in sets}
    return {
        name: _candidate(forecaster, manifest.candidates[name], name, window, rows)
        for name, forecaster in bundle.forecasters.items()
    }


def _asof_row(bundle: OpenBundle, window: ServingWindow, feature_set: str) -> pd.DataFrame:
    variant = variant_of(bundle.files.manifest.recipe, feature_set)
    row = build_features(window.view, window.symbol, feature_set, variant=variant).iloc[[-1]]
    missing = [str(name) for name in row.columns[row.isna().to_numpy()[0]]]
    if missing:
        raise DataUnavailable(
            f"At {asof_name(window.asof_open, '1d')} the features {', '.join(missing)} of"
            f" {window.symbol} are missing: a gap in the candles lies within their lookback.",
            remedy="Run `forecastlab update`; a gap of the exchange itself must pass first.",
        )
    return row


def _candidate(
    forecaster: Forecaster,
    entry: CandidateEntry,
    name: str,
    window: ServingWindow,
    rows: Mapping[str, pd.DataFrame],
) -> CandidateForecast:
    said = forecaster.forecast(rows)
    probabilities = _table(said.published)
    base_rate = _base_rate(forecaster, entry, name, window)
    found = entry.evaluation
    return CandidateForecast(
        pred_label=int(said.published.columns[int(np.argmax(said.published.to_numpy()[0]))]),
        pred_proba=probabilities,
        base_rate=base_rate,
        call=read_call(
            {int(label): value for label, value in probabilities.items()},
            {int(label): value for label, value in base_rate.items()},
            verdict=found.verdict,
            direction_verdict=found.direction_verdict,
        ),
        prediction_set=PredictionSet(level=forecaster.rule.sets.level, labels=said.sets[0]),
        resolves_on=(window.asof_open + timedelta(days=entry.horizon)).date(),
        method=forecaster.rule.method,
        members={member: _table(table) for member, table in said.members.items()},
        skill=SkillNote(
            reference=found.reference,
            log_loss_skill=found.log_loss_skill,
            ci95=found.ci95,
            verdict=found.verdict,
        ),
    )


def _base_rate(
    forecaster: Forecaster, entry: CandidateEntry, name: str, window: ServingWindow
) -> Probabilities:
    """Return the reference base rate as it stands at the as-of."""
    labels = target_from_name(name).labels(window.view.candles(window.symbol, "1d"))
    at = pd.DatetimeIndex([window.view.as_of])
    if entry.evaluation.reference == "expanding":
        return _table(forecaster.rates.rates(labels, at))
    return _table(trailing_rate(labels, at, forecaster.rule.classes))


def _table(row: pd.DataFrame) -> Probabilities:
    return {str(label): rounded(float(value)) for label, value in row.iloc[0].items()}
