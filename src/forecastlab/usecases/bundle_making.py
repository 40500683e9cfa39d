"""Assemble a bundle's files: models, known answers, evidence, card, manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.candles import Market, MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import (
    CARD,
    CONTEXT,
    EVIDENCE,
    KNOWN_ANSWERS,
    MANIFEST,
    CandidateEntry,
    ContextEntry,
    EvaluationEntry,
    FeatureEntry,
    Manifest,
    MemberEntry,
    SeriesEntry,
    ServingEntry,
    TrainingEntry,
)
from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.version_scores import SignalEvidence
from forecastlab.evaluation.ablation import Ablation
from forecastlab.evaluation.gates import GateResult
from forecastlab.features.catalogue import dropped_columns, find_feature_set
from forecastlab.models.base import Learner
from forecastlab.models.context import FEATURE_SETS
from forecastlab.models.ensemble import Forecaster
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.ablation import ablation_document
from forecastlab.usecases.context_training import TrainedContext, context_rows
from forecastlab.usecases.evidence import evidence_bytes
from forecastlab.usecases.gates import as_documents, gate_forecasters, reasons
from forecastlab.usecases.known_answers import ContextAnswers, known_answers
from forecastlab.usecases.model_card import model_card
from forecastlab.usecases.prove_training import TrainingProof
from forecastlab.usecases.training_materials import (
    Materials,
    feature_key,
    market_digest,
    serving_series,
)

Gates = Mapping[str, tuple[GateResult, ...]]


@dataclass(frozen=True, eq=False)
class BundleParts:
    """Everything that training made, by candidate where it differs."""

    recipe: Recipe
    quick: bool
    cut_off: datetime
    market: Market
    view: MarketView
    materials: Materials
    learners: Mapping[str, Learner]
    forecasters: Mapping[str, Forecaster]
    evaluations: Mapping[str, EvaluationEntry]
    evidence: Mapping[str, pd.DataFrame]
    source: SourceKind
    proof: TrainingProof
    ablations: Mapping[str, Ablation]
    context: TrainedContext | None = None
    signal: SignalEvidence | None = None


def make_bundle(
    parts: BundleParts, name: str, provenance: Provenance, *, created_at: datetime
) -> dict[str, bytes]:
    """Return the bundle's files, `meta.json` with the hash and size of every other one."""
    features = {key: parts.materials.own(table) for key, table in parts.materials.features.items()}
    files = {
        f"model_{candidate}/{file}": data
        for candidate, forecaster in parts.forecasters.items()
        for file, data in forecaster.dump().items()
    }
    if parts.context is not None:
        context = parts.context.context
        files |= {f"{CONTEXT}/{file}": data for file, data in context.dump().items()}
    files[KNOWN_ANSWERS] = known_answers(parts.forecasters, features, context_answers(parts))
    files[EVIDENCE] = evidence_bytes(parts.evidence)
    judged = gate_forecasters(
        parts.forecasters,
        evidence=files[EVIDENCE],
        answers=files[KNOWN_ANSWERS],
        interval=parts.recipe.interval,
    )
    draft = _manifest(parts, judged, name, provenance, created_at)
    files[CARD] = model_card(draft).encode()
    entries = {path: file_entry(data) for path, data in sorted(files.items())}
    return {**files, MANIFEST: draft.model_copy(update={"files": entries}).stored()}


def _manifest(
    parts: BundleParts, judged: Gates, name: str, provenance: Provenance, created_at: datetime
) -> Manifest:
    recipe, barred = parts.recipe, reasons(judged)
    return Manifest(
        schema_version=1,
        name=name,
        version=name.removeprefix(f"{recipe.name}_"),
        deployment=recipe.name,
        symbol=recipe.symbol,
        interval=recipe.interval,
        created_at=created_at,
        git_commit=provenance.git_commit,
        recipe=recipe,
        recipe_digest=recipe.digest,
        feature_set=recipe.features.set,
        feature_variant=recipe.features.variant,
        features={key: _features(recipe, key) for key in _described(parts)},
        dropped=_dropped(parts),
        training=_training(parts),
        candidates={
            candidate: _candidate(parts, candidate, barred.get(candidate))
            for candidate in parts.forecasters
        },
        serving=_serving(parts),
        context=_context(parts),
        signal=None if parts.signal is None else parts.signal.model_dump(mode="json"),
        python=provenance.python,
        packages=dict(provenance.packages),
        gates={"quick": parts.quick, **parts.proof.gates, "forecasters": as_documents(judged)},
        files={},
    )


def context_answers(parts: BundleParts) -> ContextAnswers | None:
    """Return the context and the rows whose answers the bundle is to carry."""
    if parts.context is None:
        return None
    return ContextAnswers(parts.context.context, context_rows(parts.view, parts.recipe))


def _context(parts: BundleParts) -> ContextEntry | None:
    if parts.context is None:
        return None
    return ContextEntry(
        feature_sets=FEATURE_SETS,
        evaluation=parts.context.evaluation,
        faults=parts.context.faults,
    )


def _described(parts: BundleParts) -> tuple[str, ...]:
    sets = parts.materials.features
    return (*sets, *(FEATURE_SETS if parts.context is not None else ()))


def _features(recipe: Recipe, feature_set: str) -> tuple[FeatureEntry, ...]:
    described = find_feature_set(feature_key(recipe, feature_set))
    return tuple(
        FeatureEntry(
            name=one.name,
            formula=one.formula,
            unit=one.unit,
            lookback=one.lookback,
            interval=one.interval,
            source=one.source,
        )
        for one in described.features
    )


def _dropped(parts: BundleParts) -> dict[str, dict[str, str]]:
    found = {key: dropped_columns(feature_key(parts.recipe, key)) for key in _described(parts)}
    return {key: columns for key, columns in found.items() if columns}


def _training(parts: BundleParts) -> TrainingEntry:
    series = parts.market.series()
    recipe = parts.recipe
    of = (recipe.symbol, recipe.interval)
    own = next(one for one in series if (one.symbol, one.interval) == of)
    return TrainingEntry(
        source=parts.source,
        symbols=recipe.train.symbols,
        first_open=asof_name(own.frame.index[0].to_pydatetime(), recipe.interval),
        cut_off=asof_name(parts.cut_off, recipe.interval),
        rows=sum(len(one) for one in series),
        data_digest=market_digest(parts.market),
    )


def _candidate(parts: BundleParts, candidate: str, research_only: str | None) -> CandidateEntry:
    target, forecaster = target_from_name(candidate), parts.forecasters[candidate]
    labels = parts.materials.own(parts.materials.labels[candidate])
    return CandidateEntry(
        label_rule=target.rule,
        classes=target.classes,
        horizon=target.horizon,
        level=getattr(target, "level", None),
        method=forecaster.rule.method,
        members={
            name: MemberEntry(
                kind=learner.kind, feature_set=learner.feature_set, parameters=learner.describe()
            )
            for name, learner in parts.learners.items()
        },
        evaluation=parts.evaluations[candidate],
        trained_rows=int((labels["resolves_at"] < pd.Timestamp(parts.materials.until)).sum()),
        research_only=research_only,
        ablation=ablation_document(parts.ablations[candidate]),
    )


def _serving(parts: BundleParts) -> ServingEntry:
    """Return what serving reads, and the shortest history that gives the same answers (L7)."""
    table = parts.recipe.serving
    shortest = parts.proof.shortest
    return ServingEntry(
        daily_candles=table.daily_candles,
        whole_days=table.whole_days,
        shortest=table.daily_candles if shortest is None else shortest,
        series=tuple(
            SeriesEntry(symbol=symbol, interval=interval)
            for symbol, interval in serving_series(parts.recipe)
        ),
    )
