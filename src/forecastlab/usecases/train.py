"""Train a bundle: walk-forward, prequential choice, evidence, final fit, known answers, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.bundle_files import verified
from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataStale, UsageError
from forecastlab.contracts.intervals import asof_name, last_closed_open, parse_asof
from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.provenance import Provenance
from forecastlab.models.base import Learner
from forecastlab.models.base_rate import RateCounts
from forecastlab.models.catalogue import make_learners
from forecastlab.models.ensemble import Forecaster, MemberKey
from forecastlab.models.prequential import Prequential, run_prequential
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.bundle_making import BundleParts, make_bundle
from forecastlab.usecases.evidence import evidence_table
from forecastlab.usecases.measure import measure
from forecastlab.usecases.open_bundle import open_bundle
from forecastlab.usecases.promote import register
from forecastlab.usecases.training_materials import (
    Materials,
    build_materials,
    read_training_market,
)
from forecastlab.usecases.update import training_needs, update
from forecastlab.usecases.walk_forward import OutOfFold, make_folds, out_of_fold
from forecastlab.usecases.workspace import Workspace

_DAY = timedelta(days=1)

QUICK_OOF: Final = timedelta(days=1000)
QUICK_SCORED: Final = timedelta(days=700)
QUICK_REFIT_DAYS: Final = 63
"""A `--quick` walk-forward: the last 1,000 days in 16 folds, the last 700 of them scored."""


@dataclass(frozen=True)
class TrainRequest:
    """A recipe, the cut-off candle (None: the candle that closed last), and whether in small."""

    recipe: Recipe
    until: str | None = None
    quick: bool = False


@dataclass(frozen=True)
class Trained:
    """The new bundle: its name, where it lies, and its manifest."""

    name: str
    location: str
    manifest: Manifest


def train(workspace: Workspace, request: TrainRequest, provenance: Provenance) -> Trained:
    """Train, verify what was made, keep it, and register it; it does not speak until promoted.

    Bundles of the simulated market go to the store; others to the folder of shipped bundles.

    Raises:
        UsageError: the cut-off is in the future.
        DataStale: the candles do not reach the cut-off.
        DataUnavailable: there is too little history.
    """
    cut_off = _cut_off(workspace, request.until)
    recipe = quick_recipe(request.recipe, cut_off) if request.quick else request.recipe
    if workspace.lake is not None:
        update(workspace, training_needs(recipe))
    market = read_training_market(workspace.archive, recipe, cut_off, workspace.progress)
    _demand(market, recipe.symbol, cut_off)
    learners = make_learners(recipe)
    materials = build_materials(market.as_of(cut_off + _DAY), recipe, learners.values())
    found = out_of_fold(materials, recipe, learners, workspace.progress)
    prequential = {name: _prequential(one, recipe, materials) for name, one in found.items()}
    fitted = {
        name: _final_fit(materials, recipe, learners, name, prequential[name])
        for name in recipe.target.candidates
    }
    parts = BundleParts(
        recipe=recipe,
        quick=request.quick,
        cut_off=cut_off,
        market=market,
        materials=materials,
        learners=learners,
        forecasters=fitted,
        evaluations={name: measure(found[name], prequential[name], recipe) for name in found},
        evidence={name: evidence_table(found[name], prequential[name]) for name in found},
        source=workspace.source_kind,
    )
    return _keep(workspace, parts, provenance)


def quick_recipe(recipe: Recipe, cut_off: datetime) -> Recipe:
    """Return the recipe with a short, coarse walk-forward before the cut-off."""
    train = recipe.train.model_copy(
        update={
            "oof_from": (cut_off - QUICK_OOF).date(),
            "score_from": (cut_off - QUICK_SCORED).date(),
            "refit_days": QUICK_REFIT_DAYS,
        }
    )
    return recipe.model_copy(update={"train": train})


def _cut_off(workspace: Workspace, until: str | None) -> datetime:
    newest = last_closed_open(workspace.clock.now(), "1d")
    cut_off = newest if until is None else parse_asof(until, "1d")
    if cut_off > newest:
        raise UsageError(
            f"The cut-off {until} is not closed yet.",
            remedy=f"The newest is {asof_name(newest, '1d')}.",
        )
    return cut_off


def _demand(market: Market, symbol: str, cut_off: datetime) -> None:
    newest = market.newest(symbol, "1d")
    if newest < cut_off:
        raise DataStale(
            f"The candles of {symbol} end at {asof_name(newest, '1d')}, before the cut-off"
            f" {asof_name(cut_off, '1d')}.",
            remedy=f"Run `forecastlab update`, or give --until {asof_name(newest, '1d')}.",
        )


def _prequential(found: OutOfFold, recipe: Recipe, materials: Materials) -> Prequential:
    return run_prequential(
        found.rows,
        found.members,
        horizon=target_from_name(found.candidate).horizon,
        until=materials.until,
        level=recipe.prediction_set.level,
        scores=recipe.prediction_set.scores,
    )


def _final_fit(
    materials: Materials,
    recipe: Recipe,
    learners: Mapping[str, Learner],
    candidate: str,
    prequential: Prequential,
) -> Forecaster:
    """Fit every member on all that had resolved before the cut-off's close."""
    closing = make_folds(recipe, materials.until - _DAY)[-1]
    fold = replace(
        closing,
        refit=materials.until,
        labels_before=materials.until - recipe.train.embargo * _DAY,
        train_from=None
        if closing.train_from is None
        else materials.until - (closing.refit - closing.train_from),
    )
    training = materials.training_set(candidate, fold)
    labels = materials.own(materials.labels[candidate])
    return Forecaster(
        members={name: one.fit(training, seed=recipe.train.seed) for name, one in learners.items()},
        keys={name: MemberKey(one.kind, one.feature_set) for name, one in learners.items()},
        rule=prequential.rule,
        rates=RateCounts.of(labels, training.target.classes, until=materials.until),
    )


def _keep(workspace: Workspace, parts: BundleParts, provenance: Provenance) -> Trained:
    """Name the bundle, write its files, load it back as serving will, keep and register it."""
    name = _free_name(workspace, parts)
    files = make_bundle(parts, name, provenance, created_at=workspace.wall.now())
    bundle = open_bundle(verified(files, where=name))
    simulated = workspace.source_kind == "simulated"
    keep = workspace.bundles.keep_in_store if simulated else workspace.bundles.keep_in_folder
    location = keep(name, files)
    register(workspace, bundle, why=f"trained up to {asof_name(parts.cut_off, '1d')}")
    return Trained(name, location, bundle.files.manifest)


def _free_name(workspace: Workspace, parts: BundleParts) -> str:
    """Return `<deployment>_<cut-off>`, with `_2`, `_3`, … where taken."""
    base = f"{parts.recipe.name}_{parts.cut_off:%Y%m%d}"
    number, name = 1, base
    while workspace.bundles.taken(name):
        number += 1
        name = f"{base}_{number}"
    return name
