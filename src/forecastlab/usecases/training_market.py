"""The candles that training, evaluation and search read: complete up to one cut-off."""

from __future__ import annotations

from datetime import datetime

from forecastlab.contracts.candles import Market
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import DataStale, UsageError
from forecastlab.contracts.intervals import asof_name, last_closed_open, parse_asof
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
    newest = last_closed_open(workspace.clock.now(), "1d")
    cut_off = newest if until is None else parse_asof(until, "1d")
    if cut_off > newest:
        raise UsageError(
            f"The cut-off {until} is not closed yet.",
            remedy=f"The newest is {asof_name(newest, '1d')}.",
        )
    if workspace.lake is not None:
        update(workspace, training_needs(recipe))
    market = read_training_market(workspace.archive, recipe, cut_off, workspace.progress)
    held = market.newest(recipe.symbol, "1d")
    if held < cut_off:
        raise DataStale(
            f"The candles of {recipe.symbol} end at {asof_name(held, '1d')}, before the cut-off"
            f" {asof_name(cut_off, '1d')}.",
            remedy=f"Run `forecastlab update`, or give --until {asof_name(held, '1d')}.",
        )
    return cut_off, market


def newest_at_hand(workspace: Workspace, symbol: str) -> str | None:
    """Return the newest daily candle that the files of a file source hold; None for a lake.

    A lake is brought up to the candle that closed last; files end where they end.
    """
    if workspace.lake is not None:
        return None
    last = last_closed_open(workspace.clock.now(), "1d")
    held = workspace.archive.read(symbol, "1d", None, last)
    return asof_name(held.last_open, "1d") if len(held) else None
