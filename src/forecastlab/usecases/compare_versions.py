"""Put the versions of a recipe into one table: the same split, the same days, the same scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import DURATION, asof_name
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.provenance import Provenance
from forecastlab.contracts.version_scores import VersionScores, VersionTable
from forecastlab.models.base import Learner
from forecastlab.models.catalogue import make_learners
from forecastlab.usecases.evaluate import EvaluateRequest, demand_free, free_run
from forecastlab.usecases.joint_symbols import joint_out_of_fold
from forecastlab.usecases.measure import measure, publish_out_of_fold
from forecastlab.usecases.quick_recipe import quick_recipe
from forecastlab.usecases.training_market import newest_at_hand, training_market
from forecastlab.usecases.training_materials import Materials, build_materials, market_digest
from forecastlab.usecases.trials import Look, record_trials, trial_entry
from forecastlab.usecases.version_scores import (
    only_learner,
    score_version,
    touch_entries,
    touch_target,
)
from forecastlab.usecases.walk_forward import out_of_fold
from forecastlab.usecases.workspace import Workspace

FILE: Final = "versions.json"


@dataclass(frozen=True)
class Compared:
    """A finished comparison: where it lies, and the table."""

    location: str
    table: VersionTable


def compare_versions(
    workspace: Workspace, request: EvaluateRequest, provenance: Provenance
) -> Compared:
    """Walk forward with every version, over all symbols, and keep the table under `backtest/`.

    Each version's look at the recipe's own symbol is noted in the ledger.

    Raises:
        UsageError: the cut-off is in the future, or the run's name is taken.
        DataStale: the candles do not reach the cut-off.
        DataUnavailable: there is too little history, or too few days have resolved.
    """
    if request.run is not None:
        demand_free(workspace, request.run)
    common = request.recipe
    until = request.until or newest_at_hand(workspace, common)
    cut_off, market = training_market(workspace, common, until)
    view = market.as_of(cut_off + DURATION[common.interval])
    versions = common.versions
    if request.quick:
        versions = tuple(quick_recipe(one, cut_off) for one in versions)
    look = Look(
        command="evaluate",
        recipe=common,
        source=workspace.source_kind,
        data_digest=market_digest(market),
        created_at=workspace.wall.now(),
        git_commit=provenance.git_commit,
    )
    table = VersionTable(
        run=request.run or free_run(workspace, f"{common.name}_versions", cut_off),
        deployment=workspace.deployment,
        candidate=touch_target(common).name,
        symbols=common.train.symbols,
        quick=request.quick,
        source=look.source,
        data_digest=look.data_digest,
        cut_off=asof_name(cut_off, common.interval),
        labels=touch_entries(view, common),
        versions=_scored(workspace, versions, view, look),
    )
    key = f"{keys.backtest(table.deployment, table.run)}{FILE}"
    workspace.store.put(key, table.stored(), if_generation=ABSENT)
    return Compared(f"{workspace.store.location}/{key}", table)


def _scored(
    workspace: Workspace, versions: Sequence[Recipe], view: MarketView, look: Look
) -> tuple[VersionScores, ...]:
    """Score every version on the as-ofs that all of them forecast."""
    made = []
    for recipe in versions:
        learners = make_learners(recipe)
        materials = build_materials(view, recipe, learners.values())
        _note_look(workspace, replace(look, recipe=recipe), materials, learners)
        learner, seeds = only_learner(learners), (recipe.train.seed,)
        said = joint_out_of_fold(materials, recipe, learner, seeds, workspace.progress)
        made.append((recipe, materials, said[seeds[0]]))
    shared = reduce(pd.Index.intersection, (one.index for _, _, one in made))
    return tuple(
        score_version(one.loc[one.index.isin(shared)], view, recipe, materials)
        for recipe, materials, one in made
    )


def _note_look(
    workspace: Workspace, look: Look, materials: Materials, learners: Mapping[str, Learner]
) -> None:
    """Note what the version scored on the recipe's own symbol, before anything is said of it."""
    found = out_of_fold(materials, look.recipe, learners, workspace.progress)
    entries = []
    for name, one in found.items():
        published = publish_out_of_fold(one, look.recipe, until=materials.until)
        entries.append(trial_entry(look, name, measure(one, published, look.recipe)))
    record_trials(workspace.store, entries)
