"""The files of a bundle whose forecasters a test has made, with a manifest that claims nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pandas as pd

from forecastlab.adapters.provenance import packages, python_version
from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import (
    CARD,
    EVIDENCE,
    KNOWN_ANSWERS,
    MANIFEST,
    CandidateEntry,
    EvaluationEntry,
    FeatureEntry,
    Manifest,
    MemberEntry,
    SeriesEntry,
    ServingEntry,
    TrainingEntry,
)
from forecastlab.features.catalogue import dropped_columns, find_feature_set
from forecastlab.models.catalogue import make_learners
from forecastlab.models.ensemble import Forecaster
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.known_answers import known_answers
from forecastlab.usecases.training_materials import feature_key, serving_series
from tests.support.synthetic import START


def bundle_files(
    name: str,
    recipe: Recipe,
    forecasters: Mapping[str, Forecaster],
    features: Mapping[str, pd.DataFrame],
    *,
    cut_off: datetime,
    shortest: int,
) -> dict[str, bytes]:
    """Return a bundle's files, the manifest with the hash of every other one.

    Args:
        features: feature set -> the symbol's rows; the known answers are of the newest.
        cut_off: open of the last candle that was learnt from.
        shortest: days that serving must have.
    """
    files = {
        f"model_{candidate}/{file}": data
        for candidate, forecaster in forecasters.items()
        for file, data in forecaster.dump().items()
    }
    files[KNOWN_ANSWERS] = known_answers(forecasters, features)
    files |= {CARD: b"# A made-up bundle\n", EVIDENCE: b"none"}
    manifest = _manifest(name, recipe, forecasters, tuple(features), cut_off, shortest)
    entries = {path: file_entry(data) for path, data in sorted(files.items())}
    return {**files, MANIFEST: manifest.model_copy(update={"files": entries}).stored()}


def _manifest(
    name: str,
    recipe: Recipe,
    forecasters: Mapping[str, Forecaster],
    feature_sets: tuple[str, ...],
    cut_off: datetime,
    shortest: int,
) -> Manifest:
    dropped = {one: dropped_columns(feature_key(recipe, one)) for one in feature_sets}
    return Manifest(
        schema_version=1,
        name=name,
        version=name.removeprefix(f"{recipe.name}_"),
        deployment=recipe.name,
        symbol=recipe.symbol,
        interval=recipe.interval,
        created_at=datetime(2018, 8, 1, tzinfo=UTC),
        git_commit="unknown",
        recipe=recipe,
        recipe_digest=recipe.digest,
        feature_set=recipe.features.set,
        feature_variant=recipe.features.variant,
        features={one: _described(recipe, one) for one in feature_sets},
        dropped={one: columns for one, columns in dropped.items() if columns},
        training=TrainingEntry(
            source="file",
            symbols=recipe.train.symbols,
            first_open=asof_name(START, recipe.interval),
            cut_off=asof_name(cut_off, recipe.interval),
            rows=1,
            data_digest=f"sha256:{'0' * 64}",
        ),
        candidates={one: _candidate(recipe, one, made) for one, made in forecasters.items()},
        serving=_serving(recipe, shortest),
        python=python_version(),
        packages=packages(),
        gates={},
        files={},
    )


def _serving(recipe: Recipe, shortest: int) -> ServingEntry:
    return ServingEntry(
        daily_candles=recipe.serving.daily_candles,
        whole_days=recipe.serving.whole_days,
        shortest=shortest,
        series=tuple(
            SeriesEntry(symbol=symbol, interval=one) for symbol, one in serving_series(recipe)
        ),
    )


def _described(recipe: Recipe, name: str) -> tuple[FeatureEntry, ...]:
    return tuple(
        FeatureEntry(
            name=one.name,
            formula=one.formula,
            unit=one.unit,
            lookback=one.lookback,
            interval=one.interval,
            source=one.source,
        )
        for one in find_feature_set(feature_key(recipe, name)).features
    )


def _candidate(recipe: Recipe, name: str, forecaster: Forecaster) -> CandidateEntry:
    target = target_from_name(name)
    return CandidateEntry(
        label_rule=target.rule,
        classes=target.classes,
        horizon=target.horizon,
        level=target.level,
        method=forecaster.rule.method,
        members={
            kind: MemberEntry(kind=one.kind, feature_set=one.feature_set, parameters=one.describe())
            for kind, one in make_learners(recipe).items()
        },
        evaluation=_nothing_shown(),
        trained_rows=1,
    )


def _nothing_shown() -> EvaluationEntry:
    return EvaluationEntry(
        first="2018-01-10",
        last="2018-02-20",
        rows=100,
        effective_rows=20.0,
        log_loss=0.69,
        brier=0.25,
        event_auc=None,
        direction_auc=0.5,
        direction_ci95=(0.4, 0.6),
        direction_verdict="not_distinguishable",
        reference="expanding",
        log_loss_skill=0.0,
        ci95=(-0.1, 0.1),
        verdict="not_distinguishable",
        block=72,
        baselines=(),
        members=(),
        coverage=None,
        coverage_ci95=None,
        methods={},
    )
