"""The gate of a changed recipe: both recipes, refitted on the same folds, judged day by day.

The champion's stored score is never the yardstick: it is of other days, and whoever was lucky once
could never be replaced. Both recipes are fitted anew, on the same candles, and their losses on the
same days are subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from forecastlab.contracts.candles import Market
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.config import Recipe, midnight
from forecastlab.contracts.errors import GateRefused
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.provenance import Provenance
from forecastlab.evaluation.scores import LOG_LOSS, Forecasts
from forecastlab.evaluation.uncertainty import Interval, mean_interval
from forecastlab.models.catalogue import make_learners
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.measure import measure, publish_out_of_fold
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate
from forecastlab.usecases.quick_recipe import quick_recipe
from forecastlab.usecases.training_market import newest_at_hand, training_market
from forecastlab.usecases.training_materials import build_materials, market_digest
from forecastlab.usecases.trials import Look, record_trials, trial_entry
from forecastlab.usecases.walk_forward import make_folds, out_of_fold
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Walked:
    """One recipe's walk-forward: published probabilities and labels of the scored rows."""

    published: Mapping[str, pd.DataFrame]
    labels: Mapping[str, pd.Series]


def paired_gate(
    workspace: Workspace,
    champion: Recipe,
    provenance: Callable[[], Provenance],
    *,
    quick: bool = False,
) -> Gate:
    """Return the gate that asks a changed recipe to be no worse than the champion's recipe.

    No worse: of the difference of the log losses on the same days, challenger less champion, the
    upper end of the interval is at most the margin, for every candidate.

    Args:
        quick: a short, coarse walk-forward of both, for trials.
    """

    def check(bundle: OpenBundle) -> Mapping[str, Any]:
        margin = workspace.operations.promotion.margin
        ours, theirs = on_common_folds(bundle.files.manifest.recipe, champion)
        until = newest_at_hand(workspace, ours)
        _, market = training_market(workspace, theirs, until)
        cut_off, own = training_market(workspace, ours, until)
        if quick:
            ours, theirs = quick_recipe(ours, cut_off), quick_recipe(theirs, cut_off)
        commit = provenance().git_commit
        walked = [
            _walk(workspace, recipe, candles, cut_off, commit)
            for recipe, candles in ((ours, own), (theirs, market))
        ]
        found = {name: _difference(name, walked[0], walked[1]) for name in ours.target.candidates}
        return {
            **judged(found, margin),
            "margin": margin,
            "quick": quick,
            "folds": len(make_folds(ours, cut_off)),
            "recipes": {"challenger": ours.digest, "champion": theirs.digest},
            "log_loss_difference": {name: _told(one) for name, one in found.items()},
        }

    return check


def judged(found: Mapping[str, Interval], margin: float) -> dict[str, Any]:
    """Say whether no candidate may be worse by more than the margin, and which one may, else.

    Args:
        found: candidate -> the difference of the log losses, challenger less champion.

    >>> sure = Interval(0.0, standard_error=0.001, low=-0.002, high=0.002, block=42)
    >>> wide = Interval(0.0, standard_error=0.003, low=-0.006, high=0.006, block=63)
    >>> judged({"T14_X8": sure}, 0.005), judged({"T14_X8": sure, "T21_X8": wide}, 0.005)["passed"]
    ({'passed': True}, False)
    """
    name, worst = max(found.items(), key=lambda item: item[1].high)
    if worst.high <= margin:
        return {"passed": True}
    return {
        "passed": False,
        "reason": f"the log loss of {name} may be worse by {worst.high:.4f} nats (upper end of the"
        f" interval); {margin:g} is the margin.",
    }


def on_common_folds(ours: Recipe, theirs: Recipe) -> tuple[Recipe, Recipe]:
    """Return both recipes with one schedule: the later start, the champion's refits.

    What a refit learns from (symbols, window, every so many labels) stays each recipe's own.

    Raises:
        GateRefused: the challenger lacks a candidate, or forecasts other candles.
    """
    missing = set(theirs.target.candidates) - set(ours.target.candidates)
    if missing or (ours.symbol, ours.interval) != (theirs.symbol, theirs.interval):
        lacks = ", ".join(sorted(missing)) or f"{theirs.symbol} {theirs.interval}"
        raise GateRefused(
            f"The champion's recipe forecasts {lacks}, which the challenger's does not.",
            remedy="Train a recipe that forecasts it, or deploy this one under its own name.",
        )
    schedule = {
        "oof_from": max(ours.train.oof_from, theirs.train.oof_from),
        "score_from": max(ours.train.score_from, theirs.train.score_from),
        "refit_days": theirs.train.refit_days,
        "embargo": max(ours.train.embargo, theirs.train.embargo),
    }
    shared = ours.target.model_copy(update={"candidates": theirs.target.candidates})
    return (
        ours.model_copy(update={"train": ours.train.model_copy(update=schedule), "target": shared}),
        theirs.model_copy(update={"train": theirs.train.model_copy(update=schedule)}),
    )


def _walk(
    workspace: Workspace, recipe: Recipe, market: Market, cut_off: datetime, commit: str
) -> Walked:
    """Walk forward, note the look in the ledger, and return what was published."""
    view = market.as_of(cut_off + DURATION[recipe.interval])
    learners = make_learners(recipe)
    materials = build_materials(view, recipe, learners.values())
    found = out_of_fold(materials, recipe, learners, workspace.progress)
    published = {
        name: publish_out_of_fold(one, recipe, until=materials.until) for name, one in found.items()
    }
    digest, now = market_digest(market), workspace.wall.now()
    look = Look("promote", recipe, workspace.source_kind, digest, now, commit)
    entries = [
        trial_entry(look, name, measure(found[name], one, recipe))
        for name, one in published.items()
    ]
    record_trials(workspace.store, entries)
    first = pd.Timestamp(midnight(recipe.train.score_from))
    labels = {
        name: one.rows["label"].loc[one.rows.index >= first].dropna().astype("int64")
        for name, one in found.items()
    }
    return Walked({name: one.probabilities for name, one in published.items()}, labels)


def _difference(candidate: str, ours: Walked, theirs: Walked) -> Interval:
    """Return the difference of the log losses on the days that both have, with its interval."""
    opens = ours.labels[candidate].index.intersection(theirs.labels[candidate].index)
    labels = ours.labels[candidate].loc[opens]
    losses = [
        LOG_LOSS.rows(Forecasts.of(one.published[candidate].loc[opens], labels))
        for one in (ours, theirs)
    ]
    horizon = target_from_name(candidate).horizon
    return mean_interval(losses[0] - losses[1], horizon=horizon)


def _told(found: Interval) -> dict[str, Any]:
    return {
        "estimate": rounded(found.estimate, 6),
        "ci95": [rounded(found.low, 6), rounded(found.high, 6)],
        "block": found.block,
    }
