"""The candles that training, evaluation and search read: complete up to one cut-off."""

from __future__ import annotations

from datetime import datetime

from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataStale, UsageError
from forecastlab.contracts.intervals import asof_name, last_closed_open, parse_cut_off
from forecastlab.usecases.training_materials import read_training_market
from forecastlab.usecases.update import training_needs, update
from forecastlab.usecases.workspace import Workspace


def training_market(
    workspace: Workspace, recipe: Recipe, until: str | None
) -> tuple[datetime, Market]:
    """Bring the candles of a recipe up to the cut-off, and read them.

    Args:
        until: the cut-off candle by its open; None for the one that closed last.

    Returns:
        The cut-off's open, and the market up to it.

    Raises:
        UsageError: the cut-off is in the future.
        DataStale: the candles of the forecast symbol do not reach it.
        DataUnavailable: there are none.
    """
    interval = recipe.interval
    newest = last_closed_open(workspace.clock.now(), interval)
    cut_off = newest if until is None else parse_cut_off(until, interval)
    if cut_off > newest:
        raise UsageError(
            f"The cut-off {until} is not closed yet.",
            remedy=f"The newest is {asof_name(newest, interval)}.",
        )
    if workspace.lake is not None:
        update(workspace, training_needs(recipe))
    market = read_training_market(workspace.archive, recipe, cut_off, workspace.progress)
    held = market.newest(recipe.symbol, interval)
    if held < cut_off:
        raise DataStale(
            f"The candles of {recipe.symbol} end at {asof_name(held, interval)}, before the"
            f" cut-off {asof_name(cut_off, interval)}.",
            remedy=f"Run `forecastlab update`, or give --until {asof_name(held, interval)}.",
        )
    return cut_off, market


def newest_at_hand(workspace: Workspace, recipe: Recipe) -> str | None:
    """Return the newest candle that the files of a file source hold; None for a lake.

    A lake is brought up to the candle that closed last; files end where they end.
    """
    if workspace.lake is not None:
        return None
    interval = recipe.interval
    last = last_closed_open(workspace.clock.now(), interval)
    held = workspace.archive.read(recipe.symbol, interval, None, last)
    return asof_name(held.last_open, interval) if len(held) else None
