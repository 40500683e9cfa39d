"""A recipe in small: what `--quick`, the demo, the audit and the null controls run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.config import Recipe

QUICK_OOF: Final = timedelta(days=1000)
QUICK_SCORED: Final = timedelta(days=700)
QUICK_REFIT_DAYS: Final = 63
"""The last 1,000 days in 16 folds, the last 700 of them scored."""


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
