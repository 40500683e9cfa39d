"""A recipe in small: what `--quick`, the demo, the audit and the null controls run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import per_day
from forecastlab.models.base import Learner
from forecastlab.models.catalogue import SMALL


@dataclass(frozen=True)
class Walk:
    """A short, coarse walk-forward: days forecast, days scored, days from refit to refit."""

    oof: timedelta
    scored: timedelta
    refit_days: int


DAILY: Final = Walk(timedelta(days=1000), timedelta(days=700), 63)
"""The last 1,000 days in 16 folds, the last 700 of them scored."""

INTRADAY: Final = Walk(timedelta(days=300), timedelta(days=240), 75)
"""The last 300 days in 4 folds; learnt from one label a day of the last two years."""

_INTRADAY_WINDOW: Final = 730


def quick_recipe(recipe: Recipe, cut_off: datetime) -> Recipe:
    """Return the recipe with a short, coarse walk-forward before the cut-off and small networks."""
    daily = recipe.interval == "1d"
    walk = DAILY if daily else INTRADAY
    changes: dict[str, Any] = {
        "oof_from": (cut_off - walk.oof).date(),
        "score_from": (cut_off - walk.scored).date(),
        "refit_days": walk.refit_days,
    }
    if not daily:
        changes |= {"fit_every": per_day(recipe.interval), "train_window": _INTRADAY_WINDOW}
    train = recipe.train.model_copy(update=changes)
    return recipe.model_copy(update={"train": train, "members": small_members(recipe)})


def small_members(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return the members' tables, with networks small enough to be fitted many times."""
    return {name: {**table, **SMALL.get(name, {})} for name, table in recipe.members.items()}


def without_networks(recipe: Recipe) -> Recipe:
    """Return the recipe without the members that only torch can train."""
    members = {name: table for name, table in recipe.members.items() if name not in SMALL}
    return recipe.model_copy(update={"members": members})


def small(learner: Learner) -> Learner:
    """Return a learner that fits in seconds: a small network; others as they are."""
    changes = SMALL.get(learner.kind)
    if changes is None:
        return learner
    made: Learner = dataclasses.replace(learner, **changes)  # type: ignore[type-var]
    return made
