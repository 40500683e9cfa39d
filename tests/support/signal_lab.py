"""Three small bundles of the signal, fitted in a moment and never evaluated, and their candles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forecastlab.adapters.progress import progress
from forecastlab.adapters.provenance import packages, python_version
from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.candles import Market
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.config import Recipe, parse_recipe
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
from forecastlab.features.catalogue import find_feature_set
from forecastlab.models.catalogue import make_learners
from forecastlab.models.conformal import PredictionSets
from forecastlab.models.ensemble import Forecaster
from forecastlab.models.methods import SingleMember
from forecastlab.models.rule import Rule
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.final_fit import final_fit
from forecastlab.usecases.known_answers import known_answers
from forecastlab.usecases.training_materials import (
    Materials,
    build_materials,
    feature_key,
    serving_series,
)
from tests.support.imports import ROOT
from tests.support.signal_market import DAYS, HOUR, SYMBOLS, market
from tests.support.synthetic import START
from tests.support.workspaces import write_candles

DEPLOYMENT: Final = "signal_1h"
CUT_OFF: Final = START + timedelta(days=DAYS - 3) - HOUR
"""Open of the last hour that the bundles have seen; three days are left."""

LAST: Final = START + timedelta(days=DAYS) - HOUR
"""Open of the newest candle there is."""


@dataclass(frozen=True)
class SignalLab:
    """Candles as a file source reads them, and a folder of bundles with its first champion."""

    candles: Path
    models: Path
    cut_off: datetime = CUT_OFF

    @property
    def source(self) -> str:
        """The candles as `--source` names them."""
        return f"file:{self.candles}"

    def bundle(self, version: str) -> str:
        """Return the name of a version's bundle."""
        return bundle_name(version, self.cut_off)

    def without(self, folder: Path, lost: Mapping[tuple[str, str], Sequence[datetime]]) -> Path:
        """Write the candles once more, with some opens of some series taken out."""
        series = []
        for one in market().series():
            gone = lost.get((one.symbol, one.interval), ())
            frame = one.frame.loc[~one.frame.index.isin(list(gone))]
            series.append(type(one)(one.symbol, one.interval, frame))
        return write_candles(Market(series), folder)


def bundle_name(version: str, cut_off: datetime = CUT_OFF) -> str:
    """Return the name of a version's bundle."""
    return f"{DEPLOYMENT}_{version}_{cut_off:%Y%m%d}"


def make_signal_lab(
    root: Path, *, champion: str = "v2_7", cut_off: datetime = CUT_OFF
) -> SignalLab:
    """Fit and write all three bundles, and name one as the first champion."""
    models = root / "models"
    text = (ROOT / "config" / "signal.toml").read_text(encoding="utf-8")
    for recipe in parse_recipe(text, what="signal.toml").versions:
        _write(models / bundle_name(str(recipe.recipe), cut_off), _small(recipe), cut_off)
    name = bundle_name(champion, cut_off)
    known = digest((models / name / MANIFEST).read_bytes())
    first = f'[{DEPLOYMENT}]\nbundle = "{name}"\ndigest = "{known}"\n'
    (models / "champions.toml").write_text(first, encoding="utf-8")
    return SignalLab(write_candles(market(), root / "candles"), models, cut_off)


def _small(recipe: Recipe) -> Recipe:
    train = {"oof_from": START.date(), "score_from": START.date()}
    sizes = {"rounds": 12, "min_weight": 5.0, "l2": 1.0}
    return recipe.model_copy(
        update={
            "train": recipe.train.model_copy(update=train),
            "members": {name: {**table, **sizes} for name, table in recipe.members.items()},
            "serving": recipe.serving.model_copy(update={"daily_candles": 60}),
        }
    )


def _write(folder: Path, recipe: Recipe, cut_off: datetime) -> None:
    learners = make_learners(recipe)
    view = market().as_of(cut_off + HOUR)
    materials = build_materials(view, recipe, learners.values())
    rules = {name: _rule(tuple(learners)) for name in recipe.target.candidates}
    forecasters = final_fit(materials, recipe, learners, rules, progress())
    features = {name: materials.own(table) for name, table in materials.features.items()}
    files = {
        f"model_{candidate}/{file}": data
        for candidate, forecaster in forecasters.items()
        for file, data in forecaster.dump().items()
    }
    files[KNOWN_ANSWERS] = known_answers(forecasters, features)
    files |= {CARD: b"# A made-up bundle\n", EVIDENCE: b"none"}
    manifest = _manifest(folder.name, recipe, forecasters, materials)
    learnt = manifest.training.model_copy(update={"cut_off": asof_name(cut_off, "1h")})
    manifest = manifest.model_copy(update={"training": learnt})
    entries = {path: file_entry(data) for path, data in sorted(files.items())}
    files[MANIFEST] = manifest.model_copy(update={"files": entries}).stored()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _rule(members: tuple[str, ...]) -> Rule:
    return Rule(
        members[0], members, (-1, 1), SingleMember(members[0]), PredictionSets(0.8, 0.6, 500)
    )


def _manifest(
    name: str, recipe: Recipe, forecasters: Mapping[str, Forecaster], materials: Materials
) -> Manifest:
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
        features={one: _described(recipe, one) for one in materials.features},
        training=TrainingEntry(
            source="file",
            symbols=SYMBOLS,
            first_open=asof_name(START, "1h"),
            cut_off=asof_name(CUT_OFF, "1h"),
            rows=1,
            data_digest=f"sha256:{'0' * 64}",
        ),
        candidates={one: _candidate(recipe, one, made) for one, made in forecasters.items()},
        serving=ServingEntry(
            daily_candles=recipe.serving.daily_candles,
            whole_days=recipe.serving.whole_days,
            shortest=30,
            series=tuple(
                SeriesEntry(symbol=symbol, interval=one) for symbol, one in serving_series(recipe)
            ),
        ),
        python=python_version(),
        packages=packages(),
        gates={},
        files={},
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
