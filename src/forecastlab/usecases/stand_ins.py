"""What stands in for missing inputs of a version, and what a record must say of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.degradations import NEUTRAL_VALUES
from forecastlab.features.signal_neutral import neutral_values, newest_filled
from forecastlab.usecases.ladder import inputs_at, step_down


@dataclass(frozen=True, eq=False)
class StoodIn:
    """Feature rows whose newest one has stand-ins.

    Attributes:
        notes: what a record's `degraded` must say of them; empty if nothing was missing.
        obstacle: why the version cannot answer at all, or None.
        missing: column -> the neutral value that stands in for it.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...] = ()
    obstacle: str | None = None
    missing: dict[str, float] = field(default_factory=dict)


def with_stand_ins(recipe: Recipe, view: MarketView, symbol: str, rows: pd.DataFrame) -> StoodIn:
    """Fill the newest row of a version's features, if the version may answer without what lacks.

    Rows of recipes that are no version come back as they are.

    Args:
        view: what was known at the newest row's as-of.
        rows: of the recipe's feature set, ascending.
    """
    version = recipe.recipe
    if version is None:
        return StoodIn(rows)
    rung = step_down(inputs_at(view, symbol, recipe.features.references), (version,))
    if rung.version is None:
        return StoodIn(rows, rung.reasons, "; ".join(rung.reasons))
    filled, stood_in = newest_filled(rows, recipe.features.set)
    values = neutral_values(recipe.features.set)
    named = (NEUTRAL_VALUES.says(columns=", ".join(stood_in)),) if stood_in else ()
    missing = {name: values[name] for name in stood_in}
    return StoodIn(filled, (*rung.reasons, *named), missing=missing)
