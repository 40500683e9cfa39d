"""What moved a sealed forecast: every tree member and first passage, taken apart column by column.

The record's own bundle is asked again, on the candles in force; where it does not say again what
the record holds, the explanation says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest, rounded
from forecastlab.contracts.degradations import missing_features
from forecastlab.contracts.errors import (
    BundleRefused,
    DataUnavailable,
    PreconditionFailed,
)
from forecastlab.contracts.explanations import (
    CandidateExplanation,
    Explanation,
    MemberExplanation,
    Scores,
)
from forecastlab.contracts.intervals import interval_of, parse_asof
from forecastlab.contracts.manifest import ANSWER_TOLERANCE
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import CandidateForecast, ForecastRecord, Probabilities
from forecastlab.features.build import build_features
from forecastlab.models.base import Model, window_of
from forecastlab.models.contributions import contributions
from forecastlab.usecases.champion import opened
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.publish import newest_sealed, sealed
from forecastlab.usecases.serving_window import ServingWindow, read_market, serving_window
from forecastlab.usecases.stand_ins import with_stand_ins
from forecastlab.usecases.training_materials import feature_key
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

NETWORK: Final = "it is a network that reads sequences"
OTHER: Final = "there is no way to take such a member apart"
NOT_ASKED: Final = "the record holds no answer of it"


def explain(workspace: Workspace, asof: str | None = None) -> Explanation:
    """Explain one sealed record, by default the newest; nothing is written.

    Raises:
        DataUnavailable: no record is sealed for this as-of, or its window is not whole any more.
        BundleRefused: the record's bundle is not there, or is another one by now.
    """
    record = _record(workspace, asof)
    bundle = opened(workspace, workspace.bundles.find(record.bundle.name))
    if bundle.files.digest != record.bundle.digest:
        raise BundleRefused(
            f"{record.bundle.name} is not the bundle that made the record {record.asof_date}.",
            remedy="Restore the bundle from version control or its bucket.",
        )
    asof_open = parse_asof(record.asof_date, record.interval)
    market = read_market(workspace.archive, bundle.needed, asof_open, asof_open)
    window = serving_window(market, bundle.needed, asof_open)
    candidates = _candidates(bundle, window, record)
    worst = [one.apart for each in candidates.values() for one in each.members.values()]
    return Explanation(
        deployment=record.deployment,
        asof_date=record.asof_date,
        as_of=record.as_of,
        created_at=workspace.wall.now(),
        record=digest(record.stored()),
        bundle=record.bundle,
        replays=max(worst, default=0.0) <= ANSWER_TOLERANCE,
        same_candles=window.reference(record.source.name).digest == record.source.digest,
        candidates=candidates,
    )


def keep_explanation(workspace: Workspace, found: Explanation) -> str:
    """Store an explanation under its as-of, unless one stands there, and return the key."""
    key = keys.explanation(workspace.deployment, found.asof_date)
    try:
        workspace.store.put(key, found.stored(), if_generation=ABSENT)
    except PreconditionFailed:
        log.info("%s stands already", key)
    return key


def daily_explanation(workspace: Workspace, asof: str) -> str | None:
    """Explain the morning's record and store it; None where that was done before."""
    if workspace.store.get(keys.explanation(workspace.deployment, asof)) is not None:
        return None
    found = explain(workspace, asof)
    key = keep_explanation(workspace, found)
    return key if found.replays else f"{key}; the members do not say again what the record holds"


def _record(workspace: Workspace, asof: str | None) -> ForecastRecord:
    if asof is not None:
        parse_asof(asof, interval_of(workspace.deployment))
    name = asof or newest_sealed(workspace.store, workspace.deployment)
    record = None if name is None else sealed(workspace.store, workspace.deployment, name)
    if record is None:
        raise DataUnavailable(
            f"No record of {workspace.deployment} is sealed{f' for {name}' if name else ''}.",
            remedy="`forecastlab status` names the newest one; `forecastlab predict` makes one.",
        )
    return record


@dataclass(frozen=True, eq=False)
class _Rows:
    """The as-of's row of each feature set, built at the first demand."""

    bundle: OpenBundle
    window: ServingWindow
    built: dict[str, pd.DataFrame]

    def row(self, feature_set: str) -> pd.DataFrame:
        """Return one row, with what is missing in it."""
        if feature_set not in self.built:
            recipe, view = self.bundle.files.manifest.recipe, self.window.view
            key = feature_key(recipe, feature_set)
            built = build_features(view, self.window.symbol, key)
            # As the forecast did: neutral values where a version may answer without what lacks.
            found = with_stand_ins(recipe, view, self.window.symbol, built)
            self.built[feature_set] = found.rows.iloc[[-1]]
        return self.built[feature_set]


def _candidates(
    bundle: OpenBundle, window: ServingWindow, record: ForecastRecord
) -> dict[str, CandidateExplanation]:
    rows = _Rows(bundle, window, {})
    found = {}
    for candidate, forecaster in bundle.forecasters.items():
        said = record.forecasts.get(candidate)
        if said is None:
            continue
        members: dict[str, MemberExplanation] = {}
        reasons: dict[str, str] = {}
        for name, model in forecaster.members.items():
            row = rows.row(forecaster.keys[name].feature_set)
            explained = _member(model, row, said, name)
            if isinstance(explained, str):
                reasons[name] = explained
            else:
                members[name] = explained
        found[candidate] = CandidateExplanation(
            method=said.method, members=members, not_explained=reasons
        )
    return found


def _member(
    model: Model, row: pd.DataFrame, said: CandidateForecast, name: str
) -> MemberExplanation | str:
    """Explain one member, or say why not."""
    then = said.members.get(name)
    if then is None:
        return said.skipped.get(name, NOT_ASKED)
    if window_of(model) > 1:
        return NETWORK
    missing = [str(column) for column in row.columns[row.isna().to_numpy()[0]]]
    if missing:
        return missing_features(missing)
    found = contributions(model, row)
    if found is None:
        return OTHER
    now = {str(k): float(v) for k, v in model.predict_proba(row).iloc[0].items()}
    return MemberExplanation(
        unit=found.unit,
        base_is=found.base_is,
        base=_rounded(found.base),
        contributions={output: _rounded(parts) for output, parts in found.columns.items()},
        raw=_rounded(found.raw),
        apart=_apart(now, then),
    )


def _rounded(scores: Mapping[str, float]) -> Scores:
    return {name: rounded(value) for name, value in scores.items()}


def _apart(now: Probabilities, then: Probabilities) -> float:
    return rounded(max(abs(now[label] - share) for label, share in then.items()), 3)
