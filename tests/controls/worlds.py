"""Simulated worlds whose truth is known, and the product's own walk-forward over them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import joblib
from scipy.stats import binom

from forecastlab.adapters.clocks import FixedClock
from forecastlab.adapters.simulated import START, SimulatedMarket
from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.evaluation.scores import Forecasts
from forecastlab.models.catalogue import make_learners
from forecastlab.usecases.audit_subjects import Quiet
from forecastlab.usecases.measure import measure, publish_out_of_fold, scored_forecasts
from forecastlab.usecases.training_materials import Materials, build_materials
from forecastlab.usecases.walk_forward import out_of_fold
from tests.support.workspaces import small_recipe

BOTH: Final[Mapping[str, Mapping[str, Any]]] = {"first_passage": {}, "lightgbm": {}}
"""Members and the parameters in which they differ from the shipped ones."""


def coarse_recipe(
    candidate: str,
    *,
    first: int,
    refit_days: int,
    members: Mapping[str, Mapping[str, Any]] = BOTH,
    symbols: tuple[str, ...] = ("BTCUSDT",),
) -> Recipe:
    """Return the shipped recipe for one candidate, with few refits; day `first` is scored first."""
    recipe, day = small_recipe(symbols), (START + timedelta(days=first)).date()
    dates = {"oof_from": day, "score_from": day, "refit_days": refit_days}
    update = {
        "target": recipe.target.model_copy(update={"candidates": (candidate,)}),
        "train": recipe.train.model_copy(update=dates),
        "members": {name: {**recipe.members[name], **members[name]} for name in members},
    }
    return recipe.model_copy(update=update)


def simulated(
    recipe: Recipe, seed: int, days: int, *, drift_signal: float = 0.0, vol_of_vol: float = 0.0
) -> Materials:
    """Return what the recipe learns from, of a simulated market."""
    end = START + timedelta(days=days)
    source = SimulatedMarket(
        seed, clock=FixedClock(end), drift_signal=drift_signal, vol_of_vol=vol_of_vol
    )
    series = [
        source.fetch(symbol, interval, None, end)
        for symbol in recipe.train.symbols
        for interval in ("1d", "4h", "1h")
    ]
    return build_materials(Market(series).as_of(end), recipe, make_learners(recipe).values())


def evaluated(materials: Materials, recipe: Recipe) -> tuple[EvaluationEntry, dict[str, Forecasts]]:
    """Return the evaluation, and the scored forecasts: `published` and every reference's."""
    with joblib.parallel_config(backend="sequential"):
        (found,) = out_of_fold(materials, recipe, make_learners(recipe), Quiet()).values()
    prequential = publish_out_of_fold(found, recipe, until=materials.until)
    published, references = scored_forecasts(found, prequential, recipe)
    return measure(found, prequential, recipe), {"published": published, **references}


def allowed(trials: int) -> int:
    """Return how many of the trials may happen: more has a probability below 1 % if 5 % is true.

    >>> allowed(6), allowed(60), allowed(200), allowed(400)
    (2, 7, 18, 31)
    """
    return int(binom.ppf(0.99, trials, 0.05))
